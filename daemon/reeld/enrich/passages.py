"""What of a session is found by its meaning: short passages of what was said and shown. Pure.

DESIGN: the vector of a passage is the mean of its words, so a passage is one thought: an utterance, or a few lines that
stand below each other. What stays on the screen is one passage, at the moment at which it was first there.
"""

from collections.abc import Iterable, Iterator

from reeld.enrich.material import Material
from reeld.store.index.words import words_of
from reeld_proto.findings import MeaningPassage, TextLine

WORDS_MIN, WORDS_MAX = 2, 40
CHARS_MAX = 300
PASSAGES_MAX = 20_000
"""Of longer sessions every n-th is taken."""
SPOKEN, SHOWN = "speech", "screen"
_INDENT = 40
"""Lines that begin within so many pixels begin at the same place."""
_PARAGRAPH_LINES = 1.2
"""Lines further apart than so many of their heights are about different things."""


def passages_of(material: Material) -> list[MeaningPassage]:
    """In the order of time, what was said before what was shown at the same moment; each text once."""
    found: dict[str, MeaningPassage] = {}
    for said in material.said:
        words = said.words
        for place in range(0, len(words), WORDS_MAX):
            part = words[place : place + WORDS_MAX]
            _add(found, part[0].start_ns, SPOKEN, said.track, "".join(word.text for word in part))
    for scene in material.scenes:
        for paragraph in _paragraphs(scene.lines):
            _add(found, scene.start_ns, SHOWN, "", paragraph)
    ordered = sorted(found.values(), key=lambda each: (each.at_ns, each.kind != SPOKEN))
    return ordered[:: -(-len(ordered) // PASSAGES_MAX) or 1]


def _add(found: dict[str, MeaningPassage], at_ns: int, kind: str, track: str, text: str) -> None:
    text = " ".join(text.split())[:CHARS_MAX]
    key = f"{kind}\0{text.casefold()}"
    if len(words_of(text)) >= WORDS_MIN and (key not in found or at_ns < found[key].at_ns):
        found[key] = MeaningPassage(at_ns, kind, track, text)


def _paragraphs(lines: Iterable[TextLine]) -> Iterator[str]:
    """Lines below each other that begin at the same place, some words together."""
    ordered = sorted(lines, key=lambda line: (line.x // _INDENT, line.y))
    together: list[TextLine] = []
    for line in ordered:
        if together and _parts(together, line):
            yield " ".join(each.text for each in together)
            together = []
        together.append(line)
    if together:
        yield " ".join(each.text for each in together)


def _parts(together: list[TextLine], line: TextLine) -> bool:
    """Whether a line begins something new."""
    before = together[-1]
    apart = line.x // _INDENT != before.x // _INDENT
    apart = apart or line.y - before.y - before.height > _PARAGRAPH_LINES * before.height
    return apart or sum(len(each.text.split()) for each in [*together, line]) > WORDS_MAX
