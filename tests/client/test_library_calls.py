"""Each question about recordings: the command it sends, how long it waits, what it makes of the answer."""

from pathlib import Path
from typing import Any

import pytest

from reeld_client import library_calls as calls
from reeld_client.core import Call
from reeld_proto import commands as c
from reeld_proto.errors import InternalError
from tests.client.fake_reeld import INFO

QUESTIONS: list[tuple[Call[Any], c.Command, type]] = [
    (calls.clip("s", 1.0, 2.0, "n"), c.ClipSession(session="s", from_s=1.0, to_s=2.0, name="n"), c.Derived),
    (calls.trim("s", None, 2.0), c.TrimSession(session="s", to_s=2.0), c.Derived),
    (calls.merge(("s", "t"), "n"), c.MergeSessions(sessions=["s", "t"], name="n"), c.Derived),
    (calls.redact("s", 1.0, 2.0, ""), c.RedactSession(session="s", from_s=1.0, to_s=2.0), c.Derived),
    (calls.forget("s", 1.0, 2.0), c.ForgetRange(session="s", from_s=1.0, to_s=2.0), c.Forgotten),
    (calls.edit("s", {"note": "", "pinned": True}), c.EditSession(session="s", note="", pinned=True), c.SessionDetail),
    (calls.delete("s"), c.DeleteSession(session="s"), c.Deleted),
    (calls.gc(dry_run=True), c.CollectGarbage(dry_run=True), c.Collected),
    (calls.storage(), c.GetStorage(), c.StorageReport),
    (calls.apply_budget(dry_run=True), c.ApplyBudget(dry_run=True), c.BudgetApplied),
    (calls.save_replay(440.0, "n"), c.SaveReplay(last_s=440.0, name="n"), c.ReplaySaved),
    (calls.sync("s3://bucket/x"), c.SyncStore(target="s3://bucket/x"), c.Synced),
    (calls.bundle("s", "/x.reel"), c.BundleSession(session="s", path="/x.reel"), c.Bundled),
    (calls.import_media(["/a"], "n", ("t",)), c.ImportMedia(paths=["/a"], name="n", tags=["t"]), c.Imported),
    (calls.repair(None), c.RepairStore(), c.Repaired),
    (calls.upkeep(), c.GetUpkeep(), c.UpkeepStatus),
    (calls.steer_upkeep("run", "scrub"), c.SteerUpkeep(action="run", kind="scrub"), c.UpkeepStatus),
    (calls.check_index(rebuild=True), c.CheckIndex(rebuild=True), c.IndexChecked),
]


def name(value: object) -> str:
    return type(value.command).__name__ if isinstance(value, Call) else ""


@pytest.mark.parametrize(("call", "command", "_reply"), QUESTIONS, ids=name)
def test_the_command_is_what_was_asked(call: Call[Any], command: c.Command, _reply: type) -> None:
    assert call.command == command


@pytest.mark.parametrize(("call", "_command", "_reply"), QUESTIONS, ids=name)
def test_an_answer_to_something_else_is_not_taken(call: Call[Any], _command: c.Command, _reply: type) -> None:
    """Else a person would be told that something was deleted which was not."""
    with pytest.raises(InternalError):
        call.read(c.Pong())


@pytest.mark.parametrize(("call", "_command", "reply"), QUESTIONS, ids=name)
def test_the_right_answer_is_taken(call: Call[Any], _command: c.Command, reply: Any) -> None:
    answer = reply(**dict.fromkeys(reply.__struct_fields__, INFO))
    assert call.read(answer) == (INFO if reply is c.SessionDetail else answer)


def test_what_reads_or_writes_media_is_watched_and_the_rest_has_a_deadline() -> None:
    """A forget of hours must not time out half-way; a rename must not hang for ever."""
    endless = {type(call.command) for call, _, _ in QUESTIONS if call.timeout_s is None}
    assert endless == {
        c.RedactSession,
        c.ForgetRange,
        c.CollectGarbage,
        c.ApplyBudget,
        c.SyncStore,
        c.BundleSession,
        c.ImportMedia,
        c.RepairStore,
        c.SteerUpkeep,
        c.CheckIndex,
    }
    assert calls.upkeep().timeout_s == calls.QUICK_S
    assert calls.merge(["s"], "").timeout_s == calls.EDIT_S


def test_files_are_named_as_the_daemon_sees_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/x")
    assert calls.sync("copy").command == c.SyncStore(target=str(tmp_path / "copy"))
    assert calls.sync("~/copy").progress_path == "/home/x/copy"
    bundle = calls.bundle("s", Path("a.reel"))
    assert bundle.command == c.BundleSession(session="s", path=str(tmp_path / "a.reel"))
    assert bundle.progress_path == str(tmp_path / "a.reel")
    taken_in = calls.import_media(["a.mp4", "~/b"], "", ())
    assert taken_in.command == c.ImportMedia(paths=[str(tmp_path / "a.mp4"), "/home/x/b"])
    assert taken_in.progress_path == str(tmp_path / "a.mp4")
    assert calls.import_media([], "", ()).progress_path == ""
    assert calls.repair("copy").command == c.RepairStore(source=str(tmp_path / "copy"))
