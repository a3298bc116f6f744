"""Where each source's picture goes in the common one. Pure.

Pictures keep their proportions and are never enlarged: text stays as sharp as it was, and a source in its own size
costs no scaling. Everything lies on even pixels, because chroma is shared by 2 x 2.

Imports no numpy: the daemon asks for the size of the output.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reeld.capture.geometry import Rect, Size
from reeld_proto.records import Arrangement, Corner, InsetSize, Layout

SPACING = 4
"""Pixels between the cells of a grid."""

MARGIN = 20
"""Pixels between an inset and the edges of the picture."""

CORNER_RADIUS = 10

COLUMNS_MAX = 4

OUTPUT_MIN = Size(640, 480)
OUTPUT_SIDE_MAX = 4096
OUTPUT_AREA_MAX = 4096 * 2304
"""What H.264 allows at level 5.2, and what decoders in hardware take."""

_INSET_PARTS = {InsetSize.SMALL: 5, InsetSize.MEDIUM: 4, InsetSize.LARGE: 3}
_CLOCKWISE = (Corner.TOP_LEFT, Corner.TOP_RIGHT, Corner.BOTTOM_RIGHT, Corner.BOTTOM_LEFT)

SOURCES_MAX = {
    Layout.PASSTHROUGH: 1,
    Layout.GRID: 9,
    Layout.SIDE_BY_SIDE: 4,
    Layout.PIP: 1 + len(_CLOCKWISE),
    Layout.TRACKS: 9,
}
SOURCES_MIN = {Layout.SIDE_BY_SIDE: 2, Layout.PIP: 2}


@dataclass(frozen=True, slots=True)
class Cell:
    """Place of one source. where: its scaled picture in the output; radius: of its rounded corners, 0 for none."""

    where: Rect
    radius: int = 0


def natural_size(arrangement: Arrangement, sizes: Sequence[Size]) -> Size:
    """The output in which no source of these sizes is scaled, or as near to it as H.264 allows; at least OUTPUT_MIN."""
    columns, rows = _raster(arrangement, len(sizes))
    if arrangement.layout is Layout.PIP:
        columns = rows = 1
        sizes = sizes[:1]
    width = columns * max(size.width for size in sizes) + (columns - 1) * SPACING
    height = rows * max(size.height for size in sizes) + (rows - 1) * SPACING
    scale = min(1.0, OUTPUT_SIDE_MAX / width, OUTPUT_SIDE_MAX / height, math.sqrt(OUTPUT_AREA_MAX / (width * height)))
    even = Size(math.floor(width * scale) // 2 * 2, math.floor(height * scale) // 2 * 2)
    odd = Size(width + width % 2, height + height % 2) if scale == 1.0 else even
    return Size(max(odd.width, OUTPUT_MIN.width), max(odd.height, OUTPUT_MIN.height))


def arrange(arrangement: Arrangement, sizes: Sequence[Size], output: Size) -> list[Cell]:
    """A cell for each source, in their order; later ones lie above earlier ones."""
    if arrangement.layout is Layout.PIP:
        return [Cell(fit(sizes[0], Rect(0, 0, *output))), *_insets(arrangement, sizes[1:], output)]
    columns, rows = _raster(arrangement, len(sizes))
    width, height = (output.width - (columns - 1) * SPACING) // columns, (output.height - (rows - 1) * SPACING) // rows
    cells = []
    for number, size in enumerate(sizes):
        row, column = divmod(number, columns)
        in_row = min(columns, len(sizes) - row * columns)
        # A last row that is not full stands in the middle.
        left = (output.width - in_row * width - (in_row - 1) * SPACING) // 2 if in_row < columns else 0
        x, y = left + column * (width + SPACING), row * (height + SPACING)
        cells.append(Cell(fit(size, Rect(x, y, width, height))))
    return cells


def fit(size: Size, room: Rect) -> Rect:
    """Where a picture of `size` lies in `room`: in the middle, in its own size or smaller, proportions kept.

    Scaled ones are up to 4 % smaller than they could be where that makes their scale a simpler fraction, see `period`.
    """
    if size.width <= room.width and size.height <= room.height:
        width, height = size.width, size.height
    else:
        scale = min(room.width / size.width, room.height / size.height)
        height = _simple(size.height, max(2, math.floor(size.height * scale)))
        width = max(2, round(size.width * height / size.height) // 2 * 2)
    x, y = room.x + (room.width - width) // 2, room.y + (room.height - height) // 2
    return Rect(max(0, x & ~1), max(0, y & ~1), width, height)


def period(source: int, scaled: int) -> tuple[int, int]:
    """After how many rows of the source, and of its scaled picture, the same phase of scaling comes again."""
    common = math.gcd(source, scaled)
    return source // common, scaled // common


def _simple(source: int, most: int) -> int:
    """The even height up to 4 % below `most` whose proportion to `source` is the simplest fraction."""
    candidates = range(most // 2 * 2, max(2, math.ceil(most * 0.96)) - 1, -2)
    return min(candidates, key=lambda scaled: source // math.gcd(source, scaled), default=max(2, most // 2 * 2))


def _raster(arrangement: Arrangement, count: int) -> tuple[int, int]:
    """Columns and rows of the cells."""
    if arrangement.layout is Layout.GRID:
        columns = min(arrangement.columns or math.ceil(math.sqrt(count)), count)
    else:
        columns = count
    return columns, math.ceil(count / columns)


def _insets(arrangement: Arrangement, sizes: Sequence[Size], output: Size) -> list[Cell]:
    first = _CLOCKWISE.index(arrangement.corner)
    width_max = output.width // _INSET_PARTS[arrangement.inset]
    height_max = output.height // _INSET_PARTS[arrangement.inset]
    cells = []
    for number, size in enumerate(sizes):
        corner = _CLOCKWISE[(first + number) % len(_CLOCKWISE)]
        inner = fit(size, Rect(0, 0, width_max, height_max))
        right = corner in {Corner.TOP_RIGHT, Corner.BOTTOM_RIGHT}
        bottom = corner in {Corner.BOTTOM_LEFT, Corner.BOTTOM_RIGHT}
        x = output.width - MARGIN - inner.width if right else MARGIN
        y = output.height - MARGIN - inner.height if bottom else MARGIN
        cells.append(Cell(Rect(x & ~1, y & ~1, inner.width, inner.height), CORNER_RADIUS))
    return cells
