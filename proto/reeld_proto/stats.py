"""Counters: what `reelctl stats` prints and the `stats` topic carries twice a second."""

from msgspec import field

from reeld_proto.records import Record, SessionBrief, SoundClock
from reeld_proto.upkeep import UpkeepTask


class QueueStats(Record, frozen=True, kw_only=True):
    """A bounded queue. `overflow`: `block` (producer waits), `drop` (counted in `dropped`), or `resend`.

    retries: how often something in it had to be tried again.
    """

    name: str
    unit: str
    depth: int
    limit: int
    peak: int = 0
    dropped: int = 0
    overflow: str = "block"
    retries: int = 0


class SourceStats(Record, frozen=True, kw_only=True):
    """A camera or film in a picture of several sources.

    matched: instants at which it was shown in step with the others; held: at which its last frame was shown because
    none came in time; dropped: its frames that were never shown.
    """

    source: str
    received: int = 0
    matched: int = 0
    held: int = 0
    dropped: int = 0


class TrackStats(Record, frozen=True, kw_only=True):
    """A track being recorded. frames: encoded frames or audio packets; `lag_ms`: age of the newest durable media."""

    id: str
    frames: int = 0
    unchanged: int = 0
    dropped: int = 0
    bytes: int = 0
    chunks: int = 0
    lag_ms: float = 0.0
    media_s: float = 0.0
    silence_s: float = 0.0
    peak_db: float | None = None
    """Audio: highest level since the last report, in dB of full scale; None for video."""
    device: str = ""
    """Audio: id of the device that is recorded now, or waited for; it changes where a default is followed."""
    cpu_s: dict[str, float] = field(default_factory=dict)
    """Video: seconds of CPU since the start by stage: signal, grab, convert, encode, send."""
    sources: list[SourceStats] = field(default_factory=list)
    """Video: sources that have a time of their own and are shown in step."""
    clock: SoundClock | None = None
    """Audio of one device, once it is known: how its clock runs beside ours."""


class WorkerStats(Record, frozen=True, kw_only=True):
    """A process. `cpu`: cores used since the last report (1.0 = one core); `rss_bytes`: resident memory.

    restarts: how often the supervisor had to restart this role.
    """

    name: str
    pid: int
    cpu: float
    rss_bytes: int
    restarts: int = 0
    queues: list[QueueStats] = field(default_factory=list)


class Stats(Record, frozen=True, kw_only=True):
    """One snapshot of everything counted. `disk_free_bytes` is of the store's file system."""

    at_mono_ns: int
    session: SessionBrief | None
    workers: list[WorkerStats] = field(default_factory=list)
    tracks: list[TrackStats] = field(default_factory=list)
    disk_free_bytes: int = 0
    store_bytes: int = 0
    upkeep: list[UpkeepTask] = field(default_factory=list)
