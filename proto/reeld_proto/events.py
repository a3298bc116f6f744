"""What the daemon tells everybody who subscribed. Events are in the past tense and carry full state, not toggles.

Topic frames: `session`, `worker`, `stats`, `job`, `enrich`, `incident`, `export`, `audio`, `levels`. The envelope's
`seq` rises by one per event over all topics, so a subscriber of everything sees a loss as a hole; `GetSnapshot` gives
the state to continue from.
Events of `levels` have no number (`seq` is 0) and are made only while somebody subscribes to them by name.
"""

from msgspec import Struct

from reeld_proto.enrich import EnrichJob
from reeld_proto.incidents import Incident
from reeld_proto.jobs import JobInfo
from reeld_proto.records import SessionState, WorkerState
from reeld_proto.sound import NodeLevels, NodeStats, SoundLatency
from reeld_proto.stats import QueueStats, Stats


class Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events."""


class SessionStateChanged(Event, tag="session.state", frozen=True, kw_only=True):
    """A session entered `state`; `reason` is empty or says why (a service failed, the daemon is stopping)."""

    session: str
    name: str
    state: SessionState
    elapsed_s: float
    reason: str = ""


class PrivateModeChanged(Event, tag="session.private", frozen=True, kw_only=True):
    """Private mode was switched: while it is on nothing is recorded, whether there is a session or not."""

    private: bool


class MarkerAdded(Event, tag="session.marker", frozen=True, kw_only=True):
    """A note was put at `at_s` (playback time)."""

    session: str
    at_s: float
    text: str


class SessionBudgeted(Event, tag="session.budget", frozen=True, kw_only=True):
    """The budget dropped a session or thinned it to key frames (`action`: `drop` or `thin`), and why. bytes: freed."""

    session: str
    name: str
    action: str
    reason: str
    bytes: int


class WorkerStateChanged(Event, tag="worker.state", frozen=True, kw_only=True):
    """A worker process changed state."""

    name: str
    pid: int
    state: WorkerState
    reason: str = ""


class TroubleReported(Event, tag="worker.trouble", frozen=True, kw_only=True):
    """Something a person should know: a device was lost or is silent, a source stalled, the disk is filling.

    code: an `ErrorCode` or a `DeviceTrouble`.
    """

    worker: str
    code: str
    message: str
    track: str = ""


class StatsPublished(Event, tag="stats", frozen=True, kw_only=True):
    """Counters, twice a second."""

    stats: Stats


class ExportProgress(Event, tag="export.progress", frozen=True, kw_only=True):
    """`done` of `total` seconds of a running export are written."""

    session: str
    path: str
    done_s: float
    total_s: float


class JobChanged(Event, tag="job.changed", frozen=True, kw_only=True):
    """A job was begun, went on (at most four times a second) or ended."""

    job: JobInfo


class EnrichmentChanged(Event, tag="enrich.changed", frozen=True, kw_only=True):
    """A job of enrichment was begun, went on (at most four times a second), waits, or ended."""

    job: EnrichJob


class IncidentReported(Event, tag="incident", frozen=True, kw_only=True):
    """A process of reeld crashed or stalled; its trace is left out, see `ShowIncident`."""

    incident: Incident


class SoundHealthReported(Event, tag="audio.health", frozen=True, kw_only=True):
    """How the graph of the sound that is recorded does, every 10 s. edges: queues between nodes, as `giver-taker`."""

    session: str
    nodes: list[NodeStats]
    edges: list[QueueStats]
    latency: SoundLatency | None = None


class LevelsMeasured(Event, tag="levels.measured", frozen=True, kw_only=True):
    """What the meters measured in the 100 ms that end at `at_s` (playback time)."""

    session: str
    at_s: float
    levels: list[NodeLevels]


AnyEvent = (
    SessionStateChanged
    | PrivateModeChanged
    | MarkerAdded
    | SessionBudgeted
    | WorkerStateChanged
    | TroubleReported
    | StatsPublished
    | ExportProgress
    | JobChanged
    | EnrichmentChanged
    | IncidentReported
    | SoundHealthReported
    | LevelsMeasured
)

UNNUMBERED = frozenset({b"levels"})
"""Topics of which there is too much for those who did not ask for it."""


TOPICS = frozenset(str(kind.__struct_config__.tag).split(".", 1)[0].encode() for kind in AnyEvent.__args__)
"""All there are; a subscription to the beginning of one, or to nothing, gets it."""


def topic_of(event: Event) -> bytes:
    """Topic frame of an event: what stands before the first dot of its type."""
    tag = type(event).__struct_config__.tag
    return str(tag).split(".", 1)[0].encode()
