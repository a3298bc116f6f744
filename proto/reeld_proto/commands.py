"""What a client may ask of the daemon, and what it is answered.

A command is imperative; its reply carries the envelope id of the command. Every command may also be answered by
`ErrorReply`. Field names of replies are the fields of `reelctl --json`.
"""

from msgspec import field

from reeld_proto.access import (
    Audit,
    CreateToken,
    GetAudit,
    GetHello,
    Hello,
    Identified,
    Identify,
    ListTokens,
    RevokeToken,
    TokenCreated,
    TokenList,
    TokenRevoked,
)
from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.copies import Bundled, BundleSession, Imported, ImportMedia, Synced, SyncStore
from reeld_proto.describing import Describe, Description
from reeld_proto.edits import (
    ClipSession,
    Collected,
    CollectGarbage,
    Deleted,
    DeleteSession,
    Derived,
    EditSession,
    ForgetRange,
    Forgotten,
    MergeSessions,
    RedactSession,
    TrimSession,
)
from reeld_proto.enrich import (
    EnrichList,
    EnrichPlanned,
    EnrichSession,
    EnrichStarted,
    Findings,
    GetEnrichPlan,
    GetFindings,
    GetTranscript,
    ListEnrichment,
    ListMoments,
    MomentsFound,
    SteerEnrichment,
    Transcript,
    WaitEnrichment,
    WantEnrichment,
)
from reeld_proto.incidents import ClearIncidents, IncidentDetail, IncidentList, ListIncidents, ShowIncident
from reeld_proto.jobs import CancelJob, JobDetail, JobInfo, JobList, ListJobs, ShowJob, TimeoutS, WaitJob
from reeld_proto.pictures import ArrangePictures, PictureArranged
from reeld_proto.privacy import PrivacyChanged, SetPrivate
from reeld_proto.records import (
    AudioSource,
    BufferInfo,
    CameraSource,
    Corner,
    DaemonInfo,
    DisplaySource,
    Fault,
    FileSource,
    GapInfo,
    InsetSize,
    Layout,
    Quality,
    SessionBrief,
    SessionInfo,
    SessionState,
    TrackInfo,
    VideoCodec,
    WindowSource,
    WorkerInfo,
)
from reeld_proto.reloading import ConfigReloaded, ReloadConfig
from reeld_proto.review import OpenReview, ReviewOpened
from reeld_proto.settings import FeatureList, ListFeatures, ListProfiles, ProfileList
from reeld_proto.snapshots import ListSnapshots, SnapshotList
from reeld_proto.sound import (
    AdjustSound,
    EditSound,
    GetSoundGraph,
    GetTimeline,
    SessionTimeline,
    SoundAdjusted,
    SoundGraphReply,
)
from reeld_proto.sound_graph import SampleFormat, SoundChange, SoundGraph
from reeld_proto.stats import Stats
from reeld_proto.storage import ApplyBudget, BudgetApplied, GetStorage, ReplaySaved, SaveReplay, StorageReport
from reeld_proto.upkeep import (
    CheckIndex,
    GetUpkeep,
    IndexChecked,
    Repaired,
    RepairStore,
    SteerUpkeep,
    UpkeepStatus,
)


class Ping(Command, tag="ping", frozen=True, kw_only=True):
    """Ask whether the daemon is alive. Answered by `Pong`."""


class GetStatus(Command, tag="status", frozen=True, kw_only=True):
    """Ask for daemon, workers and the current session. Answered by `Status`."""


class ListSources(Command, tag="sources", frozen=True, kw_only=True):
    """Ask what can be recorded now. Answered by `Sources`."""


