"""The server's own picture of the pointer, and how it is laid over pixels."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xcffib.xproto

from reeld.capture.api import Band, Pixels, Rect
from reeld.capture.x11_wire import XConnection

_OPCODE_GET_CURSOR_IMAGE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Cursor:
    """A shape of the pointer. pixels: BGRA, colours multiplied by alpha, without transparent edges.

    left, top: of the pixels relative to the hot spot, the pixel that clicks.
    """

    pixels: Pixels
    left: int
    top: int

    def rect(self, x: int, y: int) -> Rect | None:
        """What it covers when the hot spot is at x, y; None if nothing of it is visible."""
        height, width, _ = self.pixels.shape
        return Rect(x + self.left, y + self.top, width, height) if self.pixels.size else None


HIDDEN = Cursor(np.zeros((0, 0, 4), np.uint8), 0, 0)


def fetch_cursor(connection: XConnection, xfixes: Any) -> Cursor:
    """The shape of now; HIDDEN where the server has none. Raises xcffib's other exceptions.

    Asked for as bytes: a number at a time, as xcffib reads them, a cursor of 64 x 64 takes 20 ms.
    """
    try:
        head, body = connection.ask(xfixes, _OPCODE_GET_CURSOR_IMAGE, b"")
    except xcffib.xproto.CursorError:
        return HIDDEN
    width, height, hot_x, hot_y = struct.unpack_from("=HHHH", head, 12)
    pixels = np.frombuffer(body, np.uint8)[: width * height * 4].reshape(height, width, 4)
    return trimmed(pixels, hot_x, hot_y)


def trimmed(pixels: Pixels, hot_x: int, hot_y: int) -> Cursor:
    """A cursor without the rows and columns at its edges that show nothing."""
    visible = pixels.max(axis=2, initial=0)
    rows, columns = np.flatnonzero(visible.max(axis=1, initial=0)), np.flatnonzero(visible.max(axis=0, initial=0))
    if not len(rows):
        return HIDDEN
    top, left = int(rows[0]), int(columns[0])
    return Cursor(pixels[top : rows[-1] + 1, left : columns[-1] + 1], left - hot_x, top - hot_y)


def blend(cursor: Cursor, at: Rect, bands: Sequence[Band]) -> None:
    """Lay the cursor over the pixels of `bands`, in place. at: where it lies, relative to what the bands count from."""
    for band in bands:
        left, top = max(at.x, band.rect.x), max(at.y, band.rect.y)
        right, bottom = min(at.right, band.rect.right), min(at.bottom, band.rect.bottom)
        if left >= right or top >= bottom:
            continue
        over = cursor.pixels[top - at.y : bottom - at.y, left - at.x : right - at.x]
        x, y = left - band.rect.x, top - band.rect.y
        under = band.pixels[y : y + bottom - top, x : x + right - left]
        # Division by 255, rounded to nearest, as servers do it: (v + v / 256 + 128) / 256 for v up to 255 * 255.
        product = under * (255 - over[:, :, 3:].astype(np.uint16)) + 128
        np.minimum(over + ((product + (product >> 8)) >> 8), 255, out=under, casting="unsafe")
