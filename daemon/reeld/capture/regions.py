"""From the many small rectangles of a damage report to the few bands that are worth a request each. Pure."""

import numpy as np
import numpy.typing as npt

from reeld.capture.api import Rect

WASTE_PIXELS_MAX = 64 * 1024
"""Unchanged pixels that may be fetched to save a request: a band costs about 0.1 ms beyond its pixels, and as much
time fetches and converts about this many."""

RECTANGLES_MAX = 32
"""More rectangles than this (a flood of small ones) are first collected into rows, so that joining them stays cheap."""

ROW_HEIGHT = 64
"""Height of those rows."""

RectArray = npt.NDArray[np.int32]
"""int32, shape (rectangles, 4): x, y, width, height."""


def bands_of(rectangles: RectArray, bounds: Rect) -> list[Rect]:
    """Bands that hold every pixel of `rectangles` inside `bounds`, relative to it, on even edges, not overlapping much.

    Their total area is never larger than that of `bounds`. Empty when nothing lies inside.
    """
    left = np.maximum(rectangles[:, 0] - bounds.x, 0) & ~1
    top = np.maximum(rectangles[:, 1] - bounds.y, 0) & ~1
    right = np.minimum((rectangles[:, 0] + rectangles[:, 2] - bounds.x + 1) & ~1, bounds.width)
    bottom = np.minimum((rectangles[:, 1] + rectangles[:, 3] - bounds.y + 1) & ~1, bounds.height)
    inside = (left < right) & (top < bottom)
    edges = np.stack((left, top, right, bottom), axis=1)[inside]
    if len(edges) > RECTANGLES_MAX:
        edges = _rows_of(edges, bounds.height)
    joined = _joined([Rect(x, y, x2 - x, y2 - y) for x, y, x2, y2 in edges.tolist()])
    if sum(rect.area for rect in joined) > bounds.width * bounds.height:
        return [_union(joined)]
    return joined


def _rows_of(edges: RectArray, height: int) -> RectArray:
    rows = []
    for y in range(0, height, ROW_HEIGHT):
        part = edges[(edges[:, 1] < y + ROW_HEIGHT) & (edges[:, 3] > y)]
        if len(part):
            top, bottom = max(y, part[:, 1].min()), min(y + ROW_HEIGHT, part[:, 3].max())
            rows.append((part[:, 0].min(), top, part[:, 2].max(), bottom))
    return np.array(rows, dtype=np.int32)


def _joined(rects: list[Rect]) -> list[Rect]:
    joined: list[Rect] = []
    for rect in rects:
        for index, other in enumerate(joined):
            both = _union([rect, other])
            if both.area <= rect.area + other.area + WASTE_PIXELS_MAX:
                joined[index] = both
                break
        else:
            joined.append(rect)
    return joined


def _union(rects: list[Rect]) -> Rect:
    x, y = min(rect.x for rect in rects), min(rect.y for rect in rects)
    return Rect(x, y, max(rect.right for rect in rects) - x, max(rect.bottom for rect in rects) - y)
