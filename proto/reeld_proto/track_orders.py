"""Orders about tracks: the daemon to the capture and audio workers."""

from msgspec import Struct, field

from reeld_proto.base import Order, Report
from reeld_proto.privacy import PrivacyRule
from reeld_proto.records import Arrangement, EncoderChoice, Quality, SourceKind, VideoCodec
from reeld_proto.sound_graph import SoundCodec, SoundGraph


class PauseSpan(Struct, frozen=True, kw_only=True):
    """A finished pause of a session, both ends on CLOCK_MONOTONIC."""

    start_ns: int
    end_ns: int


class SessionClockData(Struct, frozen=True, kw_only=True):
    """What a worker needs to turn monotonic instants into session time: the start and the pauses so far."""

    start_ns: int
    pauses: list[PauseSpan] = field(default_factory=list)
    paused_since_ns: int | None = None


class SourceSpec(Struct, frozen=True, kw_only=True):
    """Where pixels come from. id: as `Sources` lists it; of a file its path; empty for a region.

    app: of a window, by which it is found again after it was closed. x, y, width, height: pixels of the desktop when it
    was listed; of sources that are not on it, their size.
    """

    kind: SourceKind
    id: str = ""
    label: str = ""
    app: str = ""
    x: int = 0
    y: int = 0
    width: int
    height: int

    @property
    def key(self) -> tuple[SourceKind, str]:
        """Tells sources apart; whatever has the same key is the same source, wherever it is by now."""
        name = f"{self.x},{self.y},{self.width},{self.height}" if self.kind is SourceKind.REGION else self.id
        return self.kind, name

    @property
    def name(self) -> str:
        """What it is called in logs, which must not tell what a window shows."""
        return self.id or self.label or self.kind.value


class VideoTrackSpec(Struct, frozen=True, kw_only=True):
    """One picture to record as a track, of one or more sources. width, height: of the picture, in pixels."""

    track: str
    label: str
    sources: list[SourceSpec]
    arrangement: Arrangement = Arrangement()
    width: int
    height: int

    @property
    def source(self) -> str:
        """Ids of its sources, for people."""
        return ", ".join(source.id or source.kind.value for source in self.sources)


class SnapshotSpec(Struct, frozen=True, kw_only=True):
    """A track of snapshots. of: the video track whose picture it shows. min_s, max_s: bounds of its pace."""

    track: str
    of: str
    min_s: float
    max_s: float


class AudioTrackSpec(Struct, frozen=True, kw_only=True):
    """One sound to record as a track: what its node of the graph is to people.

    role: `mic` or `system` if it comes from that alone, `mix` if from several sources, else `other`; source: device id,
    empty unless it comes from one device alone.
    bit_rate: bits a second; None leaves it to the codec. rate: frames a second.
    """

    track: str
    label: str
    role: str
    source: str
    channels: int = 2
    codec: SoundCodec = SoundCodec.AAC
    bit_rate: int | None = None
    rate: int = 48_000


class ListWorkerSources(Order, tag="order.sources", frozen=True, kw_only=True):
    """What can this worker record now, and what is in these files? Answered by `Sources` with its own lists filled."""

    files: list[str] = field(default_factory=list)


class StartVideo(Order, tag="order.video.start", frozen=True, kw_only=True):
    """Record these pictures. Answered by `TracksStarted` after every track's first frame is captured.

    epoch: rises with each worker process that serves the session, so that the store can tell a restart from a stall.
    pointer: whether the mouse pointer is drawn. privacy: what is never recorded; hidden: as `HideTracks.detail`.
    snapshots: tracks of stills beside them; none that fails delays or ends the recording.
    """

    session: str
    epoch: int
    clock: SessionClockData
    tracks: list[VideoTrackSpec]
    fps: int
    quality: Quality
    pointer: bool = True
    codec: VideoCodec = VideoCodec.H264
    encoder: EncoderChoice = EncoderChoice.SOFTWARE
    privacy: list[PrivacyRule] = field(default_factory=list)
    hidden: str = ""
    snapshots: list[SnapshotSpec] = field(default_factory=list)


class StartAudio(Order, tag="order.audio.start", frozen=True, kw_only=True):
    """Record these sounds. Answered by `TracksStarted` once the devices are open (before their first sample).

    graph: as it is now; each of `tracks` is one of its track nodes. devices: for each of its device nodes the id to
    open; a node whose own `device` is `default` follows the default. hidden: as `HideTracks.detail`. levels: as
    `WatchLevels.on`.
    """

    session: str
    epoch: int
    clock: SessionClockData
    tracks: list[AudioTrackSpec]
    hidden: str = ""
    graph: SoundGraph = SoundGraph()
    devices: dict[str, str] = field(default_factory=dict)
    levels: bool = False


class ArrangePicture(Order, tag="order.video.arrange", frozen=True, kw_only=True):
    """Show these sources in this way in a track that is being recorded. Answered by `Done`.

    Sources that it shows already go on; new ones are opened first: if one cannot be, nothing changes.
    """

    track: str
    arrangement: Arrangement
    sources: list[SourceSpec]


class PauseTracks(Order, tag="order.pause", frozen=True, kw_only=True):
    """Media from `at_ns` (monotonic) on is not wanted until resumed. Answered by `Done`."""

    at_ns: int


class ResumeTracks(Order, tag="order.resume", frozen=True, kw_only=True):
    """Media from `at_ns` (monotonic) on is wanted again. Answered by `Done`."""

    at_ns: int


class HideTracks(Order, tag="order.hide", frozen=True, kw_only=True):
    """Nothing that is captured from `at_ns` (monotonic) on may be recorded: the tracks get a `hidden` gap.

    detail: why, as in `GapInfo`; empty: they are recorded again. Unlike in a pause, session time goes on. Answered by
    `Done`.
    """

    at_ns: int
    detail: str


class CutTracks(Order, tag="order.cut", frozen=True, kw_only=True):
    """Send what was recorded so far, without waiting for the chunks to be full. Recording goes on. Answered by `Done`.

    The answer comes when the store has it, after `wait_s` at the latest. keyframe_after_s: a picture whose last key
    frame is longer ago goes on with one.
    """

    wait_s: float = 0.0
    keyframe_after_s: float | None = None


class StopTracks(Order, tag="order.stop", frozen=True, kw_only=True):
    """Record up to `at_ns` (monotonic), drain, and wait until the store has acknowledged all. Answered by `Done`."""

    at_ns: int


class TracksStarted(Report, tag="report.started", frozen=True, kw_only=True):
    """All tracks run. `first_ns`: monotonic instant at which the first frame was captured; None without picture."""

    first_ns: int | None = None
    warnings: list[str] = field(default_factory=list)
