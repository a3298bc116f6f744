"""Draws moving content with a readable clock on a monitor: the picture of every recorded frame tells when it was shown.

Run as `python -m tests.support.painter --at X,Y,W,H --fps 30 --tint R,G,B`. Reads lines from standard input:
`flash NS` makes the whole monitor white for 200 ms from that monotonic instant on, `still` stops all motion, `go`
resumes it. Prints `flashed NS` with the instant at which the server had drawn it.
"""

import argparse
import selectors
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import xcffib
import xcffib.xproto as xp

BLOCK = 24
"""Edge of one block of the clock, in pixels: survives strong compression and chroma subsampling."""
BITS = 40
"""Bits of the clock: milliseconds of CLOCK_MONOTONIC, most significant first; 2^40 ms are 34 years."""
FLASH_NS = 200_000_000


@dataclass(frozen=True)
class Place:
    """The monitor to draw on, in pixels of the desktop."""

    x: int
    y: int
    width: int
    height: int


def clock_blocks(stamp_ms: int) -> list[bool]:
    """White (True) or black blocks of a stamp; the first two are always white, black: a check for readers."""
    return [True, False] + [bool(stamp_ms >> (BITS - 1 - bit) & 1) for bit in range(BITS)]


def read_clock(picture: np.ndarray) -> int | None:
    """The stamp in ms that a frame of a painted monitor shows; None when it holds no clock.

    picture: uint8, shape (height, width, channels) or (height, width), of one monitor at full size.
    """
    grey = picture.mean(axis=2) if picture.ndim == 3 else picture
    row = grey[BLOCK // 2 - 4 : BLOCK // 2 + 4].mean(axis=0)
    samples = [row[index * BLOCK + 8 : index * BLOCK + 16].mean() for index in range(BITS + 2)]
    if not samples[0] > 160 or not samples[1] < 96:
        return None
    value = 0
    for sample in samples[2:]:
        value = value << 1 | int(sample > 128)
    return value


class Painter:
    """Owns an X connection and one override-redirect window that covers its monitor."""

    def __init__(self, place: Place, tint: tuple[int, int, int]) -> None:
        self.place = place
        connection: Any = xcffib.connect()  # type: ignore[no-untyped-call]
        self.connection: Any = connection
        screen = connection.get_setup().roots[0]
        draw = connection.core
        self.window = self.connection.generate_id()
        self.tint = tint[0] << 16 | tint[1] << 8 | tint[2]
        draw.CreateWindow(
            screen.root_depth,
            self.window,
            screen.root,
            place.x,
            place.y,
            place.width,
            place.height,
            0,
            xp.WindowClass.InputOutput,
            screen.root_visual,
            xp.CW.BackPixel | xp.CW.OverrideRedirect,
            [self.tint, 1],
        )
        self.gc = self.connection.generate_id()
        draw.CreateGC(self.gc, self.window, xp.GC.Foreground | xp.GC.GraphicsExposures, [0, 0])
        self._clock = connection.generate_id()
        draw.CreatePixmap(screen.root_depth, self._clock, self.window, (BITS + 2) * BLOCK, BLOCK)
        draw.MapWindow(self.window)
        self._ball: tuple[int, int] | None = None
        self._sync()

    def _fill(self, colour: int, rectangles: list[tuple[int, int, int, int]], target: int | None = None) -> None:
        core = self.connection.core
        core.ChangeGC(self.gc, xp.GC.Foreground, [colour])
        make: Any = xp.RECTANGLE.synthetic
        packed = [make(*rectangle) for rectangle in rectangles]
        core.PolyFillRectangle(target or self.window, self.gc, len(packed), packed)

    def _sync(self) -> None:
        self.connection.core.GetInputFocus().reply()

    def clock(self, stamp_ms: int) -> None:
        """Draw the clock row."""
        blocks = clock_blocks(stamp_ms)
        white = [(index * BLOCK, 0, BLOCK, BLOCK) for index, lit in enumerate(blocks) if lit]
        black = [(index * BLOCK, 0, BLOCK, BLOCK) for index, lit in enumerate(blocks) if not lit]
        # Off screen first: one copy is drawn at once, so that no recorder sees half a clock.
        self._fill(0xFFFFFF, white, self._clock)
        self._fill(0x000000, black, self._clock)
        copy = self.connection.core.CopyArea
        copy(self._clock, self.window, self.gc, 0, 0, 0, 0, len(blocks) * BLOCK, BLOCK)

    def frame(self, stamp_ms: int) -> None:
        """Draw one frame: the clock and a ball that bounces below it."""
        size = 120
        span_x, span_y = self.place.width - size, self.place.height - size - 2 * BLOCK
        phase = stamp_ms / 3
        x = int(abs((phase % (2 * span_x)) - span_x))
        y = 2 * BLOCK + int(abs((phase * 0.7 % (2 * span_y)) - span_y))
        if self._ball is not None:
            self._fill(self.tint, [(*self._ball, size, size)])
        self._fill(0xFFD040, [(x, y, size, size)])
        self._ball = (x, y)
        self.clock(stamp_ms)
        self._sync()

    def flood(self, colour: int) -> int:
        """Fill the monitor; the monotonic instant at which the server had done it."""
        self._fill(colour, [(0, 0, self.place.width, self.place.height)])
        self._sync()
        self._ball = None
        return time.monotonic_ns()

    def close(self) -> None:
        """Remove the window."""
        self.connection.disconnect()


def run(painter: Painter, fps: int) -> None:
    """Draw at `fps` until standard input closes."""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    flash_at: int | None = None
    moving = True
    next_ns = time.monotonic_ns()
    print("painting", flush=True)
    while True:
        target = next_ns if flash_at is None else min(next_ns, flash_at)
        if selector.select(max(0.0, (target - time.monotonic_ns()) / 1e9)):
            line = sys.stdin.readline()
            if not line:
                return
            word, *rest = line.split()
            moving = {"still": False, "go": True}.get(word, moving)
            if word == "flash":
                flash_at = int(rest[0])
            continue
        if flash_at is not None and time.monotonic_ns() >= flash_at:
            print(f"flashed {painter.flood(0xFFFFFF)}", flush=True)
            # What follows the flash begins on the next frame slot after it.
            next_ns = flash_at + FLASH_NS
            flash_at = None
            continue
        if time.monotonic_ns() >= next_ns:
            if moving:
                if painter._ball is None:
                    painter.flood(painter.tint)
                painter.frame(time.monotonic_ns() // 1_000_000)
            next_ns += 1_000_000_000 // fps


def main() -> None:
    """Command line of the painter."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", required=True)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--tint", default="32,64,96")
    options = parser.parse_args()
    x, y, width, height = (int(part) for part in options.at.split(","))
    red, green, blue = (int(part) for part in options.tint.split(","))
    painter = Painter(Place(x, y, width, height), (red, green, blue))
    try:
        run(painter, options.fps)
    finally:
        painter.close()


if __name__ == "__main__":
    main()
