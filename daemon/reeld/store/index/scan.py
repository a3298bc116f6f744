"""The text index without an index: finds the same sessions by reading everything that is said, slower."""

from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from reeld.store.index.documents import MADE_OF_MEDIA, MADE_OF_TEXTS, WEIGHTS, Document
from reeld.store.index.query import Phrase, Query, rank
from reeld.store.index.textindex import Place


def search(query: Query, texts: Iterable[tuple[str, list[Document]]]) -> dict[str, float]:
    """Sessions that the query finds, with their scores: the sum of the weights of the places where it is found."""
    phrases = query.phrases()
    found: dict[Phrase, dict[str, float]] = {phrase: {} for phrase in phrases}
    for session, documents in texts:
        words = [(document.kind, document.text.split()) for document in documents]
        for phrase in phrases:
            places = {kind for kind, text in words if phrase.is_in(text)}
            if places:
                found[phrase][session] = sum(WEIGHTS.get(kind, 1.0) for kind in places)

    def find(phrase: Phrase) -> Mapping[str, float]:
        return found[phrase]

    return rank(query, find)


def moments(
    query: Query, texts: Iterable[tuple[str, list[Document]]], limit: int, sessions: Collection[str] | None
) -> list[Place]:
    """As `TextIndex.moments`; sessions are in the order in which they are read, the last first."""
    written: list[Place] = []
    seen: list[Place] = []
    for session, documents in texts:
        if sessions is not None and session not in sessions:
            continue
        for document in documents:
            words = document.text.split()
            if any(all(phrase.is_in(words) for phrase in each) for each in query.alternatives):
                place = Place(session, document.kind, document.at_ns)
                (seen if document.kind in MADE_OF_MEDIA else written).append(place)
    written.sort(key=lambda place: -WEIGHTS.get(place.kind, 1.0))
    told = [place for place in written if place.kind not in MADE_OF_TEXTS]
    made = [place for place in written if place.kind in MADE_OF_TEXTS]
    return list(islice([*told, *reversed(seen), *made], limit))
