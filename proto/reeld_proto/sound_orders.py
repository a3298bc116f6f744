"""Orders about sound: the daemon to the audio worker and to the store; and what the audio worker tells of it."""

from msgspec import Struct, field

from reeld_proto.base import Order, Report, Telemetry
from reeld_proto.sound import NodeLevels, NodeStats, SoundLatency
from reeld_proto.sound_graph import SoundChange, SoundGraph
from reeld_proto.stats import QueueStats


class AdjustTracks(Order, tag="order.audio.adjust", frozen=True, kw_only=True):
    """Audio: change these settings at the frame of `at_ns` (monotonic), each with its ramp. Answered by `Done`.

    They were checked against the graph; what is asked while the sound is hidden holds when it is recorded again.
    """

    at_ns: int
    changes: list[SoundChange]


class EditGraph(Order, tag="order.audio.edit", frozen=True, kw_only=True):
    """Audio: another graph from `at_ns` (monotonic) on, with the same tracks. Answered by `Done`; an error: as before.

    devices: as in `StartAudio`.
    """

    at_ns: int
    graph: SoundGraph
    devices: dict[str, str] = field(default_factory=dict)


class WatchLevels(Order, tag="order.audio.levels", frozen=True, kw_only=True):
    """Audio: somebody listens to levels, or nobody any more, since `StartAudio` said so. Answered by `Done`."""

    on: bool


class DescribeSound(Order, tag="order.audio.describe", frozen=True, kw_only=True):
    """Audio: tell how the graph does. Answered by `SoundDescribed`."""


class SoundDescribed(Report, tag="report.audio", frozen=True, kw_only=True):
    """nodes, edges, levels: as in `SoundGraphReply`; empty while the sound is hidden."""

    session: str
    nodes: list[NodeStats] = field(default_factory=list)
    edges: list[QueueStats] = field(default_factory=list)
    levels: list[NodeLevels] = field(default_factory=list)
    latency: SoundLatency | None = None


class LevelMoment(Struct, frozen=True, kw_only=True):
    """What all meters measured in the 100 ms that end at `at_ns` (media)."""

    at_ns: int
    levels: list[NodeLevels]


class LevelsTold(Telemetry, tag="worker.levels", frozen=True, kw_only=True):
    """Audio, while somebody listens: what was measured since the last of these, oldest first."""

    worker: str
    session: str
    moments: list[LevelMoment]


class RecordAutomation(Order, tag="order.session.automation", frozen=True, kw_only=True):
    """Store: these settings were changed at `media_ns`. Durable when answered by `Done`. Idempotent."""

    session: str
    media_ns: int
    changes: list[SoundChange]


class RecordGraph(Order, tag="order.session.graph", frozen=True, kw_only=True):
    """Store: from `media_ns` on the sound ran through this graph. Durable when answered by `Done`."""

    session: str
    media_ns: int
    graph: SoundGraph
