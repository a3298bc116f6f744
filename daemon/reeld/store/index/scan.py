"""The text index without an index: finds the same sessions by reading everything that is said, slower."""

from collections.abc import Iterable, Mapping

from reeld.store.index.documents import WEIGHTS, Document
from reeld.store.index.query import Phrase, Query, rank


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
