"""The arithmetic of a track's timeline, without a database.

DESIGN: on each track chunks and gaps together cover [0, end) without hole or overlap, at every commit. Media always
wins: a chunk that comes late, after its time was given to a gap, takes that time back; a gap never takes time from a
chunk; of two chunks the first one keeps its time. So the result does not depend on how often, or after which restart,
a message arrives. Neighbouring gaps of one reason and detail are one gap.

All times are integer nanoseconds of media time unless a name says `clock`: that is the session's clock, pauses
included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import itemgetter

from reeld_proto.records import GapInfo, GapReason
from reeld_proto.units import seconds

ROUNDING_NS = 1_000_000
"""A chunk that begins this close to the track's end continues it: ticks of 1/48000 or 1/90000 s are not whole
nanoseconds, and no frame is shorter than this."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a track: media when `reason` is None, otherwise a gap. detail: the reason told more closely."""

    start_ns: int
    end_ns: int
    reason: GapReason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a timeline changes: gaps to remove and to add, and the time that a chunk gets (None: there was none left).

    end_ns: where the cover ends afterwards. shortened: the chunk lost time to other chunks.
    """

    end_ns: int
    removed: tuple[Span, ...] = ()
    added: tuple[Span, ...] = ()
    media: Span | None = None
    shortened: bool = False


def settle_media(around: Sequence[Span], end_ns: int, start_ns: int, stop_ns: int, hole: GapReason) -> Settlement:
    """Put a chunk at [start_ns, stop_ns) on a track that is covered up to `end_ns`.

    around: every span that touches [start_ns, stop_ns], ends included, sorted; and the track's last one.
    hole: the reason of the gap between the end and a chunk that begins later.
    """
    wanted_ns = start_ns, stop_ns
    start_ns = _snapped(start_ns, stop_ns, end_ns)
    media = [span for span in around if span.reason is None]
    snapped_ns = start_ns
    for span in media:
        if span.start_ns <= start_ns < span.end_ns:
            start_ns = span.end_ns
    for span in media:
        if start_ns < span.start_ns < stop_ns:
            stop_ns = span.start_ns
    if start_ns >= stop_ns:
        return Settlement(end_ns)
    placed = Span(start_ns, stop_ns)
    gaps = [span for span in around if span.reason is not None]
    final = _without(gaps, placed)
    if start_ns > end_ns:
        final.append(Span(end_ns, start_ns, hole))
    shortened = start_ns > snapped_ns or stop_ns < wanted_ns[1]
    return _settled(gaps, final, max(end_ns, stop_ns), placed, shortened=shortened)


def settle_gap(
    around: Sequence[Span],
    end_ns: int,
    start_ns: int,
    stop_ns: int,
    reason: GapReason,
    hole: GapReason,
    *,
    detail: str = "",
) -> Settlement:
    """Give the time of [start_ns, stop_ns) that no chunk has to a gap; arguments as for `settle_media`."""
    start_ns = _snapped(start_ns, stop_ns, end_ns)
    pieces = _without_all([Span(start_ns, stop_ns, reason, detail)], [span for span in around if span.reason is None])
    gaps = [span for span in around if span.reason is not None]
    final = _without_all(gaps, pieces) + pieces
    if start_ns > end_ns:
        final.append(Span(end_ns, start_ns, hole))
    return _settled(gaps, final, max([end_ns, *(piece.end_ns for piece in pieces)]))


def _snapped(start_ns: int, stop_ns: int, end_ns: int) -> int:
    return end_ns if abs(start_ns - end_ns) <= ROUNDING_NS and stop_ns > end_ns else start_ns


def _without(spans: Iterable[Span], hole: Span) -> list[Span]:
    """`spans` with the time of `hole` cut out."""
    left = []
    for span in spans:
        if span.end_ns <= hole.start_ns or span.start_ns >= hole.end_ns:
            left.append(span)
            continue
        if span.start_ns < hole.start_ns:
            left.append(Span(span.start_ns, hole.start_ns, span.reason, span.detail))
        if span.end_ns > hole.end_ns:
            left.append(Span(hole.end_ns, span.end_ns, span.reason, span.detail))
    return left


def _without_all(spans: list[Span], holes: Iterable[Span]) -> list[Span]:
    for hole in holes:
        spans = _without(spans, hole)
    return spans


def _settled(
    before: Sequence[Span], after: list[Span], end_ns: int, media: Span | None = None, *, shortened: bool = False
) -> Settlement:
    merged = merged_gaps(after)
    old, new = set(before), set(merged)
    return Settlement(
        end_ns,
        removed=tuple(span for span in before if span not in new),
        added=tuple(span for span in merged if span not in old),
        media=media,
        shortened=shortened,
    )


def merged_gaps(gaps: Iterable[Span]) -> list[Span]:
    """Gaps sorted, neighbours of one reason and detail joined."""
    merged: list[Span] = []
    for gap in sorted(gaps):
        last = merged[-1] if merged else None
        if last is not None and (last.end_ns, last.reason, last.detail) == (gap.start_ns, gap.reason, gap.detail):
            merged[-1] = replace(last, end_ns=gap.end_ns)
        else:
            merged.append(gap)
    return merged


@dataclass(frozen=True, slots=True)
class CoverFault:
    """A breach of the cover between two instants: `hole` or `overlap`."""

    kind: str
    start_ns: int
    end_ns: int


def cover_faults(spans: Iterable[Span], end_ns: int) -> list[CoverFault]:
    """Where `spans` do not cover [0, end_ns) exactly once. Empty when the invariant holds."""
    ordered = [Span(0, 0), *sorted(spans), Span(end_ns, end_ns)]
    faults = []
    covered_ns = 0
    for before, after in pairwise(ordered):
        covered_ns = max(covered_ns, before.end_ns)
        if after.start_ns > covered_ns:
            faults.append(CoverFault("hole", covered_ns, after.start_ns))
        elif after.start_ns < covered_ns:
            faults.append(CoverFault("overlap", after.start_ns, covered_ns))
    return faults


@dataclass(frozen=True, slots=True)
class Pause:
    """A finished pause: both ends on the session's clock."""

    start_clock_ns: int
    end_clock_ns: int


