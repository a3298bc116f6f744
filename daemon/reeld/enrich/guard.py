"""Takes out what an engine of speech says over and over. Pure."""

from collections.abc import Sequence

from reeld.enrich.engines.api import Heard
from reeld.store.index.words import words_of

PHRASE_WORDS_MAX = 12
TIMES_MIN = 4
"""People say a thing three times; models that went astray do so until their time is up."""


def without_loops(words: Sequence[Heard]) -> list[Heard]:
    """The words; of a phrase that comes four times or more without a break, only the first."""
    plain = [" ".join(words_of(word.text)) for word in words]
    kept: list[Heard] = []
    at = 0
    while at < len(words):
        length, times = _loop_at(plain, at)
        phrase = words[at : at + length]
        # What goes round may itself be made of smaller rounds.
        kept += phrase if times == 1 else without_loops(phrase)
        at += length * times
    return kept


def _loop_at(plain: Sequence[str], at: int) -> tuple[int, int]:
    """Length and number of the phrase that is repeated from here on, the one that takes most words; (1, 1) if none."""
    best = (1, 1)
    for length in range(1, min(PHRASE_WORDS_MAX, (len(plain) - at) // TIMES_MIN) + 1):
        phrase = plain[at : at + length]
        times = 1
        while plain[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        if times >= TIMES_MIN and any(phrase) and length * times > best[0] * best[1]:
            best = (length, times)
    return best
