"""What is kept beside the records of sessions: gaps, pauses, markers, warnings, notes; of one session or of many.

Rows that cannot be read are left out and counted: the rest is served.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from reeld.store.keys import name_key, session_prefix
from reeld.store.records import GapEntry, MarkerEntry, NoteEntry, PauseEntry, WarningEntry
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.errors import RequestRejected, StoreCorrupt

T = TypeVar("T")
Rows = Iterable[tuple[bytes, bytes]]
Entries = Sequence[tuple[bytes, T]]
"""Keys and what is in the rows."""

KINDS: dict[Table, type[Any]] = {
    Table.GAPS: GapEntry,
    Table.PAUSES: PauseEntry,
    Table.MARKERS: MarkerEntry,
    Table.WARNINGS: WarningEntry,
    Table.NOTES: NoteEntry,
}


@dataclass(slots=True)
class Said:
    """What is kept beside a session's record, each in order. lost: rows that could not be read."""

    gaps: Entries[GapEntry] = ()
    pauses: Entries[PauseEntry] = ()
    markers: Entries[MarkerEntry] = ()
    warnings: Entries[WarningEntry] = ()
    notes: Entries[NoteEntry] = ()
    lost: int = 0


def said_of(txn: Transaction, session: str) -> Said:
    """What is kept beside the record of one session."""
    prefix = session_prefix(session)
    found = Said()
    for table, kind in KINDS.items():
        note = txn.get(table, name_key(session)) if table is Table.NOTES else None
        rows = txn.scan(table, prefix) if table is not Table.NOTES else [] if note is None else [(b"", note)]
        setattr(found, table, _read(rows, kind, found))
    return found


def _read(rows: Rows, kind: type[T], said: Said) -> Entries[T]:
    entries = []
    for key, value in rows:
        try:
            entries.append((key, decode(value, kind)))
        except StoreCorrupt:
            said.lost += 1
    return entries


@dataclass(slots=True)
class SaidBetween:
    """What is kept beside the sessions of a stretch of keys, read at once: a third of the time of one by one."""

    _found: dict[bytes, Said] = field(default_factory=dict)

    @classmethod
    def read(cls, txn: Transaction, first: bytes, last: bytes) -> "SaidBetween":
        """Of the sessions whose keys lie between these, both included."""
        between = cls()
        for table, kind in KINDS.items():
            # A note is kept under the session's key itself, the others are below it.
            rows = list(txn.between(table, first, last + (b"\0" if table is Table.NOTES else b"\1")))
            between._add(table, rows, kind)
        return between

    def of(self, session: str) -> Said:
        """What is kept beside the record of one session."""
        return self._found.get(name_key(session)) or Said()

    def _add(self, table: Table, rows: list[tuple[bytes, bytes]], kind: type[Any]) -> None:
        try:
            entries = codec.unpack_all([codec.Encoded(value) for _, value in rows], kind)
        except RequestRejected:
            self._add_singly(table, rows, kind)
            return
        name = b""
        its: list[tuple[bytes, Any]] = []
        for (key, _), entry in zip(rows, entries, strict=True):
            if key.partition(b"\0")[0] != name:
                name, its = key.partition(b"\0")[0], []
                setattr(self._said(name), table, its)
            its.append((key, entry))

    def _add_singly(self, table: Table, rows: list[tuple[bytes, bytes]], kind: type[Any]) -> None:
        by_name: dict[bytes, list[tuple[bytes, bytes]]] = {}
        for row in rows:
            by_name.setdefault(row[0].partition(b"\0")[0], []).append(row)
        for name, its in by_name.items():
            said = self._said(name)
            setattr(said, table, _read(its, kind, said))

    def _said(self, name: bytes) -> Said:
        return self._found.setdefault(name, Said())
