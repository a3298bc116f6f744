"""A desktop in memory: a source whose pixels, loss and return are the test's to decide. From any thread."""

import contextlib
import os
import threading
import time
from collections.abc import Sequence

import numpy as np

from reeld.capture.api import Band, Grab, Rect, Size
from reeld_proto.errors import ErrorCode, RequestRejected


class FakeSource:
    """Implements FrameSource; verified by the contract in test_api.py."""

    def __init__(self, width: int, height: int) -> None:
        self.whole = Rect(0, 0, width, height)
        self._pixels = np.zeros((height, width, 4), np.uint8)
        self._lock = threading.Lock()
        self._changed: list[Rect] = []
        self._size = Size(width, height)
        self._resized = False
        self._changed_ns: int | None = None
        self._signal_read, self._signal_write = os.pipe()
        os.set_blocking(self._signal_read, False)
        self._open = False
        self.present = True
        self.opened = 0
        self.grabs: list[int] = []
        self.full_grabs = 0

    def paint(self, colour: int, rect: Rect | None = None) -> None:
        """Draw a rectangle (all of it by default) in 0xRRGGBB; on even edges."""
        rect = rect or self.whole
        with self._lock:
            self._pixels[rect.y : rect.bottom, rect.x : rect.right, :3] = list(colour.to_bytes(3, "little"))
            self._changed.append(rect)
            self._changed_ns = self._changed_ns or time.monotonic_ns()
        os.write(self._signal_write, b"x")

    def resize(self, width: int, height: int) -> None:
        """From now on it has this size and is black; its next grab is a full one."""
        with self._lock:
            self.whole = Rect(0, 0, width, height)
            self._pixels = np.zeros((height, width, 4), np.uint8)
            self._resized = True
            self._changed_ns = self._changed_ns or time.monotonic_ns()
        os.write(self._signal_write, b"x")

    def vanish(self) -> None:
        """The desktop is gone until `present` is set again."""
        self.present = False
        os.write(self._signal_write, b"x")

    def dispose(self) -> None:
        os.close(self._signal_read)
        os.close(self._signal_write)

    def open(self) -> None:
        if not self.present:
            raise RequestRejected("no desktop", code=ErrorCode.NO_DISPLAY, remedy="Paint one.")
        self._open = True
        self.opened += 1

    def close(self) -> None:
        self._open = False

    @property
    def size(self) -> Size:
        return self._size

    def filenos(self) -> Sequence[int]:
        self._check()
        return (self._signal_read,)

    def changed_ns(self) -> int | None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._signal_read, 4096)
        self._check()
        with self._lock:
            return self._changed_ns

    def grab(self, *, full: bool) -> Grab:
        self._check()
        with self._lock:
            full = full or self._resized
            self._size, self._resized = Size(self.whole.width, self.whole.height), False
            parts = [self.whole] if full else self._changed
            self._changed, self._changed_ns = [], None
            at_ns = time.monotonic_ns()
            bands = [Band(part, self._pixels[part.y : part.bottom, part.x : part.right].copy()) for part in parts]
        self.grabs.append(at_ns)
        self.full_grabs += full
        return Grab(at_ns, bands)

    def _check(self) -> None:
        if not self._open or not self.present:
            raise RequestRejected("the desktop is gone", code=ErrorCode.DEVICE_FAILED)
