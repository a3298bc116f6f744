"""Which words of a text tell most. Pure; no model, no language."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from reeld.store.index.words import words_of

LETTERS_MIN = 3
# The words that English, German, French and Spanish texts have most of tell nothing of what a text is about.
_COMMON_TEXT = """
the and you that was for are with his they this have from one had word but not what all were when your can said use
there each which she how their will other about out many then them these some her would make like him into time has
look two more write see number way could people than first been call who its now find long down day did get come made
may part just very also because going really thing things know think want well okay yes yeah der die das und ist nicht
ein eine einen den dem mit sich auf auch als wie bei oder aber wenn noch nach zum zur aus wir sie ich hat haben sind
war wird werden kann nur vor mir dir uns ihr sein des von fur uber so da es im les une est pas que qui dans pour sur
avec plus par sont nous vous ils elle mais ou donc cette ces aux ses los las por con para como pero sus del mas este
esta esto ser son fue muy todo tambien hay
"""
_COMMON = frozenset(_COMMON_TEXT.split())


def telling(text: str) -> list[str]:
    """The words of a text that may tell something, folded: no very common ones, no short ones, no numbers."""
    return [
        word for word in words_of(text) if len(word) >= LETTERS_MIN and word not in _COMMON and not word.isdecimal()
    ]


def weights(texts: Sequence[Iterable[str]]) -> list[dict[str, float]]:
    """Of each text the weight of its words: how often it has them, and how few of the others do (TF-IDF)."""
    counts = [Counter(words) for words in texts]
    spread: Counter[str] = Counter()
    for count in counts:
        spread.update(count.keys())
    return [
        {
            word: (1 + math.log(times)) * math.log((1 + len(texts)) / (0.5 + spread[word]))
            for word, times in count.items()
        }
        for count in counts
    ]


def unlike(one: frozenset[str], other: frozenset[str]) -> float:
    """How much two sets of words differ, 0 to 1 (Jaccard distance); 0 for two empty ones."""
    both = one | other
    return 1 - len(one & other) / len(both) if both else 0.0
