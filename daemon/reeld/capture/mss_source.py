"""A rectangle of any desktop that mss can read, compared frame by frame: macOS, and X11 to test the same contract."""

import time
from collections.abc import Sequence

import mss
import numpy as np
from mss.exception import ScreenShotError

from reeld.capture.api import Band, Grab, Rect, Size
from reeld.capture.compare import changed_rows
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import DisplaySource

_REMEDY = "On macOS allow screen recording for reeld in System Settings, Privacy & Security; on Linux check DISPLAY."


class MssSource:
    """Implements FrameSource over mss. rect: pixels of the desktop, as mss counts them.

    There is no signal of change: `grab` compares with the frame before.
    """

    def __init__(self, rect: Rect) -> None:
        self._rect = rect
        self._mss: mss.MSS | None = None
        self._last = np.empty((0, 0, 4), np.uint8)
        self._grabbed_ns = 0

    def open(self) -> None:
        """See FrameSource."""
        self.close()
        self._mss = _connect()

    def close(self) -> None:
        """See FrameSource."""
        if self._mss is not None:
            self._mss.close()
        self._mss = None

    @property
    def size(self) -> Size:
        """See FrameSource."""
        return Size(self._rect.width, self._rect.height)

    def filenos(self) -> Sequence[int]:
        """There is no signal."""
        return ()

    def changed_ns(self) -> int | None:
        """Something may always have changed."""
        return self._grabbed_ns

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        if self._mss is None:
            raise RequestRejected("the screen is not open", code=ErrorCode.DEVICE_FAILED)
        at_ns = self._grabbed_ns = time.monotonic_ns()
        left, top, width, height = self._rect
        try:
            shot = self._mss.grab((left, top, left + width, top + height))
        except ScreenShotError as error:
            raise RequestRejected(
                f"the screen could not be read: {error}", code=ErrorCode.DEVICE_FAILED, remedy=_REMEDY
            ) from error
        if (shot.width, shot.height) != (width, height):
            raise RequestRejected(
                f"asked for {width} x {height} pixels, got {shot.width} x {shot.height}", code=ErrorCode.DEVICE_FAILED
            )
        pixels = np.frombuffer(shot.raw, np.uint8).reshape(height, width, 4)
        fresh = full or self._last.shape != pixels.shape
        parts = [Rect(0, 0, width, height)] if fresh else changed_rows(self._last, pixels)
        self._last = pixels
        return Grab(at_ns, [Band(part, pixels[part.y : part.bottom]) for part in parts])


def list_displays() -> list[DisplaySource]:
    """Monitors as mss sees them; ids are their numbers, the first is the primary one. Raises RequestRejected."""
    with _connect() as connection:
        monitors = connection.monitors[1:]  # the first entry is all of them together
    return [
        DisplaySource(
            id=str(number),
            name=str(monitor.get("name") or f"Display {number}"),
            x=monitor["left"],
            y=monitor["top"],
            width=monitor["width"],
            height=monitor["height"],
            primary=bool(monitor.get("is_primary", number == 1)),
        )
        for number, monitor in enumerate(monitors, 1)
    ]


def _connect() -> mss.MSS:
    try:
        return mss.MSS()
    except ScreenShotError as error:
        raise RequestRejected(f"no display can be read: {error}", code=ErrorCode.NO_DISPLAY, remedy=_REMEDY) from error
