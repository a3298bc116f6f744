"""Values of the store's databases. Keys are in `keys.py`, the whole in FORMAT.md.

Records with one value per chunk are arrays, to be short; their fields may only be added at the end, with a default.
"""

from msgspec import Struct, field

from reeld_proto.findings import Stage
from reeld_proto.records import GapReason, SessionState, TrackKind
from reeld_proto.sound_graph import SoundGraph

STORE_FORMAT_VERSION = 3
"""Moves when an older reeld could misread the store. Each step has a migration."""

HASH_ALGORITHM = "sha256"

SESSION_RECORD_BYTES_MAX = 10_000
"""A session's own record can always be loaded alone: what grows with time is kept elsewhere."""


class StoreMeta(Struct, frozen=True, kw_only=True):
    """How to read this store."""

    format: int
    hash: str


class ClockState(Struct, frozen=True, array_like=True):
    """How the clock of a track's device ran, as process `epoch` knew it at `at_ns` (media time); see `SoundClock`.

    In whole numbers, which are shorter: thousandths of a millionth, and microseconds.
    """

    epoch: int
    at_ns: int
    ppm_thousandths: int
    residual_us: int
    offset_us: int
    corrected_us: int


class TrackState(Struct, kw_only=True):
    """A track and its counters; sums over its timeline. `end_ns`: chunks and gaps cover [0, end_ns).

    epoch: the newest process that delivered media, None before the first. overlaps: chunks that had to be shortened
    because their time was taken. clock: of the device that alone sounds in it, once that is known.
    """

    id: str
    kind: TrackKind
    codec: str
    label: str
    source: str
    epoch: int | None = None
    end_ns: int = 0
    chunks: int = 0
    bytes: int = 0
    frames: int = 0
    dropped: int = 0
    unchanged: int = 0
    silence_ns: int = 0
    overlaps: int = 0
    clock: ClockState | None = None


class SessionRecord(Struct, kw_only=True):
    """A session. `end_ns` (media time) is None until it is finished or was marked interrupted.

    pinned: the budget never drops it. origins: ids of the recordings whose media it shows, empty for a recording.
    buffer: part of the rolling buffer, shown to nobody. tier: what the budget left of it, `full` or `keyframes`.
    revision: rises whenever anything that is said about the session changes (not with every chunk).
    """

    id: str
    name: str
    tags: list[str]
    state: SessionState
    started_wall_ns: int
    started_mono_ns: int
    tracks: list[TrackState] = field(default_factory=list)
    end_ns: int | None = None
    pinned: bool = False
    origins: list[str] = field(default_factory=list)
    buffer: bool = False
    tier: str = "full"
    revision: int = 0

    def track(self, track_id: str) -> TrackState | None:
        """The track of that name."""
        return next((track for track in self.tracks if track.id == track_id), None)

    def media_end_ns(self) -> int:
        """Where the session ends in media time, so far."""
        return self.end_ns if self.end_ns is not None else max((track.end_ns for track in self.tracks), default=0)


class ChunkEntry(Struct, frozen=True, array_like=True):
    """A chunk on a timeline; its start is in the key.

    shift_ns: the session's media time minus the chunk's own (tfdt), so the entry shows the chunk's samples from
    `start - shift_ns` to `end_ns - shift_ns`.
    """

    end_ns: int
    chunk: bytes
    init: bytes
    size: int
    frames: int
    keyframe: bool
    epoch: int
    dropped: int
    unchanged: int
    silence_ns: int
    shift_ns: int = 0


class PrerollEntry(Struct, frozen=True, array_like=True):
    """What a decoder needs before the chunk that begins at the key's time, and what is not shown.

    chunks: from a key frame on, in order, each as (digest of the chunk, digest of its init segment).
    """

    chunks: list[tuple[bytes, bytes]]


class GarbageEntry(Struct, frozen=True, array_like=True):
    """Bytes that nothing refers to since `since_wall_ns`, and why."""

    since_wall_ns: int
    size: int
    reason: str


class QuarantineEntry(Struct, frozen=True, array_like=True):
    """Bytes that are not what their digest says, set aside; and the rows that were taken out because of them.

    data: what was there, empty if nothing was. rows: (database, key, value) as they were; the references that they
    count stay counted, so that they can be put back once the bytes are healed.
    """

    reason: str
    at_wall_ns: int
    data: bytes
    rows: list[tuple[str, bytes, bytes]]


class LineageEntry(Struct, frozen=True, array_like=True):
    """A part of a derived session, from the time in the key to `end_ns`: the recording `root` from its `root_ns` on."""

    end_ns: int
    root: str
    root_ns: int


class NoteEntry(Struct, frozen=True, array_like=True):
    """What a person wrote about a session."""

    text: str


class GapEntry(Struct, frozen=True, array_like=True):
    """A stretch without media; its start is in the key. detail: by which rule it is hidden."""

    end_ns: int
    reason: GapReason
    detail: str = ""


class References(Struct, frozen=True, array_like=True):
    """How many entries (of timelines and prerolls) need these bytes, and how many bytes they are."""

    count: int
    size: int


class PauseEntry(Struct, frozen=True, array_like=True):
    """A pause; its start, on the session's clock, is in the key. `end_ns` is None while it lasts."""

    end_ns: int | None


class MarkerEntry(Struct, frozen=True, array_like=True):
    """A note; its media time is in the key."""

    text: str


class HeardEntry(Struct, frozen=True, array_like=True):
    """A stretch in which a detector heard something; track, kind and start are in the key."""

    end_ns: int


class AutomationEntry(Struct, frozen=True, array_like=True):
    """A setting of a node of the graph of sounds, from the media time in the key on."""

    node: str
    setting: str
    value: bool | float | str | list[float]


class SoundGraphEntry(Struct, frozen=True, array_like=True):
    """The graph that the sounds run through from the media time in the key on."""

    graph: SoundGraph


class ClockJumpEntry(Struct, frozen=True, array_like=True):
    """The civil clock after a jump; the media time is in the key."""

    wall_ns: int


class WarningEntry(Struct, frozen=True, array_like=True):
    """Something a person should know about the session; its ordinal is in the key."""

    text: str


class Position(Struct, frozen=True, array_like=True):
    """Number of the last message of a producer that was acknowledged."""

    seq: int


class ResultEntry(Struct, frozen=True, array_like=True):
    """What an engine made of a chunk; payload: packed, of the stage's kind. job: the one that had it made."""

    stage: Stage
    engine: str
    version: str
    parameters: str
    job: str
    made_wall_ns: int
    seconds: float
    payload: bytes


class FindingEntry(Struct, frozen=True, array_like=True):
    """What a stage made of the session in the key. basis: digest of everything it was made of."""

    engine: str
    version: str
    basis: bytes
    job: str
    made_wall_ns: int
    payload: bytes
