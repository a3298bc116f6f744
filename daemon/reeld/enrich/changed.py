"""Which parts of a picture must be read again, given the one before and the lines that were found on it. Pure.

DESIGN: reading a whole screen takes seconds, and between two stills mostly some lines change. So the picture is
compared in tiles; tiles that differ are joined to rectangles, which grow until no known line is cut by them. Lines
outside keep what was read before.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from reeld_proto.findings import PageText, TextLine

Picture = npt.NDArray[np.uint8]
"""Blue, green, red, shape (height, width, 3)."""

Tiles = npt.NDArray[np.uint8]
"""1 for each tile in which something differs, shape (rows, columns)."""

TILE = 16
NOISE = 12
"""Differences up to this, of 255, are what a lossy still does by itself."""
MARGIN = 8
"""Pixels around a rectangle that are shown to the engine: it loses letters that touch the edge."""
WHOLE_SHARE = 0.6
"""Reading this much in parts takes as long as reading the whole."""
PARTS_MAX = 6


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels [left, right) x [top, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """In pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def meets(self, other: "Box") -> bool:
        """Whether they share a pixel."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def around(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


def box_of(line: TextLine) -> Box:
    """Where a line stands."""
    return Box(line.x, line.y, line.x + line.width, line.y + line.height)


def to_read(before: Picture | None, known: PageText | None, now: Picture) -> list[Box]:
    """What of `now` must be read: nothing, some rectangles that do not meet, or all of it."""
    height, width = now.shape[:2]
    whole = [Box(0, 0, width, height)]
    if before is None or known is None or before.shape != now.shape:
        return whole
    tiles = _differing(before, now)
    if _is_most(tiles):
        return whole
    boxes = _grown(_dirty(tiles, width, height), known)
    if len(boxes) > PARTS_MAX or sum(box.area for box in boxes) > WHOLE_SHARE * width * height:
        return whole
    return boxes


def is_cut(before: Picture, now: Picture) -> bool:
    """Whether so much differs that all is read, whatever was known of the picture before."""
    return before.shape != now.shape or _is_most(_differing(before, now))


def shown(box: Box, width: int, height: int) -> Box:
    """What an engine is shown to read a box: the box with a margin, within the picture."""
    return Box(
        max(0, box.left - MARGIN),
        max(0, box.top - MARGIN),
        min(width, box.right + MARGIN),
        min(height, box.bottom + MARGIN),
    )


def inside(line: TextLine, box: Box) -> bool:
    """Whether a line's middle is in a box; others are slices of neighbours that came with the margin."""
    x, y = line.x + line.width / 2, line.y + line.height / 2
    return box.left <= x < box.right and box.top <= y < box.bottom


def merged(known: PageText, boxes: list[Box], read: list[TextLine], width: int, height: int) -> PageText:
    """The lines of a picture: what was known outside of the boxes, and what was read in them, from top to bottom."""
    kept = [line for line in known.lines if not any(box.meets(box_of(line)) for box in boxes)]
    share = sum(box.area for box in boxes) / max(1, width * height)
    return page(kept + read, width, height, share)


def page(lines: list[TextLine], width: int, height: int, read_share: float = 1.0) -> PageText:
    """Lines in the order in which people read them: rows from top to bottom, in a row from left to right."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda each: each.y + each.height / 2):
        middle = line.y + line.height / 2
        last = rows[-1][-1] if rows else None
        if last is not None and last.y <= middle < last.y + last.height:
            rows[-1].append(line)
        else:
            rows.append([line])
    ordered = [line for row in rows for line in sorted(row, key=lambda each: each.x)]
    return PageText(width, height, ordered, round(read_share, 4))


def _is_most(tiles: Tiles) -> bool:
    return float(tiles.mean()) > WHOLE_SHARE


def _dirty(tiles: Tiles, width: int, height: int) -> list[Box]:
    """Rectangles of tiles that differ, neighbours joined, in a picture of this size."""
    if not tiles.any():
        return []
    joined = cv2.dilate(tiles, np.ones((3, 5), np.uint8))
    stats: Any = cv2.connectedComponentsWithStats(joined, connectivity=8)[2]
    boxes = []
    for left, top, columns, rows, _ in stats[1:].tolist():
        # Without what dilating added.
        part = np.argwhere(tiles[top : top + rows, left : left + columns])
        (first_row, first_column), (last_row, last_column) = part.min(axis=0).tolist(), part.max(axis=0).tolist()
        boxes.append(
            Box(
                (left + first_column) * TILE,
                (top + first_row) * TILE,
                min(width, (left + last_column + 1) * TILE),
                min(height, (top + last_row + 1) * TILE),
            )
        )
    return boxes


def _differing(before: Picture, now: Picture) -> Tiles:
    """Where two pictures of the same size differ."""
    height, width = now.shape[:2]
    differs = (cv2.absdiff(before, now).max(axis=2) > NOISE).astype(np.uint8)
    padded = np.pad(differs, ((0, -height % TILE), (0, -width % TILE)))
    tiles = padded.reshape(padded.shape[0] // TILE, TILE, padded.shape[1] // TILE, TILE)
    return np.asarray(tiles.max(axis=(1, 3)), np.uint8)


def _grown(boxes: list[Box], known: PageText) -> list[Box]:
    """Boxes, grown around every line that they meet, and joined where they meet each other."""
    lines = [box_of(line) for line in known.lines]
    waiting = list(boxes)
    done: list[Box] = []
    while waiting:
        box = waiting.pop()
        grown = box
        for line in lines:
            if grown.meets(line):
                grown = grown.around(line)
        met = next((other for other in done if other.meets(grown)), None)
        if met is not None:
            done.remove(met)
            waiting.append(grown.around(met))
        elif grown != box:
            waiting.append(grown)
        else:
            done.append(grown)
    return sorted(done, key=lambda box: (box.top, box.left))
