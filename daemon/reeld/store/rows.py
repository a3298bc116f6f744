"""All that a store says of one session, as rows that can be carried elsewhere.

A row names its database, its key without the session's id, and its value as it stands in the store. So a session can
be written under another id, and what this module does not understand of a value travels unchanged.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from reeld.store import chunks, enrichment
from reeld.store.keys import name_key, session_prefix
from reeld.store.records import ChunkEntry, PrerollEntry, SessionRecord
from reeld.store.revisions import bury, touch
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.errors import StoreCorrupt

_SINGLE = (Table.SESSIONS, Table.NOTES)
"""One row a session, its key the id alone."""
_MANY = (
    Table.TIMELINE,
    Table.PREROLL,
    Table.GAPS,
    Table.PAUSES,
    Table.MARKERS,
    Table.CLOCK_JUMPS,
    Table.WARNINGS,
    Table.LINEAGE,
    Table.HEARD,
    Table.AUTOMATION,
    Table.SOUND_GRAPHS,
)
TABLES = frozenset(_SINGLE + _MANY)
_MEDIA = (Table.TIMELINE, Table.PREROLL, Table.GAPS, Table.PAUSES)

DIGEST_BYTES = 32


class Row(Struct, frozen=True, array_like=True):
    """One row of a session. key: what follows the session's id and its zero byte; empty where the id is the key."""

    table: Table
    key: bytes
    value: bytes


def read_rows(txn: Transaction, session: str) -> Iterator[Row]:
    """Every row of a session, always in the same order: its record first, then by database and key."""
    name, prefix = name_key(session), session_prefix(session)
    for table in _SINGLE:
        value = txn.get(table, name)
        if value is not None:
            yield Row(table, b"", value)
    for table in _MANY:
        for key, value in txn.scan(table, prefix):
            yield Row(table, key[len(prefix) :], value)


def digests_of(row: Row) -> list[bytes]:
    """The digests that a row refers to, once for each reference. Raises StoreCorrupt."""
    if row.table is Table.TIMELINE:
        entry = decode(row.value, ChunkEntry)
        return [entry.chunk, entry.init]
    if row.table is Table.PREROLL:
        return [digest for pair in decode(row.value, PrerollEntry).chunks for digest in pair]
    return []


def record_in(rows: Iterable[Row]) -> SessionRecord:
    """The session's own record. Raises StoreCorrupt if there is none."""
    for row in rows:
        if row.table is Table.SESSIONS:
            return decode(row.value, SessionRecord)
    raise StoreCorrupt("a manifest without its session")


def media_digest(rows: Iterable[Row]) -> bytes:
    """SHA-256 of what was recorded: media, gaps, pauses, start. Names, tags, notes and markers do not matter."""
    total = hashlib.sha256()
    for row in rows:
        if row.table is Table.SESSIONS:
            record = decode(row.value, SessionRecord)
            tracks = [track.id for track in record.tracks]
            total.update(repr((record.started_wall_ns, record.end_ns, tracks)).encode())
        elif row.table in _MEDIA:
            for part in (row.table.encode(), row.key, row.value):
                total.update(len(part).to_bytes(4, "big") + part)
    return total.digest()


def write_rows(txn: Transaction, session: str, rows: Iterable[Row], *, reason: str, now_wall_ns: int) -> None:
    """Make the session exactly these rows, whatever it was before; only what differs is written.

    References are counted: what the rows name must be there (StoreCorrupt otherwise); bytes that only the former rows
    named become garbage for `reason`.
    """
    wanted: dict[Table, dict[bytes, bytes]] = {table: {} for table in TABLES}
    for row in rows:
        wanted[row.table][_key(session, row)] = row.value
    held: Counter[bytes] = Counter()
    for table in _MANY:
        before = dict(txn.scan(table, session_prefix(session)))
        for key, value in wanted[table].items():
            if before.get(key) != value:
                txn.put(table, key, value)
                held.update(digests_of(Row(table, b"", value)))
        for key, value in before.items():
            if wanted[table].get(key) != value:
                held.subtract(digests_of(Row(table, b"", value)))
                if key not in wanted[table]:
                    txn.delete(table, key)
    _count(txn, held, reason, now_wall_ns)
    _write_own(txn, session, wanted)


def erase(txn: Transaction, session: str, *, reason: str, now_wall_ns: int) -> None:
    """Remove every row of a session; bytes that nothing else needs become garbage."""
    held: Counter[bytes] = Counter()
    found = list(read_rows(txn, session))
    for row in found:
        held.subtract(digests_of(row))
        txn.delete(row.table, _key(session, row))
    txn.delete(Table.UNFINISHED, name_key(session))
    enrichment.drop_findings(txn, session)
    enrichment.drop_jobs(txn, session)
    bury(txn, record_in(found))
    _count(txn, held, reason, now_wall_ns)


def _key(session: str, row: Row) -> bytes:
    return name_key(session) if row.table in _SINGLE else session_prefix(session) + row.key


def _count(txn: Transaction, held: Counter[bytes], reason: str, now_wall_ns: int) -> None:
    for digest, times in held.items():
        if times > 0:
            chunks.hold(txn, digest, times)
        elif times < 0:
            chunks.release(txn, digest, reason=reason, now_wall_ns=now_wall_ns, times=-times)


def _write_own(txn: Transaction, session: str, wanted: dict[Table, dict[bytes, bytes]]) -> None:
    name = name_key(session)
    note = wanted[Table.NOTES].get(name)
    if note is None:
        txn.delete(Table.NOTES, name)
    else:
        txn.put(Table.NOTES, name, note)
    record = decode(wanted[Table.SESSIONS][name], SessionRecord)
    former = txn.record(Table.SESSIONS, name, SessionRecord)
    record = structs.replace(record, id=session, revision=former.revision if former is not None else 0)
    touch(txn, record)
    if record.end_ns is None:
        txn.put(Table.UNFINISHED, name, b"")
    else:
        txn.delete(Table.UNFINISHED, name)


class _Page(Struct, frozen=True, array_like=True):
    rows: list[Row]


PAGE_ROWS_MAX = 500
PAGE_BYTES_MAX = 8 * 1024 * 1024
"""Of one encoded page: 500 rows of at most 10 kB; of larger ones, which are graphs of sounds, fewer."""


def pages_of(rows: Iterable[Row]) -> Iterator[bytes]:
    """Rows encoded for a file, some hundred a page. The same rows always give the same bytes."""
    waiting: list[Row] = []
    size = 0
    for row in rows:
        waiting.append(row)
        size += len(row.value)
        if len(waiting) == PAGE_ROWS_MAX or size > PAGE_BYTES_MAX // 2:
            yield codec.pack_record(_Page(waiting))
            waiting, size = [], 0
    if waiting:
        yield codec.pack_record(_Page(waiting))


def rows_in(page: bytes) -> list[Row]:
    """The rows of a page. Raises StoreCorrupt for what is none."""
    if len(page) > PAGE_BYTES_MAX:
        raise StoreCorrupt(f"a page of {len(page)} bytes")
    rows = decode(page, _Page).rows
    if any(row.table not in TABLES for row in rows):
        raise StoreCorrupt("a row of a database that is no part of a session")
    return rows
