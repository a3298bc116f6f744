"""Listing thousands of sessions fast: each is described and packed once, and again only when something changed.

DESIGN: everything that is said about a finished session either is in its record or, when it changes, raises the
record's revision (`revisions.py`). So a card is valid as long as the record's bytes are the same (a hash of 64 bits of
them is kept), and listing again costs one pass over the records. Sessions that are being recorded change with every
chunk and are described every time. Many new cards at a time are made from the tables beside the sessions, read in
stretches, because their keys sort as the sessions do; few are looked up one by one. What a first list would have to
make can be made before, in small portions (`warm`). A session whose record is damaged has no card, but a reason. Owned
by one thread.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice

from reeld.store import roster
from reeld.store.description import describe
from reeld.store.keys import name_key
from reeld.store.records import SessionRecord
from reeld.store.said import Said, SaidBetween, said_of
from reeld.store.transaction import Table, Transaction
from reeld_proto import codec
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import SessionState

SINGLY_MAX = 100
"""New cards up to which looking up what is said costs less than reading all of it in stretches."""

STRETCH = 250
"""Sessions whose rows are in memory at a time."""

WARM_NEW, WARM_SEEN = 10, 400
"""A portion of `warm`: so many new cards, or so many sessions looked at: half a millisecond."""


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
    """The cards of one store. Memory: about 1.5 kB a session.

    damaged: why sessions have no card, by name; what was found when their records were last looked at.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, Card]] = {}
        self.damaged: dict[str, str] = {}

    def all(self, txn: Transaction) -> list[Card]:
        """Cards of every session whose record can be read, newest first."""
        self.damaged.clear()
        rows = txn.rows(Table.SESSIONS)
        cards = self._cards(txn, rows)
        if len(self._known) > len(rows) - txn.count(Table.UNFINISHED):
            keys = {key for key, _ in rows}
            self._known = {key: known for key, known in self._known.items() if key in keys}
        return cards[::-1]

    def some(self, txn: Transaction, sessions: Iterable[str]) -> list[Card]:
        """Cards of these sessions, newest first; those that are gone or cannot be read are left out."""
        keys = sorted(name_key(session) for session in sessions)
        rows = [(key, value) for key in keys if (value := txn.get(Table.SESSIONS, key)) is not None]
        return self._cards(txn, rows)[::-1]

    def warm(self, txn: Transaction, after: bytes) -> bytes | None:
        """Make a portion of the cards that are not known yet, of the sessions behind the key `after`.

        The key to go on behind, or None when all are known.
        """
        last = after
        new: list[tuple[bytes, bytes]] = []
        for key, value in islice(txn.scan(Table.SESSIONS, start=after + b"\0"), WARM_SEEN):
            last = key
            if not self._is_known(key, value):
                new.append((key, value))
            if len(new) == WARM_NEW:
                break
        if new:
            self._stretch(txn, new)
        return None if last == after else last

    def _is_known(self, key: bytes, value: bytes) -> bool:
        known = self._known.get(key)
        return known is not None and known[0] == hash(value)

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

    def _make(self, txn: Transaction, rows: list[tuple[bytes, bytes]]) -> list[Card | None]:
        """New cards of these sessions, None for damaged ones; those of finished ones are kept."""
        if len(rows) <= SINGLY_MAX:
            return [self._new(key, value, partial(said_of, txn)) for key, value in rows]
        made: list[Card | None] = []
        for start in range(0, len(rows), STRETCH):
            made += self._stretch(txn, rows[start : start + STRETCH])
        return made

    def _stretch(self, txn: Transaction, rows: list[tuple[bytes, bytes]]) -> list[Card | None]:
        """As `_make`; everything beside sessions between the first and the last of them is read."""
        beside = SaidBetween.read(txn, rows[0][0], rows[-1][0])
        return [self._new(key, value, beside.of) for key, value in rows]

    def _new(self, key: bytes, value: bytes, said: Callable[[str], Said]) -> Card | None:
        self._known.pop(key, None)
        try:
            record = roster.read(key, value)
        except StoreCorrupt as error:
            self.damaged[roster.name_of(key)] = str(error)
            return None
        card = _card(record, said(record.id))
        if record.end_ns is not None:
            self._known[key] = (hash(value), card)
        return card


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
