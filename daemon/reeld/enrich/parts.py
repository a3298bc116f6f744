"""What a language model is sent of a session: lines with their times, in parts that it can hold. Loads no engine."""

from collections.abc import Iterator

from reeld.enrich.material import Material, material_of
from reeld.enrich.prompts import most_tokens
from reeld.store.enrichment import finding_of
from reeld.store.known import Extent
from reeld.store.reader import StoreReader
from reeld_proto.findings import Stage
from reeld_proto.units import NS_PER_S

PART_CHARS = 16_000
"""Of text in one question: what small models on personal computers can hold."""
CHARS_PER_S = 30
"""Of a session that was not read and listened to yet, so much is expected: people speak half as fast."""


def extent_of(reader: StoreReader, session: str) -> tuple[Extent, int, int]:
    """How much a model has to do, and how many tokens one part is at most. Raises RequestRejected (NOT_FOUND).

    A session of which nothing is known yet is taken for one of much talk.
    """
    with reader.store.read() as txn:
        material = material_of(txn, session)
        known = finding_of(txn, session, Stage.LANGUAGE) is not None
    parts = parts_of(material)
    if not parts:
        chars = round(material.end_ns / NS_PER_S * CHARS_PER_S)
        parts = ["x" * min(PART_CHARS, chars - at) for at in range(0, chars, PART_CHARS)]
    most = [most_tokens(part) for part in parts]
    extent = Extent(len(parts), len(parts) if known else 0, "questions")
    return extent, max((each[0] for each in most), default=0), max((each[1] for each in most), default=0)


def parts_of(material: Material) -> list[str]:
    """What was said and shown as lines with their times, in parts of at most `PART_CHARS`. Pure."""
    parts: list[str] = []
    for line in _lines(material):
        if parts and len(parts[-1]) + len(line) < PART_CHARS:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts


def _lines(material: Material) -> Iterator[str]:
    """Each line of the screens once, when it first came up."""
    seen: set[str] = set()
    lines: list[tuple[int, str]] = [(said.start_ns, f"{said.track}: {said.text}") for said in material.said]
    lines += [(at_ns, f"marker: {text}") for at_ns, text in material.markers]
    for scene in material.scenes:
        new = [line.text for line in scene.lines if line.text not in seen]
        seen.update(new)
        if new:
            lines.append((scene.start_ns, f"screen: {' | '.join(new)}"))
    for at_ns, text in sorted(lines):
        yield f"[{at_ns / NS_PER_S:.1f}] {text[: PART_CHARS // 2]}"
