"""Between the daemon and its workers: orders down, reports up. Private to one installation, same version on both ends.

Control (DEALER of the worker to ROUTER of the daemon): every `Order` carries an envelope id and is answered once by a
`Report` with the same id, or by `ErrorReply`. The daemon speaks first only after `WorkerReady`.
Telemetry (PUSH of the worker to PULL of the daemon): `Telemetry` messages, no answer, droppable but for their counters.
"""

from msgspec import Struct, field

from reeld_proto.base import Order, Report, Telemetry
from reeld_proto.commands import (
    Bundled,
    Collected,
    Deleted,
    ErrorReply,
    Exported,
    Forgotten,
    Imported,
    Repaired,
    Sources,
    Synced,
    Verified,
)
from reeld_proto.records import Arrangement, GapReason, Quality, SessionState, SourceKind, TrackKind
from reeld_proto.replay_orders import BufferTrimmed, FillKept, KeepLast, Kept, LastKept, TrimBuffer
from reeld_proto.stats import QueueStats, TrackStats
from reeld_proto.store_orders import (
    CollectChunks,
    Compacted,
    DeriveSession,
    EditRecord,
    EraseFreed,
    ForgetMedia,
    FreedErased,
    Healing,
    ImportSession,
    ImportStaged,
    LandBytes,
    MediaStaged,
    RecordCheck,
    Recut,
    RemoveSession,
    RepairChunks,
    ReplaceMedia,
    RunBundle,
    RunCompact,
    RunCompress,
    RunHealing,
    RunImport,
    RunRecut,
    RunScrub,
    RunSync,
    RunThin,
    RunUsage,
    Scrubbed,
    Surveyed,
    SwapFile,
)


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


class AudioTrackSpec(Struct, frozen=True, kw_only=True):
    """One sound to record as a track. role: `mic`, `system` or `mix`; source: device id, empty for the mix."""

    track: str
    label: str
    role: str
    source: str
    channels: int = 2


# -- orders ---------------------------------------------------------------------------------------------------------


class ListWorkerSources(Order, tag="order.sources", frozen=True, kw_only=True):
    """What can this worker record now, and what is in these files? Answered by `Sources` with its own lists filled."""

    files: list[str] = field(default_factory=list)


class StartVideo(Order, tag="order.video.start", frozen=True, kw_only=True):
    """Record these pictures. Answered by `TracksStarted` after every track's first frame is captured.

    epoch: rises with each worker process that serves the session, so that the store can tell a restart from a stall.
    pointer: whether the mouse pointer is drawn.
    """

    session: str
    epoch: int
    clock: SessionClockData
    tracks: list[VideoTrackSpec]
    fps: int
    quality: Quality
    pointer: bool = True


class StartAudio(Order, tag="order.audio.start", frozen=True, kw_only=True):
    """Record these sounds. Answered by `TracksStarted` once the devices are open (before their first sample)."""

    session: str
    epoch: int
    clock: SessionClockData
    tracks: list[AudioTrackSpec]


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


class ShutDown(Order, tag="order.shutdown", frozen=True, kw_only=True):
    """Leave. Answered by `Done`, after which the process ends."""


class CreateSession(Order, tag="order.session.create", frozen=True, kw_only=True):
    """Store: a session begins. Durable when answered by `Done`. Asking again with the same id changes nothing.

    buffer: it is part of the rolling buffer.
    """

    session: str
    name: str
    tags: list[str]
    started_wall_ns: int
    started_mono_ns: int
    tracks: list["TrackRecord"]
    warnings: list[str] = field(default_factory=list)
    buffer: bool = False


class RecordPause(Order, tag="order.session.pause", frozen=True, kw_only=True):
    """Store: the session is paused since `start_ns`, and, when `end_ns` is given, until then (session-relative clock).

    Both count nanoseconds from the session's start with pauses included. Durable when answered by `Done`.
    """

    session: str
    start_ns: int
    end_ns: int | None


class RecordMarker(Order, tag="order.session.marker", frozen=True, kw_only=True):
    """Store: put a note at `media_ns`. Durable when answered by `Done`."""

    session: str
    media_ns: int
    text: str


class RecordState(Order, tag="order.session.state", frozen=True, kw_only=True):
    """Store: the session is now in this state (active, paused, partial). Durable when answered by `Done`."""

    session: str
    state: SessionState
    warning: str = ""


class RecordClockJump(Order, tag="order.session.clock", frozen=True, kw_only=True):
    """Store: at `media_ns` the civil clock read `wall_ns` after a jump. Durable when answered by `Done`."""

    session: str
    media_ns: int
    wall_ns: int


class FinishSession(Order, tag="order.session.finish", frozen=True, kw_only=True):
    """Store: the session ended at `end_ns` (media). Every hole becomes a gap. Durable when answered by `Done`."""

    session: str
    end_ns: int
    state: SessionState


class RunExport(Order, tag="order.export", frozen=True, kw_only=True):
    """Export worker: write this file from the store. Answered by `Exported`."""

    store: str
    session: str
    path: str
    from_s: float | None
    to_s: float | None
    tracks: list[str]


class RunVerify(Order, tag="order.verify", frozen=True, kw_only=True):
    """Export worker: check the store, or one session of it. Answered by `Verified`."""

    store: str
    session: str | None
    max_duration_s: float | None = None


