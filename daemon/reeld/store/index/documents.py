"""What is said about a session, in words: read from the store, as the index keeps it.

Every function reads one transaction of the caller.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reeld.store import roster
from reeld.store.index.words import words_of
from reeld.store.keys import at, name_key, number_of, session_prefix
from reeld.store.records import MarkerEntry, NoteEntry, SessionRecord
from reeld.store.revisions import latest
from reeld.store.transaction import Table, Transaction, decode

SESSIONS_PER_READ = 500
"""Sessions read in one transaction while the index is made anew: about 20 ms, so that old pages are not kept long."""


class Kind(StrEnum):
    """Where a text stands."""

    NAME = "name"
    TAG = "tag"
    NOTE = "note"
    MARKER = "marker"


WEIGHTS: dict[str, float] = {Kind.NAME: 10.0, Kind.TAG: 5.0, Kind.NOTE: 2.5, Kind.MARKER: 1.0}
"""How much a hit there counts: what somebody chose to call a session says more than one remark in it."""


@dataclass(frozen=True, slots=True, order=True)
class Document:
    """One text of a session, as folded words with single spaces. at_ns: media time of a marker, else 0."""

    kind: str
    at_ns: int
    text: str


def documents_of(txn: Transaction, session: str) -> list[Document]:
    """Every text of a session; empty if it is gone, is shown to nobody or has a damaged record."""
    key = name_key(session)
    record = roster.readable_one(key, txn.get(Table.SESSIONS, key))
    return [] if record is None else _documents(txn, record)


def _documents(txn: Transaction, record: SessionRecord) -> list[Document]:
    if record.buffer:
        return []
    prefix = session_prefix(record.id)
    note = txn.record(Table.NOTES, name_key(record.id), NoteEntry)
    texts = [(Kind.NAME, 0, record.name), *((Kind.TAG, 0, tag) for tag in record.tags)]
    texts += [(Kind.NOTE, 0, note.text)] if note is not None else []
    texts += [
        (Kind.MARKER, number_of(key, prefix), decode(value, MarkerEntry).text)
        for key, value in txn.scan(Table.MARKERS, prefix)
    ]
    found = {Document(kind.value, at_ns, " ".join(words_of(text))) for kind, at_ns, text in texts}
    return sorted(document for document in found if document.text)


def portion(txn: Transaction, after: bytes) -> tuple[dict[str, list[Document]], bytes]:
    """The texts of the next sessions behind the key `after`, and the last key read; empty at the end."""
    found: dict[str, list[Document]] = {}
    last = after
    for key, value in txn.scan(Table.SESSIONS, start=after + b"\0"):
        record = roster.readable_one(key, value)
        last = key
        if record is not None:
            found[record.id] = _documents(txn, record)
        if len(found) == SESSIONS_PER_READ:
            break
    return found, last


def newest(txn: Transaction) -> int:
    """Number of the last change in the store."""
    return latest(txn)


def changed_after(txn: Transaction, revision: int) -> Iterator[tuple[int, str]]:
    """Numbers above `revision` and the session whose last change each is, removed ones among them, in order."""
    for key, session in txn.scan(Table.REVISIONS, start=at(b"", revision + 1)):
        yield number_of(key, b""), session.decode()
