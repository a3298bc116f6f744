"""What the workers that record push to the store, and what the store publishes about it. Nothing is answered."""

from msgspec import Struct

from reeld_proto.records import GapReason, SoundClock
from reeld_proto.sound import SpanKind


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
    """The producer knows why it has no media in this stretch (media time). detail: as in `GapInfo`."""

    session: str
    track: str
    epoch: int
    start_ns: int
    end_ns: int
    reason: GapReason
    detail: str = ""


class SpansHeard(Ingest, tag="ingest.spans", frozen=True, kw_only=True):
    """A detector heard something in these stretches (media time, begin and end).

    One that is told again, with the same begin, replaces the former: a span that grew.
    """

    session: str
    track: str
    epoch: int
    kind: SpanKind
    spans: list[tuple[int, int]]


class ClockFitted(Ingest, tag="ingest.clock", frozen=True, kw_only=True):
    """How the clock of a track's device runs, as known at `at_ns` (media time). The newest epoch's newest is kept."""

    session: str
    track: str
    epoch: int
    at_ns: int
    clock: SoundClock


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


AnyIngest = ChunkCaptured | GapFound | SpansHeard | ClockFitted
AnyCommitNote = Committed | StoreStarted | IngestRefused
