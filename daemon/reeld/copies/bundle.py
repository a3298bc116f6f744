"""One session as one file, and back: what a bundle holds, checked as a whole."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reeld.copies.bundle_format import (
    BundleDamaged,
    BundleWriter,
    Header,
    Kind,
    read_header,
    read_records,
)
from reeld.copies.layout import framed
from reeld.copies.manifest_check import ROWS_MAX, check_rows
from reeld.export import target
from reeld.runtime.clock import wall_ns
from reeld.store import chunks, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.records import HASH_ALGORITHM, STORE_FORMAT_VERSION, References, SessionRecord
from reeld.store.rows import Row, digests_of, pages_of, read_rows, rows_in
from reeld.store.transaction import Table
from reeld_proto.commands import Bundled
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import seconds

Progress = Callable[[int, int], bool]
"""Called with (bytes done, bytes in all); returns False to stop."""

_OVERHEAD = 1.05
_IN_MEMORY_BYTES = 32 * 1024 * 1024


def write_bundle(store: StoreEnvironment, session: str, path: Path, progress: Progress) -> Bundled:
    """Write the file. It is complete and durable, or not there at all. Every chunk is checked on the way.

    Raises RequestRejected (NOT_FOUND, WRONG_STATE while it is recorded, PERMISSION, DISK_FULL) or StoreCorrupt.
    """
    target.check(path)
    # What the rows are must be known in one transaction, and what they need comes before them in the file.
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spool:
        needed: dict[bytes, int] = {}
        with store.read() as txn:
            record = sessions.load(txn, session)
            if record.end_ns is None:
                raise RequestRejected(
                    f"session {session} is being recorded",
                    code=ErrorCode.WRONG_STATE,
                    remedy="Stop it first: `reelctl stop`.",
                )
            for row in read_rows(txn, session):
                for digest in digests_of(row):
                    if digest not in needed:
                        entry = txn.record(Table.REFERENCES, digest, References)
                        needed[digest] = entry.size if entry is not None else 0
            for page in framed(pages_of(read_rows(txn, session))):
                spool.write(page)
        target.check_room(path, round(sum(needed.values()) * _OVERHEAD) + spool.tell())
        with target.part_of(path) as part:
            with part.open("xb") as stream:
                part.chmod(0o600)
                writer, digest = _write(stream, store, record, needed, spool, progress)
            target.publish(part, path)
    return Bundled(
        path=str(path),
        session=session,
        chunks=len(needed),
        bytes=writer.written,
        duration_s=seconds(record.end_ns),
        sha256=digest.hex(),
    )


def _write(
    stream: IO[bytes],
    store: StoreEnvironment,
    record: SessionRecord,
    needed: dict[bytes, int],
    spool: IO[bytes],
    progress: Progress,
) -> tuple[BundleWriter, bytes]:
    header = Header(
        session=record.id,
        name=record.name,
        format=STORE_FORMAT_VERSION,
        hash=HASH_ALGORITHM,
        made_wall_ns=wall_ns(),
    )
    writer = BundleWriter(stream, header)
    total, done = sum(needed.values()), 0
    for digest, size in needed.items():
        with store.read() as txn:
            data = chunks.load(txn, digest)
        writer.chunk(data)
        done += size
        if not progress(done, total):
            raise RequestRejected("the bundle was stopped", code=ErrorCode.WRONG_STATE)
    spool.seek(0)
    while length := spool.read(4):
        writer.page(spool.read(int.from_bytes(length, "big")))
    return writer, writer.end()


@dataclass(frozen=True)
class Content:
    """A bundle that was read whole and makes sense. sizes: of its chunks and init segments."""

    header: Header
    record: SessionRecord
    rows: list[Row]
    sizes: dict[bytes, int]


def read_bundle(stream: IO[bytes], on_chunk: Callable[[bytes, bytes], None]) -> Content:
    """Read and check a bundle. Raises StoreCorrupt (BundleDamaged) for anything that is wrong with it.

    on_chunk: called with digest and bytes of each chunk as it comes, before it is known whether the rest is well.
    """
    header: Header | None = None
    rows: list[Row] = []
    sizes: dict[bytes, int] = {}
    for record in read_records(stream):
        if record.kind is Kind.HEADER:
            header = _accepted(read_header(record))
        elif record.kind is Kind.CHUNK:
            if record.digest in sizes or not record.data:
                raise BundleDamaged("a chunk is empty or there twice")
            sizes[record.digest] = len(record.data)
            on_chunk(record.digest, record.data)
        else:
            rows += rows_in(record.data)
            if len(rows) > ROWS_MAX:
                raise BundleDamaged("the session has too many rows")
    if header is None:
        raise BundleDamaged("a bundle without a header")
    found = check_rows(rows, sizes)
    if (found.id, found.name) != (header.session, header.name):
        raise BundleDamaged("the header speaks of another session")
    return Content(header, found, rows, sizes)


def _accepted(header: Header) -> Header:
    if header.format > STORE_FORMAT_VERSION or header.hash != HASH_ALGORITHM:
        raise BundleDamaged(
            f"it was made by a newer reeld: format {header.format} ({header.hash}); this one reads up to"
            f" {STORE_FORMAT_VERSION} ({HASH_ALGORITHM})"
        )
    return header
