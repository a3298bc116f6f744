"""Cuts a session into chapters and names them: from markers, changes of the picture, its text, and pauses. Pure.

DESIGN: a chapter begins where a person put a marker, or where the screen becomes another one and stays so. Of two
candidates that are close the stronger counts. A pause in speech makes a candidate stronger; alone it begins a chapter
only where there is no picture to tell more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reeld.enrich.material import Material, Scene
from reeld.enrich.terms import telling, unlike, weights
from reeld_proto.findings import ChapterStart
from reeld_proto.units import NS_PER_S

VERSION = "1"
HASH_BITS = 256
OTHER_PICTURE = 0.16
"""Share of a hash's bits from which on two pictures are taken for different ones; two windows differ in 0.2 to 0.5."""
OTHER_TEXT = 0.7
PAUSE_NS = 4 * NS_PER_S
LENGTH_NS_MIN = 15 * NS_PER_S
CHAPTERS_MAX = 60
TITLE_CHARS_MAX = 60
TITLE_WORDS = 4


@dataclass(frozen=True, slots=True)
class _Cut:
    at_ns: int
    strength: float
    title: str = ""
    marked: bool = False


def chapters_of(material: Material) -> list[ChapterStart]:
    """The chapters, the first at 0; one for a session in which nothing changes."""
    cuts = _chosen([*_marked(material), *_shown(material), *_paused(material)], material.end_ns)
    starts = [0, *(cut.at_ns for cut in cuts)]
    titles = {cut.at_ns: cut.title for cut in cuts if cut.title}
    first = [text for at_ns, text in material.markers if at_ns < NS_PER_S]
    if first:
        titles[0] = _shortened(first[0])
    made = _titles(material, starts)
    return [ChapterStart(at_ns, titles.get(at_ns) or made[place]) for place, at_ns in enumerate(starts)]


def _marked(material: Material) -> list[_Cut]:
    return [_Cut(at_ns, 10.0, _shortened(text), marked=True) for at_ns, text in material.markers if at_ns >= NS_PER_S]


def _shown(material: Material) -> list[_Cut]:
    """Where the screen becomes another one."""
    found = []
    words = [_words(scene) for scene in material.scenes]
    for place in range(1, len(material.scenes)):
        before, scene = material.scenes[place - 1], material.scenes[place]
        picture = (before.hash ^ scene.hash).bit_count() / HASH_BITS
        text = unlike(words[place - 1], words[place])
        known = bool(words[place - 1] or words[place])
        if picture < OTHER_PICTURE or (known and text < OTHER_TEXT):
            continue
        silent = any(
            one.end_ns <= scene.start_ns <= other.start_ns and other.start_ns - one.end_ns >= NS_PER_S
            for one, other in pairwise(material.said)
        )
        found.append(_Cut(scene.start_ns, picture + text * known + 0.3 * silent))
    return found


def _paused(material: Material) -> list[_Cut]:
    if material.scenes:
        return []
    return [
        _Cut(other.start_ns, min(1.0, (other.start_ns - one.end_ns) / (10 * PAUSE_NS)))
        for one, other in pairwise(material.said)
        if other.start_ns - one.end_ns >= PAUSE_NS
    ]


def _chosen(cuts: Sequence[_Cut], end_ns: int) -> list[_Cut]:
    """The strongest cuts that are far enough from each other and from both ends, in order of time."""
    apart_ns = max(LENGTH_NS_MIN, end_ns // CHAPTERS_MAX)
    taken: list[_Cut] = []
    for cut in sorted(cuts, key=lambda each: (-each.strength, each.at_ns)):
        if cut.at_ns >= end_ns or (not cut.marked and not apart_ns <= cut.at_ns <= end_ns - LENGTH_NS_MIN // 2):
            continue
        near_ns = NS_PER_S if cut.marked else apart_ns
        if len(taken) < CHAPTERS_MAX - 1 and all(abs(cut.at_ns - each.at_ns) >= near_ns for each in taken):
            taken.append(cut)
    return sorted(taken, key=lambda each: each.at_ns)


def _titles(material: Material, starts: Sequence[int]) -> list[str]:
    """A title for each chapter: its headline, or the words that tell it from the others, or its number."""
    ends = [*starts[1:], material.end_ns]
    texts = [_text(material, start_ns, end_ns) for start_ns, end_ns in zip(starts, ends, strict=True)]
    scores = weights([telling(" ".join(lines)) for lines in texts])
    titles = []
    for number, (lines, score) in enumerate(zip(texts, scores, strict=True), 1):
        best = max(lines, key=lambda line: _worth(line, score), default="")
        words = sorted(score, key=lambda word: (-score[word], word))[:TITLE_WORDS]
        title = best if best and _worth(best, score) > 0 else " ".join(words)
        titles.append(_shortened(title) if title else (material.name if len(starts) == 1 else f"Part {number}"))
    return titles


def _worth(line: str, score: dict[str, float]) -> float:
    """How well a line would do as a title: the weight of its words, for lines that are short enough."""
    words = telling(line)
    if not words or len(line) > TITLE_CHARS_MAX:
        return 0.0
    return sum(score.get(word, 0.0) for word in words) / math.sqrt(1 + len(words))


def _text(material: Material, start_ns: int, end_ns: int) -> list[str]:
    """Lines that are seen or heard in a chapter, each once."""
    lines = [line.text for scene in material.scenes if start_ns <= scene.start_ns < end_ns for line in scene.lines]
    lines += [said.text for said in material.said if start_ns <= said.start_ns < end_ns]
    return list(dict.fromkeys(lines))


def _words(scene: Scene) -> frozenset[str]:
    return frozenset(word for line in scene.lines for word in telling(line.text))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARS_MAX else line[: TITLE_CHARS_MAX - 1].rstrip() + "\u2026"