class StartSession(Command, tag="session.start", frozen=True, kw_only=True):
    """Start recording. Answered by `SessionStarted` after the first frame (or first sound) was captured.

    displays: ids, or `["all"]`; empty means all when nothing else of the picture is named; `["none"]` for no picture.
    region, regions: `[x, y, width, height]` in pixels of the desktop. files: paths of recordings that are played.
    test_patterns: sizes, as `1280x720`. layout: nil is passthrough for one source and grid for more; columns, corner,
    inset: see `Arrangement`. output: width and height of a picture of several sources; nil: as large as they need.
    pointer: whether the mouse pointer is drawn.
    microphone, system_audio: an id, `default` or `none`; a default that is missing is a warning, a name an error.
    fps, quality, codec, pointer, snapshots: None means the daemon's configured default. audio: the graph of sounds in
    the place of the configured one; its devices called `default` are then microphone and system_audio.
    profile: name of one in the daemon's config, which says what is nil or empty here. Whoever names a source of
    pictures gets none of the profile's. microphone, system_audio: nil is the profile's, else `default`.
    """

    name: Name = ""
    displays: list[Name] = field(default_factory=list)
    windows: list[Name] = field(default_factory=list)
    cameras: list[Name] = field(default_factory=list)
    files: list[Text] = field(default_factory=list)
    test_patterns: list[Name] = field(default_factory=list)
    region: tuple[int, int, int, int] | None = None
    regions: list[tuple[int, int, int, int]] = field(default_factory=list)
    layout: Layout | None = None
    columns: int | None = None
    corner: Corner | None = None
    inset: InsetSize | None = None
    output: tuple[int, int] | None = None
    pointer: bool | None = None
    microphone: Name | None = None
    system_audio: Name | None = None
    fps: int | None = None
    quality: Quality | None = None
    codec: VideoCodec | None = None
    snapshots: bool | None = None
    audio: SoundGraph | None = None
    tags: list[Name] = field(default_factory=list)
    profile: Name = ""


class PauseSession(Command, tag="session.pause", frozen=True, kw_only=True):
    """Pause the current session. Answered by `SessionChanged`."""


class ResumeSession(Command, tag="session.resume", frozen=True, kw_only=True):
    """Resume the paused session. Answered by `SessionChanged`."""


class SetPaused(Command, tag="session.set-paused", frozen=True, kw_only=True):
    """Pause or resume, whichever is not so yet. Answered by `SessionChanged`, also when nothing had to change."""

    paused: bool


class StopSession(Command, tag="session.stop", frozen=True, kw_only=True):
    """End the current session. Answered by `SessionStopped` after everything is committed."""


class AddMarker(Command, tag="session.mark", frozen=True, kw_only=True):
    """Put a note at this instant of the current session. Answered by `SessionChanged`."""

    text: Text


class ListSessions(Command, tag="sessions.list", frozen=True, kw_only=True):
    """List sessions, newest first, or with `text` the best match first. Answered by `SessionList`.

    All filters given must hold; with `any_of`, one of them must. text: words of names, tags, notes and markers; `AND`
    (the default), `OR`, `"a phrase"`, and a prefix as in `meet*`. since, until: ISO 8601 instants or dates of the
    session's time. limit: at most so many. after: go on behind this session of an answer that had `more`.
    """

    status: SessionState | None = None
    tag: Name | None = None
    text: Text | None = None
    since: Name | None = None
    until: Name | None = None
    any_of: bool = False
    limit: int | None = None
    after: Name = ""


class ShowSession(Command, tag="sessions.show", frozen=True, kw_only=True):
    """Describe one session. Answered by `SessionDetail`."""

    session: Name


class ExportSession(Command, tag="sessions.export", frozen=True, kw_only=True):
    """Write a session, or a range of it in playback seconds, as an MP4 file without encoding again.

    path: absolute. tracks: ids; empty means all. Answered by `Exported`; `ExportProgress` events meanwhile.

    A path that ends in .wav, .flac, .opus, .ogg, .m4a or .aac gets one track of sound, exact to the frame; without
    `tracks` the mix, or the only one. samples: how they lie in a WAV file; None is `i24`.

    remix: nil takes the mix as it was recorded; else it is rendered again from the tracks of its sources, with what was
    changed then and, from beginning to end, with these settings.
    """

    session: Name
    path: Text
    from_s: float | None = None
    to_s: float | None = None
    tracks: list[Name] = field(default_factory=list)
    samples: SampleFormat | None = None
    remix: list[SoundChange] | None = None


