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
from reeld_proto.enrich_orders import (
    EnrichmentKept,
    FindMeanings,
    KeepEnrichment,
    MeaningsFound,
    OpenStage,
    SliceDone,
    StageOpened,
    TakeSlice,
    UndoEnrichment,
)
from reeld_proto.ingest import (
    COMMITS_FOR_ALL,
    AnyCommitNote,
    AnyIngest,
    ChunkCaptured,
    ClockFitted,
    CommitNote,
    Committed,
    GapFound,
    Ingest,
    IngestRefused,
    SpansHeard,
    StoreStarted,
)
from reeld_proto.replay_orders import BufferTrimmed, FillKept, KeepLast, Kept, LastKept, TrimBuffer
from reeld_proto.session_orders import (
    CreateSession,
    FinishSession,
    RecordClockJump,
    RecordMarker,
    RecordPause,
    RecordState,
    TrackRecord,
)
from reeld_proto.snapshots import SnapshotList
from reeld_proto.sound_graph import SampleFormat, SoundChange
from reeld_proto.sound_orders import (
    AdjustTracks,
    DescribeSound,
    EditGraph,
    LevelMoment,
    LevelsTold,
    RecordAutomation,
    RecordGraph,
    SoundDescribed,
    WatchLevels,
)
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
from reeld_proto.track_orders import (
    ArrangePicture,
    AudioTrackSpec,
    CutTracks,
    HideTracks,
    ListWorkerSources,
    PauseSpan,
    PauseTracks,
    ResumeTracks,
    SessionClockData,
    SnapshotSpec,
    SourceSpec,
    StartAudio,
    StartVideo,
    StopTracks,
    TracksStarted,
    VideoTrackSpec,
)


class ShutDown(Order, tag="order.shutdown", frozen=True, kw_only=True):
    """Leave. Answered by `Done`, after which the process ends."""


class RunExport(Order, tag="order.export", frozen=True, kw_only=True):
    """Export worker: write this file from the store. Answered by `Exported`."""

    store: str
    session: str
    path: str
    from_s: float | None
    to_s: float | None
    tracks: list[str]
    samples: SampleFormat | None = None
    remix: list[SoundChange] | None = None


class RunVerify(Order, tag="order.verify", frozen=True, kw_only=True):
    """Export worker: check the store, or one session of it. Answered by `Verified`."""

    store: str
    session: str | None
    max_duration_s: float | None = None


class RunSnapshots(Order, tag="order.snapshots", frozen=True, kw_only=True):
    """Export worker: write the snapshots of a session into a folder. Answered by `SnapshotList`."""

    store: str
    session: str
    folder: str


class Done(Report, tag="report.done", frozen=True, kw_only=True):
    """The order was carried out."""


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


AnyOrder = (
    ListWorkerSources
    | StartVideo
    | ArrangePicture
    | StartAudio
    | AdjustTracks
    | EditGraph
    | WatchLevels
    | DescribeSound
    | PauseTracks
    | ResumeTracks
    | HideTracks
    | CutTracks
    | StopTracks
    | ShutDown
    | CreateSession
    | RecordPause
    | RecordMarker
    | RecordAutomation
    | RecordGraph
    | RecordState
    | RecordClockJump
    | FinishSession
    | RunExport
    | RunVerify
    | RunSnapshots
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
    | OpenStage
    | TakeSlice
    | FindMeanings
    | KeepEnrichment
    | UndoEnrichment
)
AnyReport = (
    Done
    | TracksStarted
    | SoundDescribed
    | Sources
    | Exported
    | SnapshotList
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
    | StageOpened
    | SliceDone
    | MeaningsFound
    | EnrichmentKept
    | ErrorReply
)
AnyTelemetry = WorkerReady | Progress | JobProgress | LevelsTold | Trouble
