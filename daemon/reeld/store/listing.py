"""Listing thousands of sessions fast: each is described and packed once, and again only when something changed.

DESIGN: everything that is said about a finished session either is in its record or, when it changes, raises the
record's revision (`revisions.py`). So a card is valid as long as the record's bytes are the same (a hash of 64 bits of
them is kept), and listing again costs one pass over the records. Sessions that are being recorded change with every
chunk and are described every time. Many new cards at a time are made in one pass over the tables beside the sessions,
whose keys sort as the sessions do; few are looked up one by one. Owned by one thread.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reeld.store.description import Rows, Said, describe, said_of
from reeld.store.keys import name_key
from reeld.store.records import SessionRecord
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.records import SessionState

SINGLY_MAX = 100
"""New cards up to which looking up what is said costs less than a pass over all of it."""


@dataclass(frozen=True, slots=True)
class Card:
    """One session in a list: what filters ask of it, and its SessionInfo, packed.

    started_ns, ended_ns: on the civil clock; ended_ns is None while it is being recorded. hidden: shown to nobody.
    """

    session: str
    state: SessionState
    tags: tuple[str, ...]
    started_ns: int
    ended_ns: int | None
    hidden: bool
    info: codec.Encoded
    size: int


class Cards:
    """The cards of one store. Memory: about 1.5 kB a session."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, Card]] = {}

    def all(self, txn: Transaction) -> list[Card]:
        """Cards of every session, newest first. Raises StoreCorrupt."""
        rows = txn.rows(Table.SESSIONS)
        cards = self._cards(txn, rows)
        if len(self._known) > len(rows) - txn.count(Table.UNFINISHED):
            keys = {key for key, _ in rows}
            self._known = {key: known for key, known in self._known.items() if key in keys}
        return cards[::-1]

    def some(self, txn: Transaction, sessions: Iterable[str]) -> list[Card]:
        """Cards of these sessions, newest first; those that are gone are left out. Raises StoreCorrupt."""
        keys = sorted(name_key(session) for session in sessions)
        rows = [(key, value) for key in keys if (value := txn.get(Table.SESSIONS, key)) is not None]
        return self._cards(txn, rows)[::-1]

    def _cards(self, txn: Transaction, rows: list[tuple[bytes, bytes]]) -> list[Card]:
        """Cards of these sessions, whose keys ascend, in the same order."""
        known = self._known
        never: tuple[int, None] = (0, None)
        cards = []
        stale = []
        for place, (key, value) in enumerate(rows):
            hashed, card = known.get(key, never)
            cards.append(card)
            if card is None or hashed != hash(value):
                stale.append(place)
        made = self._make(txn, [rows[place] for place in stale])
        for place, card in zip(stale, made, strict=True):
            cards[place] = card
        return [card for card in cards if card is not None]

    def _make(self, txn: Transaction, rows: list[tuple[bytes, bytes]]) -> list[Card]:
        """New cards of these sessions; those of finished ones are kept."""
        beside = _InOnePass(txn) if len(rows) > SINGLY_MAX else None
        made = []
        for key, value in rows:
            record = decode(value, SessionRecord)
            said = said_of(txn, record.id) if beside is None else beside.said(key)
            card = _card(record, said)
            made.append(card)
            if record.end_ns is not None:
                self._known[key] = (hash(value), card)
            else:
                self._known.pop(key, None)
        return made


def _card(record: SessionRecord, said: Said) -> Card:
    description = describe(record, said)
    info = codec.encoded(description.info)
    return Card(
        session=record.id,
        state=record.state,
        tags=tuple(record.tags),
        started_ns=record.started_wall_ns,
        ended_ns=description.ended_wall_ns,
        hidden=record.buffer,
        info=info,
        size=memoryview(info).nbytes,
    )


class _InOnePass:
    """What is said about sessions that are asked for in the order of their keys."""

    def __init__(self, txn: Transaction) -> None:
        tables = (Table.GAPS, Table.PAUSES, Table.MARKERS, Table.WARNINGS)
        self._runs = [_Run(txn.scan(table)) for table in tables]
        self._notes = _Run(txn.scan(Table.NOTES))

    def said(self, key: bytes) -> Said:
        gaps, pauses, markers, warnings = (run.of(key + b"\0") for run in self._runs)
        return Said(gaps, pauses, markers, warnings, self._notes.at(key))


class _Run:
    """One pass over the rows of a table."""

    def __init__(self, rows: Iterator[tuple[bytes, bytes]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def of(self, prefix: bytes) -> Rows:
        """The rows whose keys begin with `prefix`; those before are passed over."""
        found = []
        row = self._next
        while row is not None and (row[0] < prefix or row[0].startswith(prefix)):
            if row[0].startswith(prefix):
                found.append(row)
            row = next(self._rows, None)
        self._next = row
        return found

    def at(self, key: bytes) -> bytes | None:
        """The value of `key`; rows before it are passed over."""
        while self._next is not None and self._next[0] < key:
            self._next = next(self._rows, None)
        return self._next[1] if self._next is not None and self._next[0] == key else None