class VerifyStore(Command, tag="store.verify", frozen=True, kw_only=True):
    """Check every chunk of the store, or of one session. Answered by `Verified`.

    max_duration_s: hash only as many chunks as this time allows, least recently checked first.
    """

    session: Name | None = None
    max_duration_s: float | None = None


class GetStats(Command, tag="stats", frozen=True, kw_only=True):
    """Ask for one snapshot of all counters. Answered by `StatsReply`."""


class GetSnapshot(Command, tag="snapshot", frozen=True, kw_only=True):
    """Ask for the state from which events continue. Answered by `Snapshot`."""


class Pong(Reply, tag="pong", frozen=True, kw_only=True):
    """The daemon is alive."""


class Status(Reply, tag="status.reply", frozen=True, kw_only=True):
    """Answer to `GetStatus`. buffer: the rolling buffer, None unless the config allows one.

    private: whether private mode is on, in which nothing is recorded.
    """

    daemon: DaemonInfo
    workers: list[WorkerInfo]
    session: SessionBrief | None
    buffer: BufferInfo | None = None
    private: bool = False


class Sources(Reply, tag="sources.reply", frozen=True, kw_only=True):
    """Answer to `ListSources`. `warnings` says why a list is empty (no display, no sound server).

    files: those that were asked about and can be played.
    """

    displays: list[DisplaySource] = field(default_factory=list)
    windows: list[WindowSource] = field(default_factory=list)
    cameras: list[CameraSource] = field(default_factory=list)
    files: list[FileSource] = field(default_factory=list)
    microphones: list[AudioSource] = field(default_factory=list)
    system_audio: list[AudioSource] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class SessionStarted(Reply, tag="session.started.reply", frozen=True, kw_only=True):
    """Answer to `StartSession`. `first_frame_ms`: from arrival of the command to the first captured frame."""

    session: str
    state: SessionState
    first_frame_ms: float | None
    name: str = ""
    warnings: list[str] = field(default_factory=list)


class SessionChanged(Reply, tag="session.changed.reply", frozen=True, kw_only=True):
    """Answer to pause, resume and mark: the session's state afterwards and its recorded time."""

    session: str
    state: SessionState
    elapsed_s: float
    marker_at_s: float | None = None


class SessionStopped(Reply, tag="session.stopped.reply", frozen=True, kw_only=True):
    """Answer to `StopSession`, sent after the last commit."""

    session: str
    state: SessionState
    duration_s: float
    tracks: list[TrackInfo]
    gaps: list[GapInfo]
    name: str = ""
    warnings: list[str] = field(default_factory=list)


class SessionList(Reply, tag="sessions.list.reply", frozen=True, kw_only=True):
    """Answer to `ListSessions`. more: a message did not hold all; ask again with `after` the last of these.

    warnings: sessions that are left out because their records are damaged; with the first message of a list.
    """

    sessions: list[SessionInfo]
    more: bool = False
    warnings: list[str] = field(default_factory=list)


class SessionDetail(Reply, tag="sessions.show.reply", frozen=True, kw_only=True):
    """Answer to `ShowSession`."""

    session: SessionInfo


class Exported(Reply, tag="sessions.export.reply", frozen=True, kw_only=True):
    """Answer to `ExportSession`. The file is complete and synced when this is sent."""

    path: str
    duration_s: float
    bytes: int


class Verified(Reply, tag="store.verify.reply", frozen=True, kw_only=True):
    """Answer to `VerifyStore`.

    complete: False if the time did not suffice for every chunk; next_chunk: then the digest of the last one checked.
    """

    ok: bool
    checked_chunks: int
    checked_bytes: int
    faults: list[Fault]
    complete: bool = True
    next_chunk: str = ""


