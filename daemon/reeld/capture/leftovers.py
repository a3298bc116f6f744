"""Places that a private window has left: how long they stay masked. Pure: the caller tells the time.

The server does not clear the place where a window was when the one below has no background of its own: its old pixels
stay until that one is painted. So a place is given back after a moment, and only where something was drawn since.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from reeld.capture.api import Rect
from reeld.capture.rects import bounded, subtracted

RECTANGLES_MAX = 32
"""More pieces of one kind are joined into the rectangle around all: a window that is shaken costs no more."""

_UNDRAWN_MAX = 1024
"""The rectangle around would hold what was never private, until somebody draws there: so this is far higher."""


@dataclass(frozen=True, slots=True)
class _Left:
    rects: list[Rect]
    undrawn: list[Rect]
    until_ns: int | None


class Leftovers:
    """linger_ns: how long every place stays masked, whatever is drawn there."""

    def __init__(self, linger_ns: int) -> None:
        self._linger_ns = linger_ns
        self._told = False
        self._left: list[_Left] = []

    @property
    def rects(self) -> list[Rect]:
        """All that must still be masked."""
        return [rect for left in self._left for rect in left.rects]

    @property
    def is_due(self) -> bool:
        """Whether some of it will be given back just because time passes."""
        return any(left.until_ns is not None for left in self._left)

    def add(self, rects: list[Rect], now_ns: int, *, undrawn: bool = True) -> None:
        """A private window has gone from here. undrawn: masked until something is drawn."""
        self._left.append(_Left(rects, rects if undrawn else [], now_ns + self._linger_ns))
        if sum(len(left.rects) for left in self._left) > RECTANGLES_MAX:
            around = bounded(self.rects, 1)
            places = bounded([rect for left in self._left for rect in left.undrawn], _UNDRAWN_MAX)
            self._left = [_Left(around, places, now_ns + self._linger_ns)]

    def trust_time(self) -> None:
        """What is masked now need not be drawn: a window is not private any more, so its place is not either."""
        self._left = [_Left(left.rects, [], left.until_ns) for left in self._left if left.until_ns is not None]

    def drawn(self, rects: Iterable[Rect]) -> None:
        """Something was drawn in all of `rects`. Who never says so is taken not to know."""
        self._told = True
        if self._left:
            rects = list(rects)
            self._left = [_Left(left.rects, subtracted(left.undrawn, rects), left.until_ns) for left in self._left]

    def expire(self, now_ns: int) -> None:
        """Give back what is old enough, as far as it was drawn."""
        kept = []
        for left in self._left:
            if left.until_ns is not None and left.until_ns > now_ns:
                kept.append(left)
            elif self._told and left.undrawn:
                kept.append(_Left(left.undrawn, left.undrawn, None))
        self._left = kept
