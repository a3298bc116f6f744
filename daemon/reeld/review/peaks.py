"""How loud a track is over time, as a row of columns: what a page draws as a wave. Pure.

DESIGN: a chunk is measured once, in steps of its own time, and kept as a byte a step; where it is shown is a matter of
whoever shows it. Columns wider than `SAMPLED_NS` are looked at in one place each, or a long recording would have to be
decoded whole for a picture of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reeld.store.api import Segment
from reeld_proto.units import NS_PER_S

STEP_NS = 10_000_000
SAMPLED_NS = NS_PER_S
"""Narrower columns have every chunk decoded that they show: at most 2000 s of sound, some seconds of work."""
SILENCE, NOTHING = 0, -1
"""Of a column: the sound is silent there; there is no sound."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The loudest of each step of a chunk, 0 to 255. start_ns: in the chunk's own time."""

    start_ns: int
    steps: bytes


@dataclass(frozen=True, slots=True)
class Columns:
    """A range of media time in `count` equal columns. Of a range shorter than that many nanoseconds some are empty."""

    from_ns: int
    to_ns: int
    count: int

    @property
    def sampled(self) -> bool:
        """Whether one look into each column has to do."""
        return self.to_ns - self.from_ns > SAMPLED_NS * self.count

    def start_ns(self, column: int) -> int:
        """Where a column begins, and the one before it ends."""
        return self.from_ns + (self.to_ns - self.from_ns) * column // self.count

    def within(self, from_ns: int, to_ns: int) -> range:
        """The columns that touch a span."""
        low, high = max(from_ns, self.from_ns), min(to_ns, self.to_ns)
        if low >= high:
            return range(0)
        return range(self._of(low), self._of(high - 1) + 1)

    def _of(self, at_ns: int) -> int:
        """The column that an instant of the range lies in: the last one that begins by then."""
        return ((at_ns - self.from_ns + 1) * self.count - 1) // (self.to_ns - self.from_ns)


def drawn(columns: Columns, pieces: Iterable[tuple[Segment, Measured | None]]) -> list[int]:
    """The loudest sound of each column, 0 to 255; `NOTHING` where no piece is. None: a piece that cannot be read."""
    peaks = [NOTHING] * columns.count
    for segment, measured in pieces:
        if measured is None:
            continue
        low, high = max(segment.start_ns, columns.from_ns), min(segment.end_ns, columns.to_ns)
        begin_ns = measured.start_ns + segment.shift_ns
        for column in columns.within(low, high):
            loudest = _loudest(
                measured.steps,
                max(low, columns.start_ns(column)) - begin_ns,
                min(high, columns.start_ns(column + 1)) - begin_ns,
            )
            peaks[column] = max(peaks[column], loudest)
    return peaks


def _loudest(steps: Sequence[int], from_ns: int, to_ns: int) -> int:
    """Of the steps that a span of their own time touches; of one that was not measured, of the nearest."""
    first = min(max(from_ns // STEP_NS, 0), len(steps) - 1)
    last = min(max(-(-to_ns // STEP_NS), first + 1), len(steps))
    return max(steps[first:last], default=SILENCE)
