"""BGRA bands into a picture that lasts, in the encoder's own format.

The picture is I420, BT.601 matrix, limited range (`COLOR_BGRA2YUV_I420` of OpenCV, 4 times as fast as swscale), and the
encoder declares exactly that. It lives in one `av.VideoFrame` that is written in place: rows that did not change are
neither converted nor copied again.
"""

from collections.abc import Iterable
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from reeld.capture.api import Band, Pixels, Rect

# One frame at a time is converted in each track's own thread; a pool of OpenCV's would only burn other cores.
cv2.setNumThreads(1)

STRIP_HEIGHT = 64
"""Rows converted at once: a strip of 1080p and its result stay in the level 2 cache until copied. Even."""

Plane = npt.NDArray[np.uint8]


class YuvPicture:
    """The persistent picture of one track. Used by one thread.

    width, height: of the recorded rectangle. Odd sizes are padded to even ones by repeating the last column or row.
    planes: its samples, luma and the two chroma planes of half its width and height; black: their values for black.
    """

    def __init__(self, width: int, height: int) -> None:
        self._source_width, self._source_height = width, height
        self.width, self.height = width + width % 2, height + height % 2
        self.frame = av.VideoFrame(self.width, self.height, "yuv420p")
        self.planes = tuple(_view(plane) for plane in self.frame.planes)
        self.black = (16, 128, 128)
        for plane, black in zip(self.planes, self.black, strict=True):
            plane[:] = black
        self._scratch = np.empty(self.width * STRIP_HEIGHT * 3 // 2, np.uint8)

    def update(self, bands: Iterable[Band]) -> bool:
        """Write bands into the picture. False if that left every sample as it was."""
        changed = False
        for band in bands:
            rect, pixels = self._padded(band)
            for offset in range(0, rect.height, STRIP_HEIGHT):
                strip = pixels[offset : offset + STRIP_HEIGHT]
                changed = self._write(rect.x, rect.y + offset, strip, changed=changed) or changed
        return changed

    def _padded(self, band: Band) -> tuple[Rect, Pixels]:
        right, bottom = band.rect.width % 2, band.rect.height % 2
        if not right and not bottom:
            return band.rect, band.pixels
        pixels: Any = cv2.copyMakeBorder(band.pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        return Rect(band.rect.x, band.rect.y, band.rect.width + right, band.rect.height + bottom), pixels

    def _write(self, x: int, y: int, strip: Pixels, *, changed: bool) -> bool:
        height, width = strip.shape[:2]
        converted = self._scratch[: width * height * 3 // 2].reshape(height * 3 // 2, width)
        cv2.cvtColor(strip, cv2.COLOR_BGRA2YUV_I420, dst=converted)
        flat, luma, chroma = converted.reshape(-1), width * height, width * height // 4
        parts = (
            flat[:luma].reshape(height, width),
            flat[luma : luma + chroma].reshape(height // 2, width // 2),
            flat[luma + chroma :].reshape(height // 2, width // 2),
        )
        targets = (
            self.planes[0][y : y + height, x : x + width],
            self.planes[1][y // 2 : (y + height) // 2, x // 2 : (x + width) // 2],
            self.planes[2][y // 2 : (y + height) // 2, x // 2 : (x + width) // 2],
        )
        # Programs often draw what is there already. Once one strip differs the frame is encoded anyway: stop comparing.
        if not changed and all(np.array_equal(target, part) for target, part in zip(targets, parts, strict=True)):
            return False
        for target, part in zip(targets, parts, strict=True):
            target[:] = part
        return True


def _view(plane: Any) -> Plane:
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
