"""A moving picture of known content: colour bars, a number of the frame that can be read back, a block that walks.

It is told from the clock alone what it shows, so it needs no thread, and two of them of the same rate that are opened
at the same instant show the same.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from reeld.capture.api import Band, Grab, Pixels, Rect, Size
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_S

COUNTER_BITS = 32
COUNTER_MODULUS = 1 << COUNTER_BITS
_ROWS, _COLUMNS = 2, 16
"""The number's bits, highest first: 16 in the upper row of blocks, 16 in the lower."""

SIZE_MIN = Size(64, 64)
"""Blocks of 4 x 4 pixels: below it, they would not survive an encoder."""

_BARS = (0xFFFFFF, 0xFFFF00, 0x00FFFF, 0x00FF00, 0xFF00FF, 0xFF0000, 0x0000FF, 0x000000)
_BLACK, _GROUND, _WHITE = 0xFF000000, 0xFF404040, 0xFFFFFFFF
"""Whole pixels: one word is written four times as fast as three bytes of it."""
_DARK_MAX, _LIGHT_MIN = 80, 176


class PatternSource:
    """Implements FrameSource. size: even, at least `SIZE_MIN`. fps: frames a second. now: the monotonic clock.

    Top eighth: the frame's number, see `read_counter`. Bottom eighth: a white block that takes two pixels a frame to
    the right. Between them: eight bars. Only the two strips change. There is no signal: it is asked at each interval.
    Raises RequestRejected (INVALID_REQUEST) for a size that cannot be drawn.
    """

    def __init__(self, size: Size, fps: int, *, now: Callable[[], int] = time.monotonic_ns) -> None:
        if size.width < SIZE_MIN.width or size.height < SIZE_MIN.height or size.width % 2 or size.height % 2:
            raise RequestRejected(
                f"a test pattern of {size.width} x {size.height} pixels cannot be drawn",
                remedy=f"Both must be even and at least {SIZE_MIN.width}.",
            )
        self._size = size
        self._fps = fps
        self._now = now
        self._strip = strip_height(size.height)
        self._opened_ns: int | None = None
        self._picture = np.empty((0, 0, 4), np.uint8)
        self._number: int | None = None
        self._grabbed_ns = 0

    def open(self) -> None:
        """See FrameSource; frame 0 begins now."""
        self._opened_ns = self._now()
        self._number = None
        self._picture = _bars(self._size)

    def close(self) -> None:
        """See FrameSource."""
        self._opened_ns = None

    @property
    def size(self) -> Size:
        """See FrameSource."""
        return self._size

    def filenos(self) -> Sequence[int]:
        """There is no signal."""
        self._begin()
        return ()

    def changed_ns(self) -> int | None:
        """It may always have changed."""
        self._begin()
        return self._grabbed_ns

    def number_at(self, at_ns: int) -> int:
        """Which frame is shown at monotonic `at_ns`."""
        return ((at_ns - self._begin()) * self._fps // NS_PER_S) % COUNTER_MODULUS

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        at_ns = self._grabbed_ns = self._now()
        number = self.number_at(at_ns)
        full = full or self._number is None
        parts: list[Rect] = []
        if number != self._number:
            self._number = number
            parts = self._draw(number)
        if full:
            parts = [Rect(0, 0, *self._size)]
        return Grab(at_ns, [Band(part, self._picture[part.y : part.bottom]) for part in parts])

    def _begin(self) -> int:
        if self._opened_ns is None:
            raise RequestRejected("the test pattern is not open", code=ErrorCode.DEVICE_FAILED, remedy="Open it first.")
        return self._opened_ns

    def _draw(self, number: int) -> list[Rect]:
        width, height = self._size
        words = self._picture.view("<u4")[:, :, 0]
        bits = [number >> bit & 1 for bit in reversed(range(COUNTER_BITS))]
        for index, (row, column) in enumerate(np.ndindex(_ROWS, _COLUMNS)):
            block = _block(self._size, row, column)
            words[block.y : block.bottom, block.x : block.right] = _WHITE if bits[index] else _BLACK
        x = 2 * number % (width - self._strip)
        words[height - self._strip :] = _GROUND
        words[height - self._strip :, x : x + self._strip] = _WHITE
        return [Rect(0, 0, width, self._strip), Rect(0, height - self._strip, width, self._strip)]


def strip_height(height: int) -> int:
    """Rows of the upper and of the lower strip of a pattern."""
    return height // 8 // 4 * 4


def read_counter(picture: Pixels) -> int | None:
    """The number in a whole pattern, at whatever size it has now; None if a block is neither black nor white.

    picture: BGRA, or anything else with the grey or colours in the first axes.
    """
    height, width = picture.shape[:2]
    number = 0
    for row, column in np.ndindex(_ROWS, _COLUMNS):
        block = _block(Size(width, height), row, column)
        y, x = block.y + block.height // 2, block.x + block.width // 2
        level = float(picture[y - 1 : y + 1, x - 1 : x + 1, :3].mean())
        if _DARK_MAX < level < _LIGHT_MIN:
            return None
        number = number << 1 | (level >= _LIGHT_MIN)
    return number


def _block(size: Size, row: int, column: int) -> Rect:
    """Where a bit of the number is."""
    height = strip_height(size.height) // _ROWS
    left, right = column * size.width // _COLUMNS, (column + 1) * size.width // _COLUMNS
    return Rect(left, row * height, right - left, height)


def _bars(size: Size) -> Pixels:
    picture = np.full((size.height, size.width, 4), 255, np.uint8)
    for index, colour in enumerate(_BARS):
        left, right = index * size.width // len(_BARS), (index + 1) * size.width // len(_BARS)
        picture[:, left:right, :3] = list(colour.to_bytes(3, "little"))
    return picture
