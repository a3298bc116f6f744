"""The LMDB environment: opening, transactions, and the one place where LMDB's errors become ours.

DESIGN: one process opens it for writing (the store worker), any number read-only with short transactions, because a
long one keeps old pages from being used again. The map is read-only (no WRITEMAP), so a stray write cannot reach the
file; every commit is synced, so what was acknowledged survives a power cut. lmdb allows an environment to be open only
once in a process.
"""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import lmdb

from reeld.store.api import Buffer
from reeld.store.records import HASH_ALGORITHM, STORE_FORMAT_VERSION, StoreMeta
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, StoreCorrupt

T = TypeVar("T")

MAP_BYTES_MAX = 1 << 40
"""Address space reserved for the file, 1 TiB; it costs neither disk nor memory. Halved where the platform refuses."""
_MAP_BYTES_MIN = 1 << 28
_READERS_MAX = 126
_META_KEY = b"store"


class Table(StrEnum):
    """Databases of the environment; FORMAT.md describes each."""

    META = "meta"
    SESSIONS = "sessions"
    UNFINISHED = "unfinished"
    TIMELINE = "timeline"
    GAPS = "gaps"
    CHUNKS = "chunks"
    REFERENCES = "references"
    PAUSES = "pauses"
    MARKERS = "markers"
    CLOCK_JUMPS = "clock-jumps"
    WARNINGS = "warnings"
    PRODUCERS = "producers"


