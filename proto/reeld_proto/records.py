"""Descriptions of things that exist: sources, sessions, tracks, gaps, markers, workers.

They are parts of replies and events; their field names are the fields of `reelctl --json`.
"""

from enum import StrEnum

from msgspec import Struct, field


class Record(Struct, frozen=True, kw_only=True):
    """Base of all records: immutable, named fields only, unknown fields ignored on arrival."""


class SessionState(StrEnum):
    """States of a session; the transition table is in `reeld.sessions.states`."""

    IDLE = "idle"
    VALIDATING = "validating"
    CHECKING_PERMISSIONS = "checking_permissions"
    STARTING = "starting"
    ACTIVE = "active"
    PAUSING = "pausing"
    PAUSED = "paused"
    RESUMING = "resuming"
    ENDING = "ending"
    PERSISTING = "persisting"
    COMPLETED = "completed"
    ERROR = "error"
    INTERRUPTED = "interrupted"
    PARTIAL = "partial"


class WorkerState(StrEnum):
    """States of a worker process as the supervisor sees it."""

    STARTING = "starting"
    READY = "ready"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


class TrackKind(StrEnum):
    """What a track holds."""

    VIDEO = "video"
    AUDIO = "audio"
    SNAPSHOT = "snapshot"


class GapReason(StrEnum):
    """Why a stretch of a track holds no media."""

    PAUSED = "paused"
    HIDDEN = "hidden"
    DEVICE_LOST = "device-lost"
    WORKER_RESTART = "worker-restart"
    DROPPED = "dropped"
    ASLEEP = "asleep"
    DISK_FULL = "disk-full"
    FORGOTTEN = "forgotten"
    THINNED = "thinned"
    DAMAGED = "damaged"
    ABSENT = "absent"
    RECYCLED = "recycled"


class Quality(StrEnum):
    """Named trade-offs between size and fidelity of the picture."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    LOSSLESS = "lossless"


class VideoCodec(StrEnum):
    """Formats of encoded pictures; the values are the names of codecs in the store."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


class EncoderChoice(StrEnum):
    """What encodes pictures: the processor, or the graphics hardware where a trial shows that it can."""

    SOFTWARE = "software"
    AUTO = "auto"


class Layout(StrEnum):
    """How several video sources become one picture; `tracks`: they do not, each is a track of its own."""

    PASSTHROUGH = "passthrough"
    GRID = "grid"
    SIDE_BY_SIDE = "side-by-side"
    PIP = "pip"
    TRACKS = "tracks"


class Corner(StrEnum):
    """Where the first inset of a picture in picture lies; further ones follow clockwise."""

    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_RIGHT = "bottom-right"
    BOTTOM_LEFT = "bottom-left"


class InsetSize(StrEnum):
    """Width of the insets of a picture in picture: a fifth, a quarter or a third of the whole."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class SourceKind(StrEnum):
    """What a picture comes from."""

    DISPLAY = "display"
    REGION = "region"
    WINDOW = "window"
    CAMERA = "camera"
    FILE = "file"
    TEST = "test"


class Arrangement(Struct, frozen=True, kw_only=True):
    """A layout and what it can be told.

    columns: of a grid, 1 to 4, 0 chooses; corner, inset: of a picture in picture.
    """

    layout: Layout = Layout.PASSTHROUGH
    columns: int = 0
    corner: Corner = Corner.BOTTOM_RIGHT
    inset: InsetSize = InsetSize.MEDIUM


class DisplaySource(Record, frozen=True, kw_only=True):
    """One monitor. `id` is the output's name (`LEFT`, `HDMI-1`); x, y, width, height are pixels of the desktop."""

    id: str
    name: str
    x: int
    y: int
    width: int
    height: int
    primary: bool
    scale: float = 1.0


class WindowSource(Record, frozen=True, kw_only=True):
    """One top-level window. Geometry is in pixels of the desktop."""

    id: str
    title: str
    app: str
    x: int
    y: int
    width: int
    height: int


