"""The bytes of a bundle: records one after the other, each with its own digest, the last with that of all before it.

Pure: streams in, records out, nothing else. BUNDLE.md is the description; this is its only reader and writer. Memory
is bounded by the largest record, whatever the bundle's size. Foreign input: only `BundleDamaged` is ever raised.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import IO

from msgspec import Struct

from reeld.store.rows import PAGE_BYTES_MAX
from reeld_proto import codec
from reeld_proto.errors import RequestRejected, StoreCorrupt

MAGIC = b"\x89REELD\r\n\x1a\n"
"""Not text, so that no program takes it for text; the line ends show whether one has changed them all the same."""
VERSION = 1
HEADER_BYTES_MAX = 64 * 1024
CHUNK_BYTES_MAX = codec.PAYLOAD_BYTES_MAX
_PREAMBLE = struct.Struct(">HH")
_RECORD = struct.Struct(">BI32s")
_END = struct.Struct(">QQQ32s")


class Kind(IntEnum):
    """What a record holds."""

    HEADER = 1
    CHUNK = 2
    PAGE = 3
    END = 4


_LIMITS = {
    Kind.HEADER: HEADER_BYTES_MAX,
    Kind.CHUNK: CHUNK_BYTES_MAX,
    Kind.PAGE: PAGE_BYTES_MAX,
    Kind.END: _END.size,
}


class BundleDamaged(StoreCorrupt):
    """The file is no bundle, or not what was written."""


class Header(Struct, frozen=True, kw_only=True):
    """What can be told of a bundle before it is read whole. session: its id where it was recorded."""

    session: str
    name: str
    format: int
    hash: str
    made_wall_ns: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record. digest: SHA-256 of `data`, checked."""

    kind: Kind
    digest: bytes
    data: bytes


class BundleWriter:
    """Writes a bundle into a binary stream. Call `chunk` for each chunk, `page` for each page, then `end`."""

    def __init__(self, stream: IO[bytes], header: Header) -> None:
        self._stream = stream
        self._all = hashlib.sha256()
        self._chunks = 0
        self._chunk_bytes = 0
        self._pages = 0
        self.written = 0
        self._write(MAGIC + _PREAMBLE.pack(VERSION, 0))
        self._record(Kind.HEADER, codec.pack_record(header))

    def chunk(self, data: bytes) -> None:
        """The bytes of a chunk or init segment."""
        self._record(Kind.CHUNK, data)
        self._chunks += 1
        self._chunk_bytes += len(data)

    def page(self, data: bytes) -> None:
        """A page of the session's rows; after all chunks."""
        self._record(Kind.PAGE, data)
        self._pages += 1

    def end(self) -> bytes:
        """Close the bundle; SHA-256 of the whole file."""
        body = _END.pack(self._chunks, self._chunk_bytes, self._pages, self._all.digest())
        self._record(Kind.END, body)
        return self._all.digest()

    def _record(self, kind: Kind, data: bytes) -> None:
        self._write(_RECORD.pack(kind, len(data), hashlib.sha256(data).digest()))
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._all.update(data)
        self._stream.write(data)
        self.written += len(data)


def is_bundle(start: bytes) -> bool:
    """Whether a file that begins so means to be a bundle: its first bytes are, whatever a transfer did to line ends."""
    return start[:6] == MAGIC[:6]


def read_records(stream: IO[bytes]) -> Iterator[Record]:
    """Every record but the last, in order, each checked; what the last one says of all is checked at the end.

    Only when the iterator is exhausted is the bundle known to be whole. Raises BundleDamaged; OSError of the stream.
    """
    everything = hashlib.sha256()
    _read_preamble(stream, everything)
    counts = {Kind.CHUNK: 0, Kind.PAGE: 0}
    chunk_bytes = 0
    expected = {Kind.HEADER}
    while True:
        so_far = everything.digest()
        record = _read_record(stream, everything)
        if record.kind not in expected:
            raise BundleDamaged(f"a record of kind {record.kind.name.lower()} is out of place")
        if record.kind is Kind.END:
            if record.data != _END.pack(counts[Kind.CHUNK], chunk_bytes, counts[Kind.PAGE], so_far):
                raise BundleDamaged("the last record does not agree with what comes before it")
            if stream.read(1):
                raise BundleDamaged("something follows the last record")
            return
        if record.kind is Kind.HEADER:
            expected = {Kind.CHUNK, Kind.PAGE}
        else:
            counts[record.kind] += 1
        if record.kind is Kind.CHUNK:
            chunk_bytes += len(record.data)
        if record.kind is Kind.PAGE:
            expected = {Kind.PAGE, Kind.END}
        yield record


def read_header(record: Record) -> Header:
    """The first record as a header. Raises BundleDamaged."""
    try:
        return codec.unpack_record(record.data, Header)
    except RequestRejected as error:
        raise BundleDamaged(f"the header cannot be read: {error}") from error


def _read_preamble(stream: IO[bytes], everything: "hashlib._Hash") -> None:
    start = stream.read(len(MAGIC) + _PREAMBLE.size)
    if not is_bundle(start):
        raise BundleDamaged("not a bundle")
    if len(start) != len(MAGIC) + _PREAMBLE.size or not start.startswith(MAGIC):
        raise BundleDamaged("the first bytes are damaged: was it transferred as text?")
    version, flags = _PREAMBLE.unpack_from(start, len(MAGIC))
    if version != VERSION or flags:
        raise BundleDamaged(f"version {version} (flags {flags}); this reeld reads version {VERSION}")
    everything.update(start)


def _read_record(stream: IO[bytes], everything: "hashlib._Hash") -> Record:
    head = stream.read(_RECORD.size)
    if len(head) != _RECORD.size:
        raise BundleDamaged("the file is cut off")
    number, length, digest = _RECORD.unpack(head)
    try:
        kind = Kind(number)
    except ValueError as error:
        raise BundleDamaged(f"a record of unknown kind {number}") from error
    if length > _LIMITS[kind]:
        raise BundleDamaged(f"a record of {length} bytes")
    data = stream.read(length)
    if len(data) != length:
        raise BundleDamaged("the file is cut off")
    if hashlib.sha256(data).digest() != digest:
        raise BundleDamaged(f"a record of kind {kind.name.lower()} is damaged")
    everything.update(head)
    everything.update(data)
    return Record(kind, digest, data)
