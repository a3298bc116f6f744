"""Orders about the rolling buffer: the daemon to the store worker."""

from msgspec import Struct, field

from reeld_proto.base import Order, Report


class BufferMoment(Struct, frozen=True, kw_only=True):
    """An instant on both clocks, and the session of the buffer, or of a person, that is being recorded; empty: none."""

    mono_ns: int
    wall_ns: int
    live: str = ""


class TrimBuffer(Order, tag="order.buffer.trim", frozen=True, kw_only=True):
    """Store: drop what the buffer's sessions hold of more than `keep_ns` before `now`. Answered by `BufferTrimmed`.

    entries_max: at most so many timeline entries at a time, so that ingest never waits long; ask again while not
    `complete`.
    """

    now: BufferMoment
    keep_ns: int
    entries_max: int = 2000


class BufferTrimmed(Report, tag="report.buffer.trimmed", frozen=True, kw_only=True):
    """held_ns: how much of the clock the buffer still holds; bytes: of its media; dropped: entries that went."""

    held_ns: int
    bytes: int
    dropped: int
    complete: bool = True


class KeepLast(Order, tag="order.replay.keep", frozen=True, kw_only=True):
    """Store: make a finished session of what was recorded in the last `last_ns` before `now`, over the same chunks.

    Answered by `LastKept`; refused (WRONG_STATE) if nothing was. Asking again with the same id goes on with it.
    work_ms: about how long its timeline is filled now, if it is short; `FillKept` does the rest.
    """

    session: str
    name: str
    last_ns: int
    now: BufferMoment
    work_ms: float


class LastKept(Report, tag="report.replay.kept", frozen=True, kw_only=True):
    """The new session is durable, and what it shows is kept, filled in (`complete`) or not.

    bytes: of the session when it is complete, before that about so many; missing_ns: how much of the time asked for
    nobody recorded or keeps.
    """

    duration_ns: int
    bytes: int
    missing_ns: int
    complete: bool


class FillKept(Order, tag="order.replay.fill", frozen=True, kw_only=True):
    """Store: fill in more of the sessions that `KeepLast` made, for about `work_ms`. Answered by `Kept`."""

    work_ms: float


class Kept(Report, tag="report.replay.filled", frozen=True, kw_only=True):
    """waiting: the sessions that are still not filled in."""

    waiting: list[str] = field(default_factory=list)
