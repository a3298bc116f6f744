"""Sound while it is recorded: changing it, looking at its graph, and what was heard in a session."""

from enum import StrEnum

from msgspec import field

from reeld_proto.base import Command, Name, Reply
from reeld_proto.records import GapInfo, MarkerInfo, Record, SessionState
from reeld_proto.sound_graph import SoundChange, SoundGraph
from reeld_proto.stats import QueueStats

CHANGES_MAX = 64


class SpanKind(StrEnum):
    """What a detector heard in a stretch of sound."""

    VOICE = "voice"
    SILENCE = "silence"


class Pressure(StrEnum):
    """State of a queue between two nodes: `held` means that whoever fills it has to wait."""

    FREE = "free"
    FILLING = "filling"
    HELD = "held"


class NodeStats(Record, frozen=True, kw_only=True):
    """A node at work. blocks, frames: that it gave, a sink: that it took; busy_ms: spent in it, all since its start.

    fullness: of the fullest queue that leads to it, 0 to 1. latency_ms: by which its output lags its input, constant
    and made up for. took_p50_ms, took_p95_ms, took_p99_ms: how long the newest blocks took: median, 95th and 99th
    percentile. overruns: how often a queue to it was so full that it pressed back. errors: how often it broke.
    """

    name: str
    type: str
    blocks: int = 0
    frames: int = 0
    busy_ms: float = 0.0
    fullness: float = 0.0
    latency_ms: float = 0.0
    took_p50_ms: float = 0.0
    took_p95_ms: float = 0.0
    took_p99_ms: float = 0.0
    overruns: int = 0
    errors: int = 0
    pressure: Pressure = Pressure.FREE


class SoundLatency(Record, frozen=True, kw_only=True):
    """How old sound is when the sinks get it, in the newest blocks: median, 95th and 99th percentile.

    Most of it is on purpose: sound is held until an order to pause can no longer concern it.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float


class NodeLevels(Record, frozen=True, kw_only=True):
    """What a meter measured in 100 ms, for each channel, in dB of full scale; -120 is the least.

    peak_db: of the highest sample; rms_db: of their mean power.
    """

    node: str
    peak_db: list[float]
    rms_db: list[float]


class HeardSpan(Record, frozen=True, kw_only=True, gc=False):
    """A stretch in which a detector heard something, in playback time."""

    track: str
    start_s: float
    end_s: float


class AutomationPoint(Record, frozen=True, kw_only=True, gc=False):
    """A setting of a node, changed while the session was recorded, in playback time."""

    at_s: float
    node: str
    setting: str
    value: bool | float | str | list[float]


class AdjustSound(Command, tag="session.sound.adjust", frozen=True, kw_only=True):
    """Change settings of processors in the sound that is being recorded, from the arrival of this on, without a click.

    All or none: every fault is told. Answered by `SoundAdjusted`.
    """

    changes: list[SoundChange]


class EditSound(Command, tag="session.sound.edit", frozen=True, kw_only=True):
    """Record the sound through another graph from the arrival of this on. Its tracks must be the same ones.

    Answered by `SoundAdjusted` without changes.
    """

    graph: SoundGraph


class GetSoundGraph(Command, tag="session.sound", frozen=True, kw_only=True):
    """Ask for the graph of the session, or of the next one if there is none. Answered by `SoundGraphReply`."""


class GetTimeline(Command, tag="sessions.timeline", frozen=True, kw_only=True):
    """Ask what happened when in a session. Answered by `SessionTimeline`."""

    session: Name


class SoundAdjusted(Reply, tag="session.sound.adjusted", frozen=True, kw_only=True):
    """The change is recorded with the session. at_s: from where on it holds, in playback time."""

    session: str
    state: SessionState
    at_s: float
    changes: list[SoundChange] = field(default_factory=list)


class SoundGraphReply(Reply, tag="session.sound.reply", frozen=True, kw_only=True):
    """Answer to `GetSoundGraph`. session: None when nothing is recorded, and there are no statistics then.

    nodes, edges: by their names; levels: newest, of every meter.
    """

    session: str | None
    graph: SoundGraph
    nodes: list[NodeStats] = field(default_factory=list)
    edges: list[QueueStats] = field(default_factory=list)
    levels: list[NodeLevels] = field(default_factory=list)
    latency: SoundLatency | None = None


class SessionTimeline(Reply, tag="sessions.timeline.reply", frozen=True, kw_only=True):
    """Answer to `GetTimeline`. Each list is in the order of time. silence: detected, not counted."""

    session: str
    duration_s: float
    gaps: list[GapInfo]
    markers: list[MarkerInfo]
    voice: list[HeardSpan]
    silence: list[HeardSpan]
    automation: list[AutomationPoint]
