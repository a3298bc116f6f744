"""BGRA bands into a picture that lasts, in the encoder's own format.

The usual picture is I420, BT.601 matrix, limited range (`COLOR_BGRA2YUV_I420` of OpenCV, 4 times as fast as swscale),
and the encoder declares exactly that. For lossless recordings it has the screen's own colours, packed or in planes.
It lives in one `av.VideoFrame` that is written in place: rows that did not change are neither converted nor copied.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import av
import cv2
import numpy as np

from reeld.capture.api import Band, Pixels
from reeld.capture.picture import Picture, Plane
from reeld.capture.shrinking import padded
from reeld.media import presets

# One frame at a time is converted in each track's own thread; a pool of OpenCV's would only burn other cores.
cv2.setNumThreads(1)

STRIP_HEIGHT = 64
"""Rows converted at once: a strip of 1080p and its result stay in the level 2 cache until copied. Even."""


class _Lasting(ABC):
    """A persistent picture (see `reeld.capture.picture.Picture`). Used by one thread.

    width, height: of the recorded rectangle. Odd sizes are padded to even ones by repeating the last column or row.
    """

    def __init__(
        self, width: int, height: int, pixels: presets.Pixels, black: tuple[int, ...], samples: int = 1
    ) -> None:
        self.width, self.height = width + width % 2, height + height % 2
        self.frame = av.VideoFrame(self.width, self.height, str(pixels))
        self.planes = tuple(_view(plane, samples) for plane in self.frame.planes)
        self.black = black
        for plane, level in zip(self.planes, black, strict=True):
            plane[:] = level

    def update(self, bands: Iterable[Band]) -> bool:
        """Write bands into the picture. False if that left every sample as it was."""
        changed = False
        for band in bands:
            rect, pixels = padded(band.rect, band.pixels)
            for offset in range(0, rect.height, STRIP_HEIGHT):
                strip = pixels[offset : offset + STRIP_HEIGHT]
                changed = self._write(rect.x, rect.y + offset, strip, changed=changed) or changed
        return changed

    def _write(self, x: int, y: int, strip: Pixels, *, changed: bool) -> bool:
        parts = self._converted(strip)
        targets = self._targets(slice(y, y + strip.shape[0]), slice(x, x + strip.shape[1]))
        # Programs often draw what is there already. Once one strip differs the frame is encoded anyway: stop comparing.
        if not changed and all(np.array_equal(target, part) for target, part in zip(targets, parts, strict=True)):
            return False
        for target, part in zip(targets, parts, strict=True):
            target[:] = part
        return True

    @abstractmethod
    def _converted(self, strip: Pixels) -> tuple[Plane, ...]:
        """The strip as samples of each plane; valid until the next call."""

    def _targets(self, rows: slice, columns: slice) -> tuple[Plane, ...]:
        """Where in each plane these rows and columns of the picture are."""
        return tuple(plane[rows, columns] for plane in self.planes)


class YuvPicture(_Lasting):
    """I420, a quarter of the colours: what every encoder takes."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, presets.Pixels.YUV, (16, 128, 128))
        self._scratch = np.empty(self.width * STRIP_HEIGHT * 3 // 2, np.uint8)

    def _converted(self, strip: Pixels) -> tuple[Plane, ...]:
        height, width = strip.shape[:2]
        converted = self._scratch[: width * height * 3 // 2].reshape(height * 3 // 2, width)
        cv2.cvtColor(strip, cv2.COLOR_BGRA2YUV_I420, dst=converted)
        flat, luma, chroma = converted.reshape(-1), width * height, width * height // 4
        return (
            flat[:luma].reshape(height, width),
            flat[luma : luma + chroma].reshape(height // 2, width // 2),
            flat[luma + chroma :].reshape(height // 2, width // 2),
        )

    def _targets(self, rows: slice, columns: slice) -> tuple[Plane, ...]:
        half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        luma, blue, red = self.planes
        return luma[rows, columns], blue[half], red[half]


class PackedPicture(_Lasting):
    """The screen's own bytes, copied and never converted. The fourth of a pixel means nothing."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, presets.Pixels.PACKED, (0,), samples=4)

    def _converted(self, strip: Pixels) -> tuple[Plane, ...]:
        return (strip,)


class PlanarPicture(_Lasting):
    """The screen's own colours in planes of green, blue and red."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height, presets.Pixels.PLANAR, (0, 0, 0))

    def _converted(self, strip: Pixels) -> tuple[Plane, ...]:
        blue, green, red = (cv2.extractChannel(strip, channel) for channel in range(3))
        return green, blue, red  # type: ignore[return-value]  # OpenCV says only that it gives some array


_PICTURES: dict[presets.Pixels, Callable[[int, int], Picture]] = {
    presets.Pixels.YUV: YuvPicture,
    presets.Pixels.PACKED: PackedPicture,
    presets.Pixels.PLANAR: PlanarPicture,
}


def picture_for(pixels: presets.Pixels, width: int, height: int) -> Picture:
    """A black picture of the kind that an encoder takes."""
    return _PICTURES[pixels](width, height)


def _view(plane: Any, samples: int) -> Plane:
    """The plane as an array of rows and columns, and of samples where a pixel has several."""
    shape = (-1, plane.line_size) if samples == 1 else (-1, plane.line_size // samples, samples)
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(shape)
    return rows[: plane.height, : plane.width]