class Transaction:
    """One transaction, reading or writing. Lives in its `with` block and its thread."""

    __slots__ = ("_raw", "_tables")

    def __init__(self, raw: lmdb.Transaction, tables: dict[Table, Any]) -> None:
        self._raw = raw
        self._tables = tables

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value, or None."""
        value = self._raw.get(key, db=self._tables[table])
        return None if value is None else bytes(value)

    def record(self, table: Table, key: bytes, kind: type[T]) -> T | None:
        """The record under `key`, or None. Raises StoreCorrupt if it cannot be read."""
        value = self.get(table, key)
        return None if value is None else decode(value, kind)

    def put(self, table: Table, key: bytes, value: Buffer) -> None:
        """Set the value of `key`."""
        # lmdb reads any buffer; its stubs name only bytes.
        self._raw.put(key, value, db=self._tables[table])  # type: ignore[arg-type, unused-ignore]

    def put_record(self, table: Table, key: bytes, record: Any) -> None:
        """Set the value of `key` to a record."""
        self.put(table, key, codec.pack_record(record))

    def delete(self, table: Table, key: bytes) -> None:
        """Remove `key` if it is there."""
        self._raw.delete(key, db=self._tables[table])

    def clear(self, table: Table) -> None:
        """Remove every key."""
        self._raw.drop(self._tables[table], delete=False)

    def count(self, table: Table) -> int:
        """Number of keys."""
        return int(self._raw.stat(self._tables[table])["entries"])

    def scan(self, table: Table, prefix: bytes = b"", start: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with `prefix`, in order, from `start` (or the first) on, with their values."""
        with self._raw.cursor(db=self._tables[table]) as cursor:
            if not cursor.set_range(prefix if start is None else start):
                return
            for key, value in cursor:
                if bytes(key[: len(prefix)]) != prefix:
                    return
                yield bytes(key), bytes(value)

    def scan_back(self, table: Table, prefix: bytes = b"", end: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin with `prefix`, last first, from `end` (included; or the last) down, with their values."""
        above = prefix + b"\xff" * 9 if end is None else end
        with self._raw.cursor(db=self._tables[table]) as cursor:
            found = cursor.set_range(above)
            if (not found and not cursor.last()) or (found and cursor.key() != above and not cursor.prev()):
                return
            for key, value in cursor.iterprev():
                if bytes(key[: len(prefix)]) != prefix:
                    return
                yield bytes(key), bytes(value)


def decode(value: bytes, kind: type[T]) -> T:
    """A record out of the store. Raises StoreCorrupt if it cannot be read."""
    try:
        return codec.unpack_record(value, kind)
    except RequestRejected as error:
        raise StoreCorrupt(f"a {kind.__name__} in the store cannot be read: {error}") from error


class StoreEnvironment:
    """An open store. Make it with `open_write` or `open_read`; use it from one thread at a time."""

    def __init__(self, path: Path, raw: lmdb.Environment, tables: dict[Table, Any]) -> None:
        self.path = path
        self._raw = raw
        self._tables = tables

    @classmethod
    def open_write(cls, path: Path, *, map_bytes: int = MAP_BYTES_MAX) -> "StoreEnvironment":
        """Open the store for its one writer, creating what is missing.

        Raises RequestRejected (PERMISSION, DISK_FULL, UNSUPPORTED_VERSION) or StoreCorrupt.
        """
        with translated(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            raw = _open(path, map_bytes, readonly=False)
        try:
            with translated(path):
                raw.reader_check()  # slots of readers that were killed would keep their pages for ever
                tables = {table: raw.open_db(table.encode()) for table in Table}
            store = cls(path, raw, tables)
            with store.write() as txn:
                if txn.get(Table.META, _META_KEY) is None:
                    txn.put_record(Table.META, _META_KEY, StoreMeta(format=STORE_FORMAT_VERSION, hash=HASH_ALGORITHM))
            store._check_version()
        except BaseException:
            raw.close()
            raise
        return store

    @classmethod
    def open_read(cls, path: Path, *, map_bytes: int = MAP_BYTES_MAX) -> "StoreEnvironment":
        """Open the store for reading. Raises RequestRejected (NOT_FOUND if there is none yet) or StoreCorrupt."""
        if not (path / "data.mdb").exists():
            raise RequestRejected(f"there is no store in {path}", code=ErrorCode.NOT_FOUND)
        with translated(path):
            raw = _open(path, map_bytes, readonly=True)
        try:
            with translated(path):
                tables = {table: raw.open_db(table.encode(), create=False) for table in Table}
            store = cls(path, raw, tables)
            store._check_version()
        except BaseException:
            raw.close()
            raise
        return store

    def _check_version(self) -> None:
        with self.read() as txn:
            meta = txn.record(Table.META, _META_KEY, StoreMeta)
        if meta is None:
            raise StoreCorrupt(f"the store in {self.path} does not say what format it has")
        if meta.format > STORE_FORMAT_VERSION or meta.hash != HASH_ALGORITHM:
            raise RequestRejected(
                f"the store in {self.path} has format {meta.format} ({meta.hash});"
                f" this reeld reads up to {STORE_FORMAT_VERSION} ({HASH_ALGORITHM})",
                code=ErrorCode.UNSUPPORTED_VERSION,
                remedy="Update reeld, or choose another store with --store.",
            )

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent view; keep it short (milliseconds)."""
        with translated(self.path), self._raw.begin(buffers=False) as raw:
            yield Transaction(raw, self._tables)

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is durable when the block is left, and leaves no trace if it raises."""
        with translated(self.path), self._raw.begin(write=True, buffers=False) as raw:
            yield Transaction(raw, self._tables)

    def forget_dead_readers(self) -> int:
        """Free the slots of readers that were killed; their number."""
        with translated(self.path):
            return int(self._raw.reader_check())

    def close(self) -> None:
        """Close the environment. May be called twice."""
        self._raw.close()


def _open(path: Path, map_bytes: int, *, readonly: bool) -> lmdb.Environment:
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
                meminit=False,
                max_readers=_READERS_MAX,
                max_dbs=len(Table),
            )
        except (lmdb.Error, OverflowError) as error:
            # Little address space (32 bits, ulimit -v, containers): take less rather than fail.
            no_room = isinstance(error, OverflowError | lmdb.MemoryError) or _errno_of(error) in _NO_ADDRESS_SPACE
            if not no_room or size // 2 < min(_MAP_BYTES_MIN, map_bytes):
                raise
            size //= 2


_NO_ADDRESS_SPACE = frozenset({errno.ENOMEM, errno.EFBIG, errno.EINVAL if sys.platform == "darwin" else errno.ENOMEM})
_NEARLY_FULL_BYTES = 64 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TOLD_IN_WORDS = (*_FULL, *_FORBIDDEN, errno.EIO, errno.ENOMEM)
_DAMAGED = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
    lmdb.IncompatibleError,
)


def _errno_of(error: BaseException) -> int:
    if isinstance(error, OSError):
        return error.errno or 0
    number = getattr(error, "code", None)
    if isinstance(number, int):
        return number
    # Releases of lmdb before 2 tell the number in words only.
    return next((each for each in _TOLD_IN_WORDS if os.strerror(each) in str(error)), 0)


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return _NEARLY_FULL_BYTES


def translate(error: BaseException, path: Path) -> ReeldError:
    """What an error of lmdb or of the operating system means to a user of the store in `path`."""
    number = _errno_of(error)
    # lmdb reports a short write, which is how a disk that fills up shows first, as EIO.
    filled_up = number == errno.EIO and _free_bytes(path) < _NEARLY_FULL_BYTES
    if number in _FULL or filled_up or isinstance(error, lmdb.MapFullError):
        return RequestRejected(
            f"no room left for the store in {path}", code=ErrorCode.DISK_FULL, remedy="Free space on its disk."
        )
    if number in _FORBIDDEN or isinstance(error, lmdb.ReadonlyError):
        return RequestRejected(
            f"the store in {path} may not be opened: {error}",
            code=ErrorCode.PERMISSION,
            remedy="Check who owns the folder and its files.",
        )
    if isinstance(error, _DAMAGED):
        return StoreCorrupt(f"the store in {path} is damaged: {error}")
    if isinstance(error, lmdb.NotFoundError):
        return RequestRejected(f"there is no finished store in {path}", code=ErrorCode.NOT_FOUND)
    if isinstance(error, OSError | lmdb.DiskError) or number == errno.EIO:
        return RequestRejected(f"the disk of the store in {path} failed: {error}", code=ErrorCode.DISK_FAILED)
    return InternalError(f"the store in {path} was misused: {type(error).__name__}: {error}")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of lmdb and the operating system inside the block leave it as ours."""
    try:
        yield
    except (lmdb.Error, OSError) as error:
        raise translate(error, path) from error
