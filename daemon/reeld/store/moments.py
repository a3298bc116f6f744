"""What people find when they search: moments, with the line or sentence in which their words are."""

from collections.abc import Iterator

from reeld.store import known, roster
from reeld.store.enrichment import finding_of
from reeld.store.index.documents import Kind
from reeld.store.index.finder import Finder
from reeld.store.index.query import Phrase, Query
from reeld.store.index.textindex import Place
from reeld.store.index.words import words_of
from reeld.store.keys import at, name_key, session_prefix
from reeld.store.records import MarkerEntry, NoteEntry, SessionRecord
from reeld.store.shown_text import first_ns, pages_at
from reeld.store.spoken import Said, said_from
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.enrich import Moment
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import Chapters, Stage, Summary
from reeld_proto.records import TrackKind

_ALIKE = 4
"""Places asked for, for each moment that is shown: a line that stays on the screen is found on every still of it."""


def search(finder: Finder, txn: Transaction, query: Query, limit: int, session: str) -> tuple[list[Moment], bool]:
    """Moments that the query finds, at most `limit`, and whether there are more.

    A text that has all that is asked for comes first; then, of sessions that have it spread over several texts, each of
    these. session: only in this one; empty for all. Raises StoreCorrupt, RequestRejected.
    """
    within = [session] if session else None
    places = finder.moments(query, limit * _ALIKE, within)
    moments = _told(txn, places, query)
    if len(moments) < limit and any(len(alternative) > 1 for alternative in query.alternatives):
        whole = {moment.session for moment in moments}
        spread = {each for each in finder.search(query) if each not in whole and session in ("", each)}
        if spread:
            parts = Query(tuple((phrase,) for phrase in sorted(query.phrases(), key=lambda each: each.words)))
            moments += _told(txn, finder.moments(parts, limit * _ALIKE, spread), parts)
    return moments[:limit], len(moments) > limit or len(places) == limit * _ALIKE


def _told(txn: Transaction, places: list[Place], query: Query) -> list[Moment]:
    """The moments, each once; of what stays on a screen only the first."""
    records: dict[str, SessionRecord | None] = {}
    found: dict[tuple[str, str, str, str, float], Moment] = {}
    for place in places:
        if place.session not in records:
            key = name_key(place.session)
            records[place.session] = roster.readable_one(key, txn.get(Table.SESSIONS, key))
        record = records[place.session]
        if record is None:
            continue
        for moment in _moments(txn, record, place, query):
            at_s = 0.0 if place.kind == Kind.SCREEN else moment.at_s
            same = (moment.session, moment.kind, moment.track, moment.text, at_s)
            if same not in found or moment.at_s < found[same].at_s:
                found[same] = moment
    return list(found.values())


def _moments(txn: Transaction, record: SessionRecord, place: Place, query: Query) -> Iterator[Moment]:
    try:
        for at_ns, track, text in _texts(txn, record, place, query):
            yield known.moment(record, place.kind, at_ns, text, track)
    except StoreCorrupt:
        return  # it can be made again; `verify` tells of it


def _texts(txn: Transaction, record: SessionRecord, place: Place, query: Query) -> Iterator[tuple[int, str, str]]:
    """Media time, track and text of what stands at a place."""
    phrases = query.phrases()
    match place.kind:
        case Kind.SCREEN:
            yield from _on_screen(txn, record, place, phrases)
        case Kind.SPEECH:
            for track in record.tracks:
                if track.kind is TrackKind.AUDIO:
                    for said in said_from(txn, record, track, place.at_ns):
                        if _has(said.text, phrases):
                            yield _first_ns(said, phrases), track.id, said.text
        case Kind.NAME:
            yield 0, "", record.name
        case Kind.TAG:
            yield from ((0, "", tag) for tag in record.tags if _has(tag, phrases))
        case Kind.NOTE:
            note = txn.record(Table.NOTES, name_key(record.id), NoteEntry)
            yield from [(0, "", note.text)] if note is not None else []
        case Kind.MARKER:
            prefix = at(session_prefix(record.id), place.at_ns)
            texts = [decode(value, MarkerEntry).text for _, value in txn.scan(Table.MARKERS, prefix)]
            yield from ((place.at_ns, "", text) for text in texts if _has(text, phrases))
        case Kind.CHAPTER | Kind.SUMMARY:
            yield from ((ns, "", text) for ns, text in _found(txn, record, place) if _has(text, phrases))


def _on_screen(
    txn: Transaction, record: SessionRecord, place: Place, phrases: set[Phrase]
) -> Iterator[tuple[int, str, str]]:
    for track, page in pages_at(txn, record, place.at_ns):
        lines = [line.text for line in page.lines]
        shown = list(dict.fromkeys([line for line in lines if _has(line, phrases)] or _around(lines, phrases)))
        if not shown:
            continue
        since: dict[int, list[str]] = {}
        for line in shown:
            since.setdefault(first_ns(txn, record, track, place.at_ns, line), []).append(line)
        for since_ns, together in since.items():
            first = next((each for name, each in pages_at(txn, record, since_ns) if name == track), page)
            yield max(0, since_ns - first.lead_ns), track, " \u00b7 ".join(together)


def _found(txn: Transaction, record: SessionRecord, place: Place) -> Iterator[tuple[int, str]]:
    stages = (Stage.CHAPTERS,) if place.kind == Kind.CHAPTER else (Stage.SUMMARY, Stage.LANGUAGE)
    for stage in stages:
        entry = finding_of(txn, record.id, stage)
        if entry is None:
            continue
        if stage is Stage.CHAPTERS:
            pairs = [(each.start_ns, each.title) for each in decode(entry.payload, Chapters).chapters]
        else:
            pairs = [(each.at_ns, each.text) for each in decode(entry.payload, Summary).sentences]
        yield from (pair for pair in pairs if pair[0] == place.at_ns)


def _has(text: str, phrases: set[Phrase]) -> bool:
    words = words_of(text)
    return any(phrase.is_in(words) for phrase in phrases)


def _around(lines: list[str], phrases: set[Phrase]) -> list[str]:
    """Lines that have a word of a phrase which goes over the end of a line."""
    single = {
        Phrase((word,), prefix=phrase.prefix and place == len(phrase.words) - 1)
        for phrase in phrases
        for place, word in enumerate(phrase.words)
    }
    return [line for line in lines if _has(line, single)]


def _first_ns(said: Said, phrases: set[Phrase]) -> int:
    """When the first of the phrases is said."""
    plain: list[str] = []
    owners: list[int] = []
    for word in said.words:
        folded = words_of(word.text)
        plain += folded
        owners += [word.start_ns] * len(folded)
    starts = [
        owners[place]
        for place in range(len(plain))
        if any(phrase.is_in(plain[place : place + len(phrase.words)]) for phrase in phrases)
    ]
    return min(starts, default=said.start_ns)
