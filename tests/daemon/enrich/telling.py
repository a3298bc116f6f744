"""What a session tells, made up: scenes, sentences and markers at seconds, for stages that need no engine."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

from reeld.enrich.material import Material, Scene
from reeld.store.spoken import Said, Spoken
from reeld_proto.findings import TextLine
from reeld_proto.units import NS_PER_S

ALL_BITS = (1 << 256) - 1
WORDS = ("budget", "garden", "holiday", "invoice", "the", "and", "42", "meeting", "x")
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)


def ns(at_s: float) -> int:
    return round(at_s * NS_PER_S)


def scene(start_s: float, end_s: float, *lines: str, hash: int = 0) -> Scene:
    """A screen with these lines from top to bottom."""
    return Scene(
        ns(start_s),
        ns(end_s),
        hash,
        tuple(TextLine(text, 10, 20 * row, 300, 14, 0.9) for row, text in enumerate(lines)),
    )


def said(start_s: float, text: str, length_s: float = 2.0) -> Said:
    """A sentence, its words as long as each other."""
    words = text.split()
    each_s = length_s / len(words)
    return Said(
        "mic",
        tuple(
            Spoken(ns(start_s + place * each_s), ns(start_s + (place + 1) * each_s), f" {word}", 0.9)
            for place, word in enumerate(words)
        ),
    )


def material(
    end_s: float,
    *,
    scenes: Sequence[Scene] = (),
    says: Sequence[Said] = (),
    markers: Sequence[tuple[float, str]] = (),
    name: str = "stand-up",
) -> Material:
    return Material(name, ns(end_s), list(scenes), list(says), [(ns(at_s), text) for at_s, text in markers], 1)


@st.composite
def materials(draw: st.DrawFn) -> Material:
    """Any session: scenes one after the other, sentences that do not overlap, markers wherever."""
    end_s = draw(st.integers(0, 4000))
    inside = st.lists(st.integers(0, max(0, end_s - 1)), unique=True, max_size=12).map(sorted)
    starts = draw(inside)
    lines = st.lists(SENTENCES, max_size=4)
    hashes = st.sampled_from([0, 1, ALL_BITS, ALL_BITS >> 128])
    scenes = [
        scene(start, end, *draw(lines), hash=draw(hashes)) for start, end in pairwise([*starts, end_s]) if start < end
    ]
    starts = draw(inside)
    says = [
        said(start, draw(SENTENCES), min(end - start, draw(st.integers(1, 12))))
        for start, end in pairwise([*starts, end_s])
        if start < end
    ]
    places = draw(st.lists(st.integers(0, ns(end_s + 1)), unique=True, max_size=8).map(sorted))
    texts = st.text(max_size=80).filter(str.strip)
    markers = [(at_ns, draw(texts)) for at_ns in places]
    return Material("stand-up", ns(end_s), scenes, says, markers, 1)