# -- reports --------------------------------------------------------------------------------------------------------


class Done(Report, tag="report.done", frozen=True, kw_only=True):
    """The order was carried out."""


class TracksStarted(Report, tag="report.started", frozen=True, kw_only=True):
    """All tracks run. `first_ns`: monotonic instant at which the first frame was captured; None without picture."""

    first_ns: int | None = None
    warnings: list[str] = field(default_factory=list)


# -- telemetry ------------------------------------------------------------------------------------------------------


class WorkerReady(Telemetry, tag="worker.ready", frozen=True, kw_only=True):
    """First message of a worker on its control socket: it has imported everything and can take orders."""

    name: str
    pid: int


class Progress(Telemetry, tag="worker.progress", frozen=True, kw_only=True):
    """Counters of a worker, twice a second while it records; their advance is its heartbeat."""

    worker: str
    session: str
    tracks: list[TrackStats] = field(default_factory=list)
    queues: list[QueueStats] = field(default_factory=list)


class JobProgress(Telemetry, tag="worker.job", frozen=True, kw_only=True):
    """An export or verification has done `done_s` of `total_s`."""

    worker: str
    session: str
    path: str
    done_s: float
    total_s: float


class Trouble(Telemetry, tag="worker.trouble", frozen=True, kw_only=True):
    """A fault that the worker survived, or its last word before it leaves."""

    worker: str
    code: str
    message: str
    track: str = ""


class TrackRecord(Struct, frozen=True, kw_only=True):
    """A track as the store first hears of it."""

    id: str
    kind: TrackKind
    codec: str
    label: str
    source: str


# -- ingest: producers to store --------------------------------------------------------------------------------------


class Ingest(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what producers push to the store. The envelope's `sender` and `seq` name it for acknowledgement."""


class ChunkCaptured(Ingest, tag="ingest.chunk", frozen=True, kw_only=True):
    """A CMAF chunk (one moof and one mdat), whose bytes are the second frame; the init segment, the third.

    The init segment travels with every chunk so that a chunk is never stored without what is needed to decode it;
    content addressing stores it once. start_ns, end_ns: media time. frames: samples in the mp4 sense.
    keyframe: the first sample can be decoded alone. counters are of this chunk alone. shift_ns: media time minus the
    chunk's own (tfdt).
    """

    session: str
    track: str
    epoch: int
    start_ns: int
    end_ns: int
    frames: int
    keyframe: bool
    codec: str
    dropped: int = 0
    unchanged: int = 0
    silence_ns: int = 0
    shift_ns: int = 0


class GapFound(Ingest, tag="ingest.gap", frozen=True, kw_only=True):
    """The producer knows why it has no media in this stretch (media time)."""

    session: str
    track: str
    epoch: int
    start_ns: int
    end_ns: int
    reason: GapReason


# -- commits: store to producers --------------------------------------------------------------------------------------


COMMITS_FOR_ALL = b"all"
"""Topic frame of notes that concern every producer. A subscription to a producer's name alone would not match b""."""


class CommitNote(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of what the store publishes. Topic frame: the producer's name, or `COMMITS_FOR_ALL`."""


class Committed(CommitNote, tag="commit", frozen=True, kw_only=True):
    """Everything of `producer` up to and including message number `seq` is durable."""

    producer: str
    seq: int


class StoreStarted(CommitNote, tag="commit.store", frozen=True, kw_only=True):
    """A store process serves the sockets. A new `instance` means: send again what is not acknowledged."""

    instance: str


class IngestRefused(CommitNote, tag="commit.refused", frozen=True, kw_only=True):
    """Message `seq` of `producer` can never be stored (unknown session, damaged); it must not be sent again."""

    producer: str
    seq: int
    reason: str


AnyOrder = (
    ListWorkerSources
    | StartVideo
    | ArrangePicture
    | StartAudio
    | PauseTracks
    | ResumeTracks
    | CutTracks
    | StopTracks
    | ShutDown
    | CreateSession
    | RecordPause
    | RecordMarker
    | RecordState
    | RecordClockJump
    | FinishSession
    | RunExport
    | RunVerify
    | DeriveSession
    | EditRecord
    | RemoveSession
    | ForgetMedia
    | ReplaceMedia
    | CollectChunks
    | EraseFreed
    | SwapFile
    | RunCompact
    | RecordCheck
    | RepairChunks
    | RunHealing
    | RunScrub
    | RunRecut
    | RunThin
    | RunCompress
    | RunUsage
    | RunSync
    | RunBundle
    | RunImport
    | LandBytes
    | ImportSession
    | TrimBuffer
    | KeepLast
    | FillKept
)
AnyReport = (
    Done
    | TracksStarted
    | Sources
    | Exported
    | Verified
    | Deleted
    | Forgotten
    | Collected
    | Recut
    | MediaStaged
    | Surveyed
    | FreedErased
    | Compacted
    | Healing
    | Scrubbed
    | Synced
    | Bundled
    | Imported
    | Repaired
    | ImportStaged
    | BufferTrimmed
    | LastKept
    | Kept
    | ErrorReply
)
AnyTelemetry = WorkerReady | Progress | JobProgress | Trouble
AnyIngest = ChunkCaptured | GapFound
AnyCommitNote = Committed | StoreStarted | IngestRefused
