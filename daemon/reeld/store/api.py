"""Types that the store shares with its users: what comes in, what happened to it, and what can be read back."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from reeld_proto.records import TrackKind
from reeld_proto.workers import AnyIngest

Buffer = bytes | memoryview
"""Bytes of a message as they arrived; a memoryview is borrowed from the message and is not kept."""


@dataclass(frozen=True, slots=True)
class IngestItem:
    """One message of a producer, decoded. `payload` and `init` are empty for anything but a chunk.

    `producer` and `seq` name the message in acknowledgements. digest: SHA-256 of the payload, where it was computed on
    arrival; empty where it was not.
    """

    producer: str
    seq: int
    message: AnyIngest
    payload: Buffer = b""
    init: Buffer = b""
    digest: bytes = b""


@dataclass(frozen=True)
class Circumstances:
    """What an order may need to know beside the store: its folder, and sessions that lost messages for lack of room."""

    store_dir: Path
    starved: Container[str]


class Fate(Enum):
    """What became of a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """Nothing changed: it was there already, or the time it covers is."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Landing:
    """Outcome of one message. `reason` says for people why it was refused; empty otherwise."""

    fate: Fate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One chunk on a track's timeline.

    start_ns, end_ns: the media time it stands for. chunk, init: SHA-256 of its bytes and of its init segment.
    size: bytes of the chunk. keyframe: its first sample can be decoded alone. epoch: process that produced it.
    shift_ns: media time minus the chunk's own; of the chunk only [start_ns - shift_ns, end_ns - shift_ns) is shown.
    """

    start_ns: int
    end_ns: int
    chunk: bytes
    init: bytes
    size: int
    frames: int
    keyframe: bool
    epoch: int
    shift_ns: int = 0


@dataclass(frozen=True, slots=True)
class TrackOutline:
    """What an exporter needs to know of a track before it reads a chunk. end_ns: where its cover ends."""

    id: str
    kind: TrackKind
    codec: str
    label: str
    end_ns: int


@dataclass(frozen=True, slots=True)
class SessionOutline:
    """A session as far as it is durable. end_ns: media time of its end, or of its longest track while it lasts.

    lasts: it is being recorded.
    """

    id: str
    name: str
    end_ns: int
    tracks: tuple[TrackOutline, ...]
    lasts: bool = False


class Footage(Protocol):
    """What was recorded, wherever it is read from: the store of this machine, or a copy of it. See `StoreReader`.

    Everything may raise StoreCorrupt.
    """

    def segments(self, session: str, track: str, from_ns: int = 0) -> Iterator[Segment]:
        """The chunks of a track that begin at or after `from_ns`, in order."""
        ...

    def segment_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last chunk that begins at or before `at_ns`."""
        ...

    def keyframe_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last such chunk that can be decoded alone, or with its preroll."""
        ...

    def chunk(self, digest: bytes) -> bytes:
        """Bytes of a chunk or init segment, checked."""
        ...

    def held_chunk(self, digest: bytes) -> bytes:
        """As `chunk`, of what a recording refers to."""
        ...
