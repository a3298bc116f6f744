"""Chooses the sentences that tell most of a session: an extractive summary. Pure; no model.

DESIGN: what is written in the summary was said or shown, word for word, and leads to its moment. A sentence is worth
the weight of its words; a word that a chosen sentence has already counts less, so the summary does not repeat itself.
"""

from collections.abc import Sequence

from reeld.enrich.material import Material
from reeld.enrich.terms import telling, weights
from reeld_proto.findings import SummarySentence
from reeld_proto.units import NS_PER_S

VERSION = "2"
SENTENCES_MIN, SENTENCES_MAX = 3, 12
PER_S = 300
"""One sentence more for every five minutes."""
WORDS_MIN = 4
CHARS_MAX = 300
CANDIDATES_MAX = 4000
"""Of longer sessions every n-th sentence is looked at."""
SEEN_AGAIN = 0.2


def summary_of(material: Material) -> list[SummarySentence]:
    """Sentences in the order of time; none of a session in which nothing was said or read."""
    candidates = _candidates(material)
    step = -(-len(candidates) // CANDIDATES_MAX) or 1
    candidates = candidates[::step]
    words = [telling(each.text) for each in candidates]
    scores = _scores(words)
    wanted = min(SENTENCES_MAX, SENTENCES_MIN + material.end_ns // NS_PER_S // PER_S)
    chosen: list[int] = []
    told: set[str] = set()
    while len(chosen) < wanted:
        best, worth = -1, 0.0
        for place, sentence in enumerate(words):
            if place in chosen:
                continue
            value = sum(scores[word] * (SEEN_AGAIN if word in told else 1.0) for word in set(sentence))
            value /= (2 + len(sentence)) ** 0.7
            if value > worth:
                best, worth = place, value
        if best < 0:
            break
        chosen.append(best)
        told.update(words[best])
    return [candidates[place] for place in sorted(chosen)]


def _candidates(material: Material) -> list[SummarySentence]:
    """What was said; where nothing was, lines that were shown, each once."""
    said = [
        SummarySentence(each.start_ns, _cut(each.text))
        for each in material.said
        if len(each.words) >= WORDS_MIN and telling(each.text)
    ]
    if said:
        first: dict[str, SummarySentence] = {}
        for each in said:
            first.setdefault(each.text.casefold(), each)
        return list(first.values())
    seen: dict[str, SummarySentence] = {}
    for scene in material.scenes:
        for line in scene.lines:
            if len(line.text.split()) >= WORDS_MIN:
                seen.setdefault(line.text.casefold(), SummarySentence(scene.start_ns, _cut(line.text)))
    return list(seen.values())


def _cut(text: str) -> str:
    """Its beginning, of whole words where there are any."""
    if len(text) <= CHARS_MAX:
        return text
    return text[: CHARS_MAX + 1].rpartition(" ")[0] or text[:CHARS_MAX]


def _scores(sentences: Sequence[Sequence[str]]) -> dict[str, float]:
    """Weight of each word: high for what several sentences are about, low for what all have."""
    total: dict[str, float] = {}
    for each in weights(sentences):
        for word, weight in each.items():
            total[word] = total.get(word, 0.0) + weight
    return {word: weight**0.5 for word, weight in total.items()}
