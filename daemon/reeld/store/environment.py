"""The LMDB environment: opening, transactions, versions.

DESIGN: one process opens it for writing (the store worker), any number read-only with short transactions, because a
long one keeps old pages from being used again. The map is read-only (no WRITEMAP), so a stray write cannot reach the
file; every commit is synced, so what was acknowledged survives a power cut. lmdb allows an environment to be open only
once in a process.

The file may be exchanged for a smaller copy of itself (`compact.py`). Readers notice it before their next transaction.
"""

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb

from reeld.store import migrations, rollback, swaplock
from reeld.store.keys import IDENTITY_KEY
from reeld.store.lmdb_errors import NO_ADDRESS_SPACE, errno_of, translated
from reeld.store.records import HASH_ALGORITHM, STORE_FORMAT_VERSION, StoreMeta
from reeld.store.soundness import check_length
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, StoreCorrupt

MAP_BYTES_MAX = 1 << 40
"""Address space reserved for the file, 1 TiB; it costs neither disk nor memory. Halved where the platform refuses."""
_MAP_BYTES_MIN = 1 << 28
_READERS_MAX = 126
_META_KEY = b"store"


class StoreEnvironment:
    """An open store. Make it with `open_write` or `open_read`; use it from one thread at a time."""

    def __init__(self, path: Path, opened: "_Opened", map_bytes: int, *, readonly: bool) -> None:
        self.path = path
        self._opened: _Opened | None = opened
        self._map_bytes = map_bytes
        self._readonly = readonly
        self._closed = False
        self._reads = 0

    @classmethod
    def open_write(cls, path: Path, *, map_bytes: int = MAP_BYTES_MAX) -> "StoreEnvironment":
        """Open the store for its one writer, creating what is missing.

        Raises RequestRejected (PERMISSION, DISK_FULL, UNSUPPORTED_VERSION) or StoreCorrupt.
        """
        with translated(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            with swaplock.opening(path):
                raw = _open(path, map_bytes, readonly=False)
                identity = swaplock.identity(path)
        try:
            with translated(path):
                raw.reader_check()  # slots of readers that were killed would keep their pages for ever
                meta = _meta(raw)
                _check_version(path, meta)  # before anything is created in a store of somebody else
                if meta is not None and meta.format < STORE_FORMAT_VERSION:
                    rollback.keep(raw, path, meta.format)
                else:
                    rollback.remove_outlived(path)
                tables = {table: raw.open_db(table.encode()) for table in Table}
            store = cls(path, _Opened(raw, tables, identity), map_bytes, readonly=False)
            if meta is None or meta.format < STORE_FORMAT_VERSION:
                with store.write() as txn:
                    migrations.migrate(txn, STORE_FORMAT_VERSION if meta is None else meta.format)
                    current = StoreMeta(format=STORE_FORMAT_VERSION, hash=HASH_ALGORITHM)
                    txn.put_record(Table.META, _META_KEY, current)
                    txn.put(Table.META, IDENTITY_KEY, uuid.uuid4().bytes)
        except BaseException:
            raw.close()
            raise
        return store

    @classmethod
    def open_read(cls, path: Path, *, map_bytes: int = MAP_BYTES_MAX) -> "StoreEnvironment":
        """Open the store for reading. Raises RequestRejected (NOT_FOUND if there is none yet) or StoreCorrupt."""
        if not (path / "data.mdb").exists():
            raise RequestRejected(f"there is no store in {path}", code=ErrorCode.NOT_FOUND)
        return cls(path, _open_to_read(path, map_bytes), map_bytes, readonly=True)

    @property
    def map_bytes(self) -> int:
        """Address space asked for."""
        return self._map_bytes

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent view; keep it short (milliseconds)."""
        with translated(self.path):
            opened = self._current()
            self._reads += 1
            try:
                with opened.raw.begin(buffers=False) as raw:
                    yield Transaction(raw, opened.tables)
            finally:
                self._reads -= 1

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is durable when the block is left, and leaves no trace if it raises."""
        with translated(self.path):
            opened = self._current()
            with opened.raw.begin(write=True, buffers=False) as raw:
                yield Transaction(raw, opened.tables)

    def forget_dead_readers(self) -> int:
        """Free the slots of readers that were killed; their number."""
        with translated(self.path):
            return int(self._current().raw.reader_check())

    def readers(self) -> str:
        """LMDB's table of readers: process, thread and, inside a transaction, the number of the state it reads."""
        with translated(self.path):
            return str(self._current().raw.readers())

    def last_txn_id(self) -> int:
        """Number of the last commit."""
        with translated(self.path):
            return int(self._current().raw.info()["last_txnid"])

    def reusable_bytes(self) -> int:
        """Bytes of the file's free pages, which are used before the file grows."""
        with self.read() as txn:
            held = txn.bytes_in_use()
        with translated(self.path):
            return max(0, (self.path / "data.mdb").stat().st_size - held)

    def copy_compact(self, descriptor: int) -> None:
        """Write a copy of the present state without its free pages to a file or pipe. Raises RequestRejected."""
        with translated(self.path):
            self._current().raw.copyfd(descriptor, compact=True)

    def let_go(self) -> None:
        """Close the environment until it is used again: by then its file may be another, and its buffers are gone.

        No transaction of it may be open.
        """
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.raw.close()

    def close(self) -> None:
        """Close the environment. May be called twice."""
        self._closed = True
        self.let_go()

    def _may_be_another(self) -> bool:
        # Who writes exchanges the file himself; who is reading must first come to an end.
        return self._readonly and not self._reads

    def _current(self) -> "_Opened":
        """The open environment of the file that is there now."""
        opened = self._opened
        if opened is not None and self._may_be_another() and swaplock.identity(self.path) != opened.identity:
            self.let_go()
            opened = None
        if opened is None:
            if self._closed:
                raise InternalError(f"the store in {self.path} was used after it was closed")
            opened = self._opened = _open_again(self.path, self._map_bytes, readonly=self._readonly)
        return opened


@dataclass(frozen=True, slots=True)
class _Opened:
    """An environment of lmdb, its databases, and which files it opened."""

    raw: lmdb.Environment
    tables: dict[Table, Any]
    identity: swaplock.Identity


def _open_to_read(path: Path, map_bytes: int) -> _Opened:
    with translated(path), swaplock.opening(path):
        raw = _open(path, map_bytes, readonly=True)
        identity = swaplock.identity(path)
    try:
        with translated(path):
            meta = _meta(raw)
            _check_version(path, meta)
            _check_current(path, meta)
            tables = {table: raw.open_db(table.encode(), create=False) for table in Table}
    except BaseException:
        raw.close()
        raise
    return _Opened(raw, tables, identity)


def _open_again(path: Path, map_bytes: int, *, readonly: bool) -> _Opened:
    if readonly:
        return _open_to_read(path, map_bytes)
    with translated(path), swaplock.opening(path):
        if not (path / "data.mdb").exists():
            raise StoreCorrupt(f"the file of the store in {path} has gone")  # lmdb would begin an empty one
        raw = _open(path, map_bytes, readonly=False)
        try:
            tables = {table: raw.open_db(table.encode()) for table in Table}
            return _Opened(raw, tables, swaplock.identity(path))
        except BaseException:
            raw.close()
            raise


def stored_format(path: Path) -> int:
    """The format of the store in `path`, which is left as it is.

    Raises RequestRejected (NOT_FOUND; UNSUPPORTED_VERSION for a newer one) or StoreCorrupt.
    """
    if not (path / "data.mdb").exists():
        raise RequestRejected(f"there is no store in {path}", code=ErrorCode.NOT_FOUND)
    with translated(path), contextlib.closing(_open(path, MAP_BYTES_MAX, readonly=True)) as raw:
        meta = _meta(raw)
    _check_version(path, meta)
    if meta is None:
        raise StoreCorrupt(f"the store in {path} does not say what format it has")
    return meta.format


def _meta(raw: lmdb.Environment) -> StoreMeta | None:
    """What the store says of itself; None for a new one. Writes nothing."""
    try:
        meta = raw.open_db(Table.META.encode(), create=False)
    except (lmdb.NotFoundError, lmdb.ReadonlyError):
        return None
    with raw.begin() as txn:
        return Transaction(txn, {Table.META: meta}).record(Table.META, _META_KEY, StoreMeta)


def _check_version(path: Path, meta: StoreMeta | None) -> None:
    if meta is not None and (meta.format > STORE_FORMAT_VERSION or meta.hash != HASH_ALGORITHM):
        raise RequestRejected(
            f"the store in {path} has format {meta.format} ({meta.hash});"
            f" this reeld reads up to {STORE_FORMAT_VERSION} ({HASH_ALGORITHM})",
            code=ErrorCode.UNSUPPORTED_VERSION,
            remedy="Update reeld, or choose another store with --store.",
        )


def _check_current(path: Path, meta: StoreMeta | None) -> None:
    if meta is None:
        raise StoreCorrupt(f"the store in {path} does not say what format it has")
    if meta.format < STORE_FORMAT_VERSION:
        raise RequestRejected(
            f"the store in {path} has format {meta.format}, an older one than {STORE_FORMAT_VERSION}",
            code=ErrorCode.UNSUPPORTED_VERSION,
            remedy="Start reeld with it once: that brings it up to date.",
        )


def _open(path: Path, map_bytes: int, *, readonly: bool) -> lmdb.Environment:
    check_length(path)  # a page beyond the end of the file would end the process
    size = map_bytes
    while True:
        try:
            return lmdb.open(
                os.fspath(path),
                map_size=size,
                readonly=readonly,
                create=not readonly,
                mode=0o600,
                # Chunks are read once, in order, and are far larger than a page: read-ahead would only evict others.
                readahead=False,
                # What a page does not need of its buffer must not carry remains of other pages into the file.
                meminit=True,
                max_readers=_READERS_MAX,
                max_dbs=len(Table),
            )
        except (lmdb.Error, OverflowError) as error:
            # Little address space (32 bits, ulimit -v, containers): take less rather than fail.
            no_room = isinstance(error, OverflowError | lmdb.MemoryError) or errno_of(error) in NO_ADDRESS_SPACE
            if not no_room or size // 2 < min(_MAP_BYTES_MIN, map_bytes):
                raise
            size //= 2