@dataclass
class PauseMap:
    """From media time to the session's clock and back."""

    pauses: Sequence[Pause]
    _points: list[tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._points = []
        removed = 0
        for pause in sorted(self.pauses, key=lambda each: each.start_clock_ns):
            length = pause.end_clock_ns - pause.start_clock_ns
            point = pause.start_clock_ns - removed
            if self._points and self._points[-1][0] == point:
                # Nothing was recorded between two pauses: for everybody who looks, they are one.
                length_before = self._points.pop()[1]
                self._points.append((point, length_before + length))
            else:
                self._points.append((point, length))
            removed += length

    @property
    def points(self) -> list[tuple[int, int]]:
        """Each pause as (media time at which it lies, its length), in order."""
        return self._points

    def clock_ns(self, media_ns: int, *, before_pause: bool = False) -> int:
        """The session's clock at `media_ns`; where a pause lies there, after it, or before it if so asked."""
        clock_ns = media_ns
        for point, length in self._points:
            if point > media_ns or (point == media_ns and before_pause):
                break
            clock_ns += length
        return clock_ns

    def media_ns(self, clock_ns: int) -> int:
        """Media time at an instant of the session's clock; inside a pause, where the pause lies."""
        removed = 0
        for point, length in self._points:
            if clock_ns <= point + removed:
                break
            removed += min(length, clock_ns - point - removed)
        return clock_ns - removed


def public_gaps(track: str, gaps: Iterable[Span], pauses: PauseMap) -> list[GapInfo]:
    """The gaps of a track as people see them, sorted, with a `paused` gap for each pause.

    A gap that goes on across a pause is shown as two, so that on the clock, too, nothing overlaps.
    """
    points = [point for point, length in pauses.points if length]
    shown = [_shown(track, Span(point, point, GapReason.PAUSED), pauses) for point in points]
    for gap in gaps:
        if gap.reason is None or gap.end_ns <= gap.start_ns:
            continue
        start_ns = gap.start_ns
        for point in points:
            if start_ns < point < gap.end_ns:
                shown.append(_shown(track, Span(start_ns, point, gap.reason, gap.detail), pauses))
                start_ns = point
        shown.append(_shown(track, Span(start_ns, gap.end_ns, gap.reason, gap.detail), pauses))
    shown.sort(key=_ON_THE_CLOCK)
    return [info for _, _, info in shown]


_ON_THE_CLOCK = itemgetter(0, 1)


def _shown(track: str, gap: Span, pauses: PauseMap) -> tuple[int, int, GapInfo]:
    start_ns, end_ns = gap.start_ns, gap.end_ns
    is_pause = start_ns == end_ns
    start_clock_ns = pauses.clock_ns(start_ns, before_pause=is_pause)
    end_clock_ns = pauses.clock_ns(end_ns, before_pause=not is_pause)
    info = GapInfo(
        track=track,
        start_s=seconds(start_clock_ns),
        end_s=seconds(end_clock_ns),
        reason=gap.reason or GapReason.PAUSED,
        detail=gap.detail,
        media_start_s=seconds(start_ns),
        media_end_s=seconds(end_ns),
    )
    return start_clock_ns, end_clock_ns, info