class CameraSource(Record, frozen=True, kw_only=True):
    """One camera. `id` is the device's path or index; modes: as `1280x720@30`, the best first."""

    id: str
    name: str
    modes: list[str] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its best mode; what most cameras have where it names none."""
        width, _, height = (self.modes[0].partition("@")[0] if self.modes else "1280x720").partition("x")
        return int(width), int(height)


class FileSource(Record, frozen=True, kw_only=True):
    """A recording that can be played as a source. `id` is its path."""

    id: str
    width: int
    height: int


class AudioSource(Record, frozen=True, kw_only=True):
    """One microphone or one output whose sound can be recorded. On Linux `id` is the sound server's source name."""

    id: str
    name: str
    default: bool


class WorkerInfo(Record, frozen=True, kw_only=True):
    """One worker process."""

    name: str
    pid: int
    state: WorkerState


class DaemonInfo(Record, frozen=True, kw_only=True):
    """The daemon process."""

    pid: int
    version: str
    uptime_s: float


class SessionBrief(Record, frozen=True, kw_only=True):
    """The session being recorded. `elapsed_s` is its recorded time, pauses taken out."""

    id: str
    name: str
    state: SessionState
    elapsed_s: float


# `gc=False` from here on: these come by the ten thousand in one reply and cannot refer to themselves, so the garbage
# collector need not look at each of them.
class BufferInfo(Record, frozen=True, kw_only=True):
    """The rolling buffer. minutes: how much it may hold; held_s: how much of the clock it holds, as far as is known.

    recording: whether it grows now; while a session of a person runs it does not.
    """

    minutes: float
    held_s: float
    recording: bool


class SoundClock(Record, frozen=True, kw_only=True, gc=False):
    """How the clock of a track's device runs beside ours, by a robust fit. A mix has none.

    ppm: how much it is fast, in millionths; residual_ms: how far its stated times spread around the fit; offset_ms: how
    much later the sound belongs than it is put; corrected_ms: by how much the sound was stretched in all to stay in
    step (below 0: shortened). A device that agrees with ours is not touched, and then that is 0.
    """

    ppm: float
    residual_ms: float
    offset_ms: float = 0.0
    corrected_ms: float = 0.0


class TrackInfo(Record, frozen=True, kw_only=True, gc=False):
    """One track of a session, as stored so far."""

    id: str
    kind: TrackKind
    codec: str
    label: str
    chunks: int
    bytes: int
    frames: int
    dropped: int
    unchanged: int = 0
    silence_s: float = 0.0
    """Audio: seconds filled with counted silence because the device had nothing yet or was lost."""
    clock: SoundClock | None = None
    """Audio of one device, recorded for half a minute or more: how its clock ran."""
    silence_ratio: float | None = None
    """Audio, of one session that is shown: share of its time that is silent, 0 to 1; detected, counted or lost."""


class GapInfo(Record, frozen=True, kw_only=True, gc=False):
    """A stretch of one track without media.

    `start_s` and `end_s` count from the start of the session on the clock, pauses included; `media_start_s` and
    `media_end_s` are the same instants in playback time, where a pause has no length. detail: of a hidden stretch, the
    name of the rule that hid it, or `private`, or `locked`; empty otherwise.
    """

    track: str
    start_s: float
    end_s: float
    reason: GapReason
    media_start_s: float = 0.0
    media_end_s: float = 0.0
    detail: str = ""


class MarkerInfo(Record, frozen=True, kw_only=True, gc=False):
    """A note at an instant of a session, in playback time."""

    at_s: float
    text: str


class SessionInfo(Record, frozen=True, kw_only=True, gc=False):
    """A session in the store. `status` is its state; `session` its id; `started_at` ISO 8601 with offset.

    origins: the recordings whose media it shows, if it was made of others. tier: `full`, or `keyframes` when the budget
    left only these.
    """

    session: str
    name: str
    state: SessionState
    started_at: str
    duration_s: float
    bytes: int
    tags: list[str] = field(default_factory=list)
    tracks: list[TrackInfo] = field(default_factory=list)
    gaps: list[GapInfo] = field(default_factory=list)
    markers: list[MarkerInfo] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    note: str = ""
    pinned: bool = False
    origins: list[str] = field(default_factory=list)
    tier: str = "full"


class Fault(Record, frozen=True, kw_only=True):
    """One thing that `verify` found: what is wrong (`kind`), where, and a sentence for people."""

    kind: str
    session: str = ""
    track: str = ""
    chunk: str = ""
    detail: str = ""