class StatsReply(Reply, tag="stats.reply", frozen=True, kw_only=True):
    """Answer to `GetStats`."""

    stats: Stats


class Snapshot(Reply, tag="snapshot.reply", frozen=True, kw_only=True):
    """State as of event number `event_seq`: apply only events with a higher number. jobs: those under way."""

    event_seq: int
    status: Status
    stats: Stats | None
    jobs: list[JobInfo] = field(default_factory=list)


class ErrorReply(Reply, tag="error", frozen=True, kw_only=True):
    """The command was not done; nothing changed. `code` is a stable `ErrorCode`."""

    code: str
    message: str
    remedy: str = ""
    faults: list[str] = field(default_factory=list)


LongCommand = ExportSession | ListSnapshots | VerifyStore | SyncStore | BundleSession | ImportMedia
"""Commands that are jobs; `ListSnapshots` without a folder is a job as well, a short one."""


class StartJob(Command, tag="jobs.start", frozen=True, kw_only=True):
    """Begin a long command and do not wait for its end. Needs the scope of that command. Answered by `JobDetail`.

    command: one of `ExportSession`, `ListSnapshots`, `VerifyStore`, `SyncStore`, `BundleSession`, `ImportMedia`, with
    its `type`. timeout_s: after so long it is cancelled.
    """

    command: LongCommand
    timeout_s: TimeoutS | None = None


AnyCommand = (
    Ping
    | GetHello
    | Identify
    | Describe
    | GetStatus
    | ListSources
    | StartSession
    | ArrangePictures
    | AdjustSound
    | EditSound
    | GetSoundGraph
    | PauseSession
    | ResumeSession
    | SetPaused
    | StopSession
    | AddMarker
    | SetPrivate
    | ListSessions
    | ShowSession
    | GetTimeline
    | ExportSession
    | ListSnapshots
    | VerifyStore
    | GetStats
    | GetSnapshot
    | ClipSession
    | TrimSession
    | MergeSessions
    | RedactSession
    | ForgetRange
    | EditSession
    | DeleteSession
    | CollectGarbage
    | GetStorage
    | ApplyBudget
    | SaveReplay
    | SyncStore
    | BundleSession
    | ImportMedia
    | RepairStore
    | GetUpkeep
    | SteerUpkeep
    | CheckIndex
    | ReloadConfig
    | CreateToken
    | ListTokens
    | RevokeToken
    | GetAudit
    | ListProfiles
    | ListFeatures
    | StartJob
    | ListJobs
    | ShowJob
    | CancelJob
    | WaitJob
    | ListIncidents
    | OpenReview
    | EnrichSession
    | GetEnrichPlan
    | WaitEnrichment
    | ListEnrichment
    | WantEnrichment
    | SteerEnrichment
    | ListMoments
    | GetTranscript
    | GetFindings
    | ShowIncident
    | ClearIncidents
)
AnyReply = (
    Pong
    | Hello
    | Identified
    | Description
    | Status
    | Sources
    | SessionStarted
    | SessionChanged
    | PictureArranged
    | SoundAdjusted
    | SoundGraphReply
    | SessionStopped
    | PrivacyChanged
    | SessionList
    | SessionDetail
    | SessionTimeline
    | Exported
    | SnapshotList
    | Verified
    | StatsReply
    | Snapshot
    | Derived
    | Forgotten
    | Deleted
    | Collected
    | StorageReport
    | BudgetApplied
    | ReplaySaved
    | Synced
    | Bundled
    | Imported
    | Repaired
    | UpkeepStatus
    | IndexChecked
    | ConfigReloaded
    | TokenCreated
    | TokenList
    | TokenRevoked
    | Audit
    | ProfileList
    | FeatureList
    | JobDetail
    | JobList
    | IncidentList
    | ReviewOpened
    | EnrichStarted
    | EnrichPlanned
    | EnrichList
    | MomentsFound
    | Transcript
    | Findings
    | IncidentDetail
    | ErrorReply
)
