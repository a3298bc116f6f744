"""What a fed source reads in the tests of its contract: pictures that the test paints."""

import queue
import threading
import time
from collections.abc import Generator

import numpy as np

from reeld.capture.api import Pixels, Rect


class Easel:
    """Paint from any thread; `read` is what the source is made of. Each opening begins with what was painted last."""

    def __init__(self, width: int, height: int) -> None:
        self._pixels = np.zeros((height, width, 4), np.uint8)
        self._queue: queue.Queue[tuple[int, Pixels]] = queue.Queue()

    def paint(self, colour: int, rect: Rect | None = None) -> None:
        """Draw a rectangle (all of it by default) in 0xRRGGBB, and wait until the source has it."""
        x, y, width, height = rect or Rect(0, 0, self._pixels.shape[1], self._pixels.shape[0])
        self._pixels[y : y + height, x : x + width, :3] = list(colour.to_bytes(3, "little"))
        self._queue.put((time.monotonic_ns(), self._pixels.copy()))
        self._queue.join()

    def read(self, stopped: threading.Event) -> Generator[tuple[int, Pixels], None, None]:
        """See `fed_source.Read`."""
        yield time.monotonic_ns(), self._pixels.copy()
        while not stopped.is_set():
            try:
                picture = self._queue.get(timeout=0.005)
            except queue.Empty:
                continue
            yield picture
            self._queue.task_done()
