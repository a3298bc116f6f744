"""Rectangles and sizes. Imports nothing: the daemon plans with them, and has no use for numpy."""

from typing import NamedTuple


class Rect(NamedTuple):
    """A rectangle in pixels; x to the right, y down."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels in it."""
        return self.width * self.height

    def moved(self, x: int, y: int) -> "Rect":
        """The same rectangle further right by `x` and down by `y`."""
        return Rect(self.x + x, self.y + y, self.width, self.height)

    def even(self) -> "Rect":
        """The smallest rectangle around it whose edges are even."""
        x, y = self.x & ~1, self.y & ~1
        return Rect(x, y, (self.right + 1 & ~1) - x, (self.bottom + 1 & ~1) - y)

    def meets(self, other: "Rect") -> bool:
        """Whether the two share any pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom


class Size(NamedTuple):
    """Width and height of a picture in pixels."""

    width: int
    height: int
