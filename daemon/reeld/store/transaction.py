"""One transaction of the store, and the names of its databases."""

import itertools
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import lmdb

from reeld.store.api import Buffer
from reeld_proto import codec
from reeld_proto.errors import RequestRejected, StoreCorrupt

T = TypeVar("T")


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
    PREROLL = "preroll"
    GARBAGE = "garbage"
    NOTES = "notes"
    REVISIONS = "revisions"
    QUARANTINE = "quarantine"
    LINEAGE = "lineage"
    RECEIPTS = "receipts"
    HEARD = "heard"
    AUTOMATION = "automation"
    SOUND_GRAPHS = "sound-graphs"
    RESULTS = "results"
    FINDINGS = "findings"
    ENRICH_JOBS = "enrich-jobs"


class Transaction:
    """One transaction, reading or writing. Lives in its `with` block and its thread."""

    __slots__ = ("_raw", "_tables")

    def __init__(self, raw: lmdb.Transaction, tables: dict[Table, Any]) -> None:
        self._raw = raw
        self._tables = tables

    def id(self) -> int:
        """Number of the commit that is read, or that this will be."""
        return int(self._raw.id())

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

    def put_all(self, table: Table, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Set many values; several times as fast as one by one."""
        if rows:
            with self._raw.cursor(db=self._tables[table]) as cursor:
                cursor.putmulti(rows)

    def get_all(self, table: Table, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that are there."""
        with self._raw.cursor(db=self._tables[table]) as cursor:
            return {bytes(key): bytes(value) for key, value in cursor.getmulti(keys)}

    def delete(self, table: Table, key: bytes) -> None:
        """Remove `key` if it is there."""
        self._raw.delete(key, db=self._tables[table])

    def clear(self, table: Table) -> None:
        """Remove every key."""
        self._raw.drop(self._tables[table], delete=False)

    def count(self, table: Table) -> int:
        """Number of keys."""
        return int(self._raw.stat(self._tables[table])["entries"])

    def bytes_in_use(self) -> int:
        """Bytes of all pages that the databases take, large values included; the rest of the file is used again."""
        pages = 0
        for table in self._tables.values():
            stat = self._raw.stat(table)
            pages += (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]) * stat["psize"]
        return int(pages)

    def keys(self, table: Table) -> Iterator[bytes]:
        """All keys in order, without reading a value."""
        with self._raw.cursor(db=self._tables[table]) as cursor:
            for key in cursor.iternext(keys=True, values=False):
                yield bytes(key)

    def rows(self, table: Table) -> list[tuple[bytes, bytes]]:
        """All keys in order, with their values: for small tables, three times as fast as `scan`."""
        with self._raw.cursor(db=self._tables[table]) as cursor:
            return [(bytes(key), bytes(value)) for key, value in cursor.iternext()]

    def between(self, table: Table, first: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys in [first, end) in order, with their values; twice as fast as `scan`."""
        with self._raw.cursor(db=self._tables[table]) as cursor:
            if cursor.set_range(first):
                yield from itertools.takewhile(lambda row: bytes(row[0]) < end, cursor)

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
