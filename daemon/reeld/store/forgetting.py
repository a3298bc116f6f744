"""What must go from a track so that nothing of a range survives on it. Pure: no database, no media.

DESIGN: a chunk is bytes with a digest and cannot be changed, so every chunk that holds a picture or sound of the range
goes as a whole, shown or not. What of its time lies outside the range is made again: before the range by leaving
samples out, after it, where the pictures build on what is gone, by encoding again up to the next key frame. The same
plan is made twice: by the job that makes the new media, and by the order that lands it; what the order does not find
among what was made becomes part of the gap, so a change between the two costs a moment of media and never gives one
away.

All times are media time of the session that the track belongs to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reeld.store.timeline import Span

LIMIT_NS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Held:
    """An entry of a timeline, and what its chunk holds.

    shown: the entry's time. content: from the first to the end of the last sample of the chunk, or more if unknown.
    cuts: what must go, as it would lie here if the line of this entry went on beyond its ends. preroll: content of each
    chunk that is decoded before it; None where it builds on the entry before.
    """

    shown: Span
    content: Span
    keyframe: bool
    cuts: tuple[Span, ...] = ()
    preroll: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Time of an entry that stays. again: its pictures must be encoded again; else samples are left out."""

    span: Span
    again: bool


@dataclass(frozen=True, slots=True)
class Redo:
    """An entry (by its place in the list) that goes. dirty: its chunk holds something of the range. cuts: see `Held`.

    clean_preroll: what comes before it in decoding order is not touched, and stays if its beginning stays.
    """

    index: int
    dirty: bool
    keeps: tuple[Keep, ...]
    cuts: tuple[Span, ...]
    clean_preroll: bool = True


@dataclass(slots=True)
class TrackPlan:
    """What happens to a track: entries that go, and the time of the range on it (where there is media or not)."""

    redos: list[Redo] = field(default_factory=list)
    cleared: list[Span] = field(default_factory=list)


def plan_pictures(entries: Sequence[Held]) -> list[Redo]:
    """Entries of a track of pictures that go, in order of time. entries: in that order, from a key frame on."""
    redos = []
    broken = False
    for index, entry in enumerate(entries):
        dirty_preroll = entry.preroll is not None and any(_hit(each, entry.cuts) for each in entry.preroll)
        if entry.keyframe:
            broken = False
        elif entry.preroll is not None:
            broken = dirty_preroll
        dirty = _hit(entry.content, entry.cuts)
        if not dirty and not broken:
            continue
        first_cut_ns = min((cut.start_ns for cut in entry.cuts if overlap(cut, entry.content)), default=LIMIT_NS)
        keeps = tuple(
            Keep(span, again=broken or first_cut_ns < span.end_ns) for span in without([entry.shown], entry.cuts)
        )
        redos.append(Redo(index, dirty, keeps, entry.cuts, clean_preroll=not dirty_preroll))
        broken = broken or dirty
    return redos


def plan_sounds(entries: Sequence[Held]) -> list[Redo]:
    """Entries of a track of sound that go; which of their packets stay follows from the packets."""
    return [
        Redo(
            index,
            dirty=True,
            keeps=tuple(Keep(span, again=False) for span in without([entry.shown], entry.cuts)),
            cuts=entry.cuts,
        )
        for index, entry in enumerate(entries)
        if _hit(entry.content, entry.cuts)
    ]


def plan_stills(entries: Sequence[Held]) -> list[Redo]:
    """Entries of a track of snapshots that go. content: the instant at which the picture was taken.

    A picture taken in the range goes wherever it is on view. One taken before stays on view up to the range only: that
    it was still the same afterwards was found out in the range.
    """
    redos = []
    for index, entry in enumerate(entries):
        dirty = _hit(entry.content, entry.cuts)
        cut_ns = min((cut.start_ns for cut in entry.cuts if overlap(cut, entry.shown)), default=entry.shown.end_ns)
        if not dirty and cut_ns == entry.shown.end_ns:
            continue
        stays = not dirty and cut_ns > entry.shown.start_ns
        keeps = (Keep(Span(entry.shown.start_ns, cut_ns), again=False),) if stays else ()
        redos.append(Redo(index, dirty, keeps, entry.cuts))
    return redos


def overlap(one: Span, other: Span) -> bool:
    """Whether two stretches share more than an end."""
    return one.start_ns < other.end_ns and other.start_ns < one.end_ns


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """`spans` with the time of `holes` cut out; their reasons stay."""
    left = list(spans)
    for hole in holes:
        cut = []
        for span in left:
            if not overlap(span, hole):
                cut.append(span)
                continue
            if span.start_ns < hole.start_ns:
                cut.append(Span(span.start_ns, hole.start_ns, span.reason, span.detail))
            if span.end_ns > hole.end_ns:
                cut.append(Span(hole.end_ns, span.end_ns, span.reason, span.detail))
        left = cut
    return left


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few stretches as there are; reasons are forgotten."""
    merged: list[Span] = []
    for span in sorted(spans):
        if span.start_ns >= span.end_ns:
            continue
        if merged and span.start_ns <= merged[-1].end_ns:
            merged[-1] = Span(merged[-1].start_ns, max(merged[-1].end_ns, span.end_ns))
        else:
            merged.append(Span(span.start_ns, span.end_ns))
    return merged


def _hit(content: Span, cuts: Iterable[Span]) -> bool:
    return any(overlap(content, cut) for cut in cuts)
