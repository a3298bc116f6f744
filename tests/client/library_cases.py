"""What the clients are asked about recordings, and what the daemon must hear: for both clients alike."""

from types import UnionType
from typing import Any, get_origin

import msgspec

from reeld_proto import commands as c
from reeld_proto.records import SessionInfo, SessionState
from tests.client.fake_reeld import INFO, FakeReeld

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], c.Command]] = [
    ("clip", ("s",), {"from_s": 1.0, "to_s": 2.0, "name": "n"}, c.ClipSession(session="s", from_s=1, to_s=2, name="n")),
    ("trim", ("s",), {"to_s": 2.0}, c.TrimSession(session="s", to_s=2)),
    ("merge", (["s", "t"],), {"name": "n"}, c.MergeSessions(sessions=["s", "t"], name="n")),
    ("redact", ("s",), {"from_s": 1.0, "to_s": 2.0}, c.RedactSession(session="s", from_s=1, to_s=2)),
    ("forget", ("s",), {"from_s": 1.0, "to_s": 2.0}, c.ForgetRange(session="s", from_s=1, to_s=2)),
    ("timeline", ("s",), {}, c.GetTimeline(session="s")),
    ("edit", ("s",), {"name": "n", "add_tags": ["t"]}, c.EditSession(session="s", name="n", add_tags=["t"])),
    ("delete", ("s",), {}, c.DeleteSession(session="s")),
    ("gc", (), {"dry_run": True}, c.CollectGarbage(dry_run=True)),
    ("gc", (), {}, c.CollectGarbage()),
    ("storage", (), {}, c.GetStorage()),
    ("apply_budget", (), {"dry_run": True}, c.ApplyBudget(dry_run=True)),
    ("apply_budget", (), {}, c.ApplyBudget()),
    ("save_replay", (440.0,), {"name": "n"}, c.SaveReplay(last_s=440, name="n")),
    ("sync", ("s3://b",), {}, c.SyncStore(target="s3://b")),
    ("bundle", ("s", "/x.reel"), {}, c.BundleSession(session="s", path="/x.reel")),
    ("import_media", (["/a"],), {"tags": ["t"]}, c.ImportMedia(paths=["/a"], tags=["t"])),
    ("repair", ("/copy",), {}, c.RepairStore(source="/copy")),
    ("repair", (), {}, c.RepairStore()),
    ("snapshots", ("s",), {}, c.ListSnapshots(session="s")),
    ("snapshots", ("s", "/f"), {}, c.ListSnapshots(session="s", folder="/f")),
    ("upkeep", (), {}, c.GetUpkeep()),
    ("steer_upkeep", ("pause",), {}, c.SteerUpkeep(action="pause")),
    ("check_index", (), {"rebuild": True}, c.CheckIndex(rebuild=True)),
    ("check_index", (), {}, c.CheckIndex()),
]
"""Method, arguments, and the command that must reach the daemon."""


_REPLIES: dict[type[c.Command], type[c.Reply]] = {
    **dict.fromkeys((c.ClipSession, c.TrimSession, c.MergeSessions, c.RedactSession), c.Derived),
    c.ForgetRange: c.Forgotten,
    c.EditSession: c.SessionDetail,
    c.GetTimeline: c.SessionTimeline,
    c.DeleteSession: c.Deleted,
    c.CollectGarbage: c.Collected,
    c.GetStorage: c.StorageReport,
    c.ApplyBudget: c.BudgetApplied,
    c.SaveReplay: c.ReplaySaved,
    c.SyncStore: c.Synced,
    c.BundleSession: c.Bundled,
    c.ImportMedia: c.Imported,
    c.RepairStore: c.Repaired,
    c.ListSnapshots: c.SnapshotList,
    **dict.fromkeys((c.GetUpkeep, c.SteerUpkeep), c.UpkeepStatus),
    c.CheckIndex: c.IndexChecked,
}


def answering() -> FakeReeld:
    """A daemon that answers each of these with a reply of the right type."""
    fake = FakeReeld()
    for command, reply in _REPLIES.items():
        fake.answers[str(command.__struct_config__.tag).replace(".", "_")] = blank(reply)
    return fake


def blank(kind: type[c.Reply]) -> c.Reply:
    """A reply with the least in its required fields."""
    needed = [each for each in msgspec.structs.fields(kind) if each.required]
    return kind(**{each.name: _least(each.type) for each in needed})


def _least(kind: Any) -> Any:
    if get_origin(kind) is UnionType:
        return None
    if kind is SessionInfo:
        return INFO
    if kind is SessionState:
        return SessionState.COMPLETED
    return (get_origin(kind) or kind)()
