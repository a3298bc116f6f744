"""What is said about a session, in words: read from the store, as the index keeps it.

Every function reads one transaction of the caller.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reeld.store import roster
from reeld.store.enrichment import finding_of
from reeld.store.index.words import words_of
from reeld.store.keys import at, name_key, number_of, session_prefix
from reeld.store.records import MarkerEntry, NoteEntry, SessionRecord
from reeld.store.revisions import latest
from reeld.store.shown_text import views_of
from reeld.store.spoken import said_in
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import Chapters, Stage, Summary

SESSIONS_PER_READ = 500
"""Sessions read in one transaction while the index is made anew: about 20 ms, so that old pages are not kept long."""


class Kind(StrEnum):
    """Where a text stands."""

    NAME = "name"
    TAG = "tag"
    NOTE = "note"
    MARKER = "marker"
    CHAPTER = "chapter"
    SUMMARY = "summary"
    SCREEN = "screen"
    """Read on a still; where it came on view."""
    SPEECH = "speech"
    """Said in one go; when that began."""


WEIGHTS: dict[str, float] = {
    Kind.NAME: 10.0,
    Kind.TAG: 5.0,
    Kind.NOTE: 2.5,
    Kind.MARKER: 1.0,
    Kind.CHAPTER: 1.0,
    Kind.SUMMARY: 0.5,
    Kind.SCREEN: 0.2,
    Kind.SPEECH: 0.3,
}
"""How much a hit there counts: what somebody chose to call a session says more than one remark in it."""


MADE_OF_MEDIA = frozenset({Kind.SCREEN, Kind.SPEECH})
"""There may be hundreds of these an hour, and of all others some a session."""
MADE_OF_TEXTS = frozenset({Kind.CHAPTER, Kind.SUMMARY})
"""They say again what was shown or said, which itself is nearer to the moment."""


@dataclass(frozen=True, slots=True, order=True)
class Document:
    """One text of a session, as folded words with single spaces. at_ns: media time of what has one, else 0."""

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
    texts += _found(txn, record)
    found = {Document(kind.value, at_ns, " ".join(words_of(text))) for kind, at_ns, text in texts}
    return sorted(document for document in found if document.text)


def _found(txn: Transaction, record: SessionRecord) -> Iterator[tuple[Kind, int, str]]:
    """What enrichment found. A result that cannot be read is as one that is not there: it can be made again."""
    with contextlib.suppress(StoreCorrupt):
        chapters = finding_of(txn, record.id, Stage.CHAPTERS)
        for chapter in decode(chapters.payload, Chapters).chapters if chapters is not None else ():
            yield Kind.CHAPTER, chapter.start_ns, chapter.title
    with contextlib.suppress(StoreCorrupt):
        for stage in (Stage.SUMMARY, Stage.LANGUAGE):
            summary = finding_of(txn, record.id, stage)
            for sentence in decode(summary.payload, Summary).sentences if summary is not None else ():
                yield Kind.SUMMARY, sentence.at_ns, sentence.text
    with contextlib.suppress(StoreCorrupt):
        for view in views_of(txn, record):
            if view.page is not None and view.page.lines:
                yield Kind.SCREEN, view.start_ns, "\n".join(line.text for line in view.page.lines)
    with contextlib.suppress(StoreCorrupt):
        for said in said_in(txn, record):
            yield Kind.SPEECH, said.start_ns, said.text


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
