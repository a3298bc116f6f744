"""A rectangle of an X11 screen as a source of frames: damage tells, shared memory brings.

Without the DAMAGE extension every frame is fetched and compared with the last one.
"""

import math
import select
import time
from collections.abc import Sequence

import numpy as np

from reeld.capture.api import Band, Grab, Rect
from reeld.capture.compare import changed_rows
from reeld.capture.regions import bands_of
from reeld.capture.x11_damage import DamageWatch
from reeld.capture.x11_shm import PixelReader, pixel_reader
from reeld.capture.x11_wire import XConnection, translated
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS

_DEPTHS = (24, 32)
"""Depths whose pixels are four bytes, BGRA on little-endian machines. Others have not been in use for decades."""


class X11Source:
    """Implements FrameSource over the X server that DISPLAY names. rect: pixels of its root window.

    use_damage: False compares frames instead, as on servers without the extension.
    """

    def __init__(self, rect: Rect, *, use_damage: bool = True) -> None:
        self._rect = rect
        self._whole = Rect(0, 0, rect.width, rect.height)
        self._use_damage = use_damage
        self._connection: XConnection | None = None
        self._damage: DamageWatch | None = None
        self._pixels: PixelReader | None = None
        self._last = np.empty((0, 0, 4), np.uint8)
        self._grabbed_ns = 0

    def open(self) -> None:
        """Connect. RequestRejected: NO_DISPLAY, or DEVICE_FAILED if the rectangle is not on this screen."""
        self.close()
        self._connection = XConnection()
        try:
            with translated("opening the screen"):
                self._check_screen(self._connection)
                if self._use_damage and all(map(self._connection.has_extension, ("DAMAGE", "XFIXES"))):
                    self._damage = DamageWatch(self._connection)
                self._pixels = pixel_reader(self._connection, self._rect.area)
        except RequestRejected:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect and free the shared memory."""
        if self._pixels is not None:
            self._pixels.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._damage = self._pixels = None

    def wait(self, deadline_ns: int, wake_fd: int) -> int | None:
        """See FrameSource. A damaged part outside of the rectangle counts as a change too."""
        if self._connection is None:
            raise _not_open()
        if self._damage is None:
            return self._grabbed_ns
        with translated("waiting"):
            poll = select.poll()
            poll.register(self._connection.xcb.get_file_descriptor(), select.POLLIN)
            poll.register(wake_fd, select.POLLIN)
            while (changed_ns := self._damage.changed_ns()) is None:
                left_ms = math.ceil((deadline_ns - time.monotonic_ns()) / NS_PER_MS)
                ready = poll.poll(max(0, left_ms))
                if not ready or any(fd == wake_fd for fd, _ in ready):
                    return None
        return changed_ns

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        pixels = self._pixels
        if pixels is None:
            raise _not_open()
        with translated("reading the screen"):
            parts: Sequence[Rect] = [self._whole]
            if self._damage is not None:
                drawn = self._damage.take()
                if not full:
                    parts = bands_of(drawn, self._rect)
            at_ns = self._grabbed_ns = time.monotonic_ns()
            bands = pixels.read(self._rect, parts)
        if self._damage is None:
            bands = self._compared(bands[0], full=full)
        return Grab(at_ns, bands)

    def _compared(self, band: Band, *, full: bool) -> list[Band]:
        fresh = full or self._last.shape != band.pixels.shape
        parts = [band.rect] if fresh else changed_rows(self._last, band.pixels)
        self._last = band.pixels.copy() if parts else self._last
        return [Band(part, band.pixels[part.y : part.bottom]) for part in parts]

    def _check_screen(self, connection: XConnection) -> None:
        if connection.screen.root_depth not in _DEPTHS:
            raise RequestRejected(
                f"screens of depth {connection.screen.root_depth} cannot be recorded",
                code=ErrorCode.DEVICE_FAILED,
                remedy="Set the screen to 24 bits a pixel.",
            )
        root = connection.xcb.core.GetGeometry(connection.root).reply()
        if self._rect.x < 0 or self._rect.y < 0 or self._rect.right > root.width or self._rect.bottom > root.height:
            raise RequestRejected(
                f"{self._rect} is not on the screen of {root.width} x {root.height}",
                code=ErrorCode.DEVICE_FAILED,
                remedy="Ask for the sources again; the monitors have changed.",
            )


def _not_open() -> RequestRejected:
    return RequestRejected("the screen is not open", code=ErrorCode.DEVICE_FAILED)
