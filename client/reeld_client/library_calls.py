"""What can be asked about recordings that are stored: one function a question, for both clients."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from reeld_client.core import Call, expect
from reeld_proto import commands as c
from reeld_proto.records import MarkerInfo, SessionInfo
from reeld_proto.snapshots import SnapshotInfo

QUICK_S = 5.0
EDIT_S = 60.0
"""A manifest over a session of many hours is written in well under a second, a queue before it aside."""

StrPath = str | os.PathLike[str]

OnProgress = Callable[[float, float], None]
"""Called with (done, total) of a long task, while its answer is awaited."""


class EditOptions(TypedDict, total=False):
    """What `edit` changes; the fields of `EditSession`."""

    name: str
    note: str
    add_tags: list[str]
    remove_tags: list[str]
    pinned: bool
    add_markers: list[MarkerInfo]


def absolute(path: StrPath) -> str:
    """The path as the daemon, which has a working directory of its own, must be told."""
    return str(Path(path).expanduser().absolute())


def clip(session: str, from_s: float, to_s: float, name: str) -> Call[c.Derived]:
    """A session of a range of another."""
    command = c.ClipSession(session=session, from_s=from_s, to_s=to_s, name=name)
    return Call(command, expect(c.Derived), EDIT_S)


def trim(session: str, from_s: float | None, to_s: float | None) -> Call[c.Derived]:
    """A session without its ends."""
    return Call(c.TrimSession(session=session, from_s=from_s, to_s=to_s), expect(c.Derived), EDIT_S)


def merge(sessions: Sequence[str], name: str) -> Call[c.Derived]:
    """A session of several."""
    return Call(c.MergeSessions(sessions=list(sessions), name=name), expect(c.Derived), EDIT_S)


def redact(session: str, from_s: float, to_s: float, name: str) -> Call[c.Derived]:
    """A session without a range."""
    command = c.RedactSession(session=session, from_s=from_s, to_s=to_s, name=name)
    return Call(command, expect(c.Derived), None)


def timeline(session: str) -> Call[c.SessionTimeline]:
    """What happened when in a session."""
    return Call(c.GetTimeline(session=session), expect(c.SessionTimeline), QUICK_S)


def forget(session: str, from_s: float, to_s: float) -> Call[c.Forgotten]:
    """Remove a range everywhere."""
    return Call(c.ForgetRange(session=session, from_s=from_s, to_s=to_s), expect(c.Forgotten), None)


def edit(session: str, options: EditOptions) -> Call[SessionInfo]:
    """Change what people wrote about a session."""
    read = expect(c.SessionDetail)
    return Call(c.EditSession(session=session, **options), lambda reply: read(reply).session, QUICK_S)


def delete(session: str) -> Call[c.Deleted]:
    """Delete a session."""
    return Call(c.DeleteSession(session=session), expect(c.Deleted), EDIT_S)


def gc(*, dry_run: bool) -> Call[c.Collected]:
    """Remove what nothing refers to."""
    return Call(c.CollectGarbage(dry_run=dry_run), expect(c.Collected), None)


def storage() -> Call[c.StorageReport]:
    """What takes how much room."""
    return Call(c.GetStorage(), expect(c.StorageReport), EDIT_S)


def apply_budget(*, dry_run: bool) -> Call[c.BudgetApplied]:
    """Apply quota and retention."""
    return Call(c.ApplyBudget(dry_run=dry_run), expect(c.BudgetApplied), None)


def save_replay(last_s: float, name: str) -> Call[c.ReplaySaved]:
    """Keep what has just passed."""
    return Call(c.SaveReplay(last_s=last_s, name=name), expect(c.ReplaySaved), EDIT_S)


def sync(target: str) -> Call[c.Synced]:
    """Copy the store."""
    where = target if "://" in target else absolute(target)
    return Call(c.SyncStore(target=where), expect(c.Synced), None, progress_path=where)


def bundle(session: str, path: StrPath) -> Call[c.Bundled]:
    """Write one session as a self-contained file."""
    where = absolute(path)
    return Call(c.BundleSession(session=session, path=where), expect(c.Bundled), None, progress_path=where)


def import_media(paths: Sequence[StrPath], name: str, tags: Sequence[str]) -> Call[c.Imported]:
    """Take files in."""
    where = [absolute(path) for path in paths]
    command = c.ImportMedia(paths=where, name=name, tags=list(tags))
    return Call(command, expect(c.Imported), None, progress_path=where[0] if where else "")


def repair(source: StrPath | None) -> Call[c.Repaired]:
    """Set aside what is damaged."""
    command = c.RepairStore(source=None if source is None else absolute(source))
    return Call(command, expect(c.Repaired), None, progress_path="")


def snapshots(session: str, folder: StrPath | None) -> Call[list[SnapshotInfo]]:
    """The snapshots of a session, written into a folder if one is named."""
    where = None if folder is None else absolute(folder)
    read = expect(c.SnapshotList)
    command = c.ListSnapshots(session=session, folder=where)
    return Call(command, lambda reply: read(reply).snapshots, EDIT_S if where is None else None, progress_path=where)


def upkeep() -> Call[c.UpkeepStatus]:
    """What the background workers do."""
    return Call(c.GetUpkeep(), expect(c.UpkeepStatus), QUICK_S)


def steer_upkeep(action: str, kind: str | None) -> Call[c.UpkeepStatus]:
    """Pause, resume or run background work."""
    return Call(c.SteerUpkeep(action=action, kind=kind), expect(c.UpkeepStatus), None)


def check_index(*, rebuild: bool) -> Call[c.IndexChecked]:
    """Compare the text index with the store."""
    return Call(c.CheckIndex(rebuild=rebuild), expect(c.IndexChecked), None)
