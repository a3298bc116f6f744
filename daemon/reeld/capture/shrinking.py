"""A source's pixels made smaller for its cell, as BGRA: rows that changed, and those that scaling needs beside them.

DESIGN: scaling comes before conversion: fewer pixels are converted then. What changed only in part needs the rows
around it, so the source's pixels are kept; but a source whose whole picture changes all the time (a film, a game) is
scaled from where it lies and nothing is kept, until it changes in part: then it is asked for all of it once more.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from reeld.capture.api import Band, Pixels, Rect, Size
from reeld.capture.layouts import period

# Intel's primitives scale 2.5 times as fast as OpenCV's own code, and may differ from it by a level. On processors of
# others this does nothing.
cv2.ipp.setUseIPP_NotExact(True)


class Shrinker:
    """Scales one source. size: its picture's, even; scaled: even, not larger. Used by the scene's thread."""

    def __init__(self, size: Size, scaled: Size) -> None:
        self._size, self._scaled = size, scaled
        self._kept: Pixels | None = None
        self._is_kept_now = False
        # Fresh memory for every frame would cost as much as scaling into it.
        self._result = np.empty((scaled.height, scaled.width, 4), np.uint8)
        self._halvings = _halvings(size, scaled)
        self._rows, self._scaled_rows = (count * 2 << self._halvings for count in period(size.height, scaled.height))
        # Of more than 2:1 bilinear scaling would skip samples.
        is_coarse = size.height >> self._halvings >= 2 * scaled.height or (
            size.width >> self._halvings >= 2 * scaled.width
        )
        self._method = cv2.INTER_AREA if is_coarse else cv2.INTER_LINEAR

    def needs_all(self, bands: Sequence[Band]) -> bool:
        """Whether these can only be scaled after the whole picture was given to `keep`."""
        return self._kept is None and any(not self._is_whole(band) for band in bands)

    def keep(self, bands: Sequence[Band]) -> None:
        """Remember a whole picture, which is given to `shrunk` next: parts of it follow."""
        self._kept = np.empty((self._size.height, self._size.width, 4), np.uint8)
        self._write(self._kept, bands)
        self._is_kept_now = True

    def shrunk(self, bands: Sequence[Band]) -> list[Band]:
        """What changes in the scaled picture; rectangles relative to it, pixels valid until the next call."""
        is_kept_now, self._is_kept_now = self._is_kept_now, False
        if not is_kept_now and any(map(self._is_whole, bands)):
            self._kept = None
        if self._kept is None:
            whole = Rect(0, 0, *self._scaled)
            return [self._piece(padded(band.rect, band.pixels)[1], whole) for band in bands]
        if not is_kept_now:
            self._write(self._kept, bands)
        return [self._rows_around(self._kept, band.rect) for band in bands]

    def _rows_around(self, kept: Pixels, rect: Rect) -> Band:
        """The rows of `rect`, and more, to where the phase of scaling comes again: it looks as scaled all at once."""
        first, last = rect.y // self._rows, -(-rect.bottom // self._rows)
        top, bottom = first * self._scaled_rows, min(last * self._scaled_rows, self._scaled.height)
        samples = kept[first * self._rows : last * self._rows]
        return self._piece(samples, Rect(0, top, self._scaled.width, bottom - top))

    def _is_whole(self, band: Band) -> bool:
        # Odd pictures lack a last column or row; they are padded.
        return band.rect.width + 1 >= self._size.width and band.rect.height + 1 >= self._size.height

    def _write(self, kept: Pixels, bands: Sequence[Band]) -> None:
        for band in bands:
            rect, pixels = padded(band.rect, band.pixels)
            kept[rect.y : rect.bottom, rect.x : rect.right] = pixels

    def _piece(self, samples: Pixels, place: Rect) -> Band:
        """`samples` scaled to the size of `place`."""
        scaled: Any = samples
        for _ in range(self._halvings):
            half = (scaled.shape[1] // 2, scaled.shape[0] // 2)
            scaled = cv2.resize(scaled, half, interpolation=cv2.INTER_AREA)
        result = self._result[place.y : place.bottom]
        cv2.resize(scaled, (place.width, place.height), dst=result, interpolation=self._method)
        return Band(place, result)


def padded(rect: Rect, pixels: Pixels) -> tuple[Rect, Pixels]:
    """The same with an even width and height: the last column and row are repeated."""
    right, bottom = rect.width % 2, rect.height % 2
    if not right and not bottom:
        return rect, pixels
    larger: Any = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
    return Rect(rect.x, rect.y, rect.width + right, rect.height + bottom), larger


def _halvings(size: Size, scaled: Size) -> int:
    """How often pairs of rows and columns are averaged first: cheaper than any other way, where they are even."""
    halvings = 0
    while (
        size.height >> halvings >= 2 * scaled.height
        and size.width >> halvings >= 2 * scaled.width
        and not (size.height | size.width) % (4 << halvings)
    ):
        halvings += 1
    return halvings
