"""What people ask for: words, phrases and prefixes, joined by AND (unsaid) and OR. Pure.

DESIGN: every text is a query; there are no syntax errors. AND binds closer than OR, so a query is a list of
alternatives, each a list of phrases that must all be found in a session, wherever in it. A single word is a phrase of
one; so is a word that is cut in several (`stand-up`), a phrase of two.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reeld.store.index.words import words_of

# What word processors and other languages write for a quotation mark.
_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"'))
_PART = re.compile(r'"(?P<quoted>[^"]*)"?(?P<star>\*?)|(?P<bare>[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand one after the other. prefix: the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False

    def is_in(self, words: Sequence[str]) -> bool:
        """Whether a text with these words has the phrase."""
        length = len(self.words)
        for start in range(len(words) - length + 1):
            if tuple(words[start : start + length]) == self.words:
                return True
            if self.prefix and self._begins(words[start : start + length]):
                return True
        return False

    def _begins(self, words: Sequence[str]) -> bool:
        return tuple(words[:-1]) == self.words[:-1] and words[-1].startswith(self.words[-1])


@dataclass(frozen=True, slots=True)
class Query:
    """One of the alternatives must hold, and in it every phrase. Without alternatives nothing is found."""

    alternatives: tuple[tuple[Phrase, ...], ...]

    def phrases(self) -> set[Phrase]:
        """Every phrase in it."""
        return {phrase for alternative in self.alternatives for phrase in alternative}


def parse(text: str) -> Query:
    """The query in a text. Never raises; a text without words finds nothing."""
    alternatives: list[list[Phrase]] = [[]]
    for part in _PART.finditer(text.translate(_QUOTES)):
        bare = part["bare"]
        if bare == "OR":
            alternatives.append([])
        elif bare != "AND":
            phrase = _phrase(part["quoted"], bool(part["star"])) if bare is None else _phrase(bare, bare.endswith("*"))
            if phrase is not None and phrase not in alternatives[-1]:
                alternatives[-1].append(phrase)
    return Query(tuple(tuple(alternative) for alternative in alternatives if alternative))


def _phrase(text: str, prefix: bool) -> Phrase | None:  # noqa: FBT001 - private, one caller
    words = tuple(words_of(text))
    return Phrase(words, prefix) if words else None


def matching(query: Query, hits: Mapping[Phrase, set[str]]) -> set[str]:
    """Sessions that the query finds, unranked. hits: sessions that have each phrase."""
    found: set[str] = set()
    for alternative in query.alternatives:
        found |= set.intersection(*(hits[phrase] for phrase in alternative))
    return found


def rank(query: Query, find: Callable[[Phrase], Mapping[str, float]]) -> dict[str, float]:
    """Sessions that the query finds, each with its score; the higher the better.

    find: sessions that have a phrase, with the score of each. Asked once a phrase.
    """
    found = {phrase: find(phrase) for phrase in query.phrases()}
    scores: dict[str, float] = {}
    for alternative in query.alternatives:
        rarest_first = sorted((found[phrase] for phrase in alternative), key=len)
        for session in rarest_first[0]:
            if all(session in each for each in rarest_first):
                scores[session] = scores.get(session, 0.0) + sum(each[session] for each in rarest_first)
    return scores
