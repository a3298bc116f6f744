"""Commands about room: what takes it, what the budget would drop, and the rolling buffer."""

from msgspec import field

from reeld_proto.base import Command, Name, Reply
from reeld_proto.records import Record, SessionState


class GetStorage(Command, tag="storage.get", frozen=True, kw_only=True):
    """Ask what takes how much room. Answered by `StorageReport`."""


class ApplyBudget(Command, tag="storage.apply", frozen=True, kw_only=True):
    """Apply quota and retention now. dry_run: only say what would happen. Answered by `BudgetApplied`."""

    dry_run: bool = False


class SaveReplay(Command, tag="replay.save", frozen=True, kw_only=True):
    """Keep the last `last_s` seconds of the clock as a session, recording or not. Answered by `ReplaySaved`."""

    last_s: float
    name: Name = ""


class Usage(Record, frozen=True, kw_only=True):
    """Room taken by a session, track or day.

    unique_bytes: of chunks that no other of its kind refers to; shared_bytes: of chunks that others hold, too. pinned,
    started_at and tier (`full` or `keyframes`) are of sessions only; a day is told as `2026-11-22`.
    """

    key: str
    label: str
    unique_bytes: int
    shared_bytes: int
    duration_s: float = 0.0
    pinned: bool = False
    started_at: str = ""
    tier: str = ""


class BudgetItem(Record, frozen=True, kw_only=True):
    """What the budget does with a session. action: `keep`, `thin` (to key frames) or `drop`; with the reason.

    bytes: what goes by it, an estimate for `thin`; of what is kept, what it holds.
    """

    session: str
    name: str
    started_at: str
    action: str
    reason: str
    bytes: int


class StorageReport(Reply, tag="storage.reply", frozen=True, kw_only=True):
    """Answer to `GetStorage`.

    used_bytes: of the file on disk; held_bytes: of it, what holds something: the quota is about these, the rest is
    used again. live_bytes: of chunks that something refers to; garbage_bytes: of chunks that await collection;
    free_bytes: of the file system. forecast_days: until the quota (or the disk) is full at the pace of the last days;
    None without a pace. sessions: newest first; largest: of these, by unique bytes. days: newest first.
    """

    used_bytes: int
    live_bytes: int
    garbage_bytes: int
    free_bytes: int
    quota_bytes: int | None
    reserve_bytes: int
    bytes_per_day: float
    forecast_days: float | None
    sessions: list[Usage] = field(default_factory=list)
    tracks: list[Usage] = field(default_factory=list)
    days: list[Usage] = field(default_factory=list)
    largest: list[Usage] = field(default_factory=list)
    held_bytes: int = 0


class BudgetApplied(Reply, tag="storage.apply.reply", frozen=True, kw_only=True):
    """Answer to `ApplyBudget`. freed_bytes: what went or would go."""

    dry_run: bool
    items: list[BudgetItem]
    freed_bytes: int


class ReplaySaved(Reply, tag="replay.save.reply", frozen=True, kw_only=True):
    """Answer to `SaveReplay`. took_ms: from the arrival of the command to the commit.

    warnings: that less was there than was asked for, say.
    """

    session: str
    name: str
    state: SessionState
    duration_s: float
    bytes: int
    took_ms: float
    warnings: list[str] = field(default_factory=list)
