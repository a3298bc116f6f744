"""Sums and differences of rectangles: which pixels are in one set of them and not in another. Pure."""

from collections.abc import Iterable, Sequence

from reeld.capture.api import Rect


def overlap(one: Rect, other: Rect) -> Rect | None:
    """What both have; None when that is nothing."""
    # Plain arithmetic: these are called by the ten thousand while windows are being pushed about.
    x, y, width, height = one
    other_x, other_y, other_width, other_height = other
    left, right = max(x, other_x), min(x + width, other_x + other_width)
    top, bottom = max(y, other_y), min(y + height, other_y + other_height)
    return Rect(left, top, right - left, bottom - top) if left < right and top < bottom else None


def clipped(rects: Iterable[Rect], bounds: Sequence[Rect]) -> list[Rect]:
    """The parts of `rects` that lie in any of `bounds`."""
    shared = (overlap(rect, bound) for rect in rects for bound in bounds)
    return [part for part in shared if part is not None]


def subtracted(rects: Iterable[Rect], holes: Iterable[Rect]) -> list[Rect]:
    """The parts of `rects` that lie in none of `holes`."""
    left = list(rects)
    for hole in holes:
        left = [part for rect in left for part in _around(rect, hole)]
        if not left:
            break
    return left


def united(rects: Iterable[Rect]) -> list[Rect]:
    """The same pixels without overlap."""
    whole: list[Rect] = []
    for rect in rects:
        if rect.area > 0:
            whole += subtracted([rect], whole)
    return whole


def bounded(rects: Sequence[Rect], rectangles_max: int) -> list[Rect]:
    """`rects`, or the one rectangle around them when there are more than `rectangles_max`."""
    if len(rects) <= rectangles_max:
        return list(rects)
    x, y = min(rect.x for rect in rects), min(rect.y for rect in rects)
    return [Rect(x, y, max(rect.right for rect in rects) - x, max(rect.bottom for rect in rects) - y)]


def _around(rect: Rect, hole: Rect) -> list[Rect]:
    """What is left of `rect` above, below, left and right of `hole`."""
    inner = overlap(rect, hole)
    if inner is None:
        return [rect]
    x, y, width, height = rect
    above, before = inner.y - y, inner.x - x
    below, behind = height - above - inner.height, width - before - inner.width
    parts = []
    if above:
        parts.append(Rect(x, y, width, above))
    if below:
        parts.append(Rect(x, inner.bottom, width, below))
    if before:
        parts.append(Rect(x, inner.y, before, inner.height))
    if behind:
        parts.append(Rect(inner.right, inner.y, behind, inner.height))
    return parts
