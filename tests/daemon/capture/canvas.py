"""A window that tests draw on, above everything else, in the process that asks."""

from collections.abc import Sequence
from typing import Any

import xcffib
import xcffib.xproto as xp

# xcffib has no types.
connect: Any = xcffib.connect
RECTANGLE: Any = xp.RECTANGLE

RED, GREEN, BLUE, WHITE, BLACK = 0xFF0000, 0x00FF00, 0x0000FF, 0xFFFFFF, 0x000000


class Canvas:
    """Context manager: a window without decoration at x, y of the desktop that DISPLAY names."""

    def __init__(self, x: int, y: int, width: int, height: int, colour: int = BLACK) -> None:
        self.rect = (x, y, width, height)
        self._connection: Any = connect()
        screen = self._connection.get_setup().roots[0]
        core = self._connection.core
        self._window = self._connection.generate_id()
        values = [colour, 1]
        mask = xp.CW.BackPixel | xp.CW.OverrideRedirect
        core.CreateWindow(
            screen.root_depth, self._window, screen.root, x, y, width, height, 0, 1, screen.root_visual, mask, values
        )
        self._gc = self._connection.generate_id()
        core.CreateGC(self._gc, self._window, xp.GC.GraphicsExposures, [0])
        core.MapWindow(self._window)
        self.fill(colour)

    @property
    def id(self) -> str:
        """As `reelctl sources` prints it."""
        return hex(self._window)

    def __enter__(self) -> "Canvas":
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.disconnect()

    def fill(self, colour: int, rectangles: Sequence[tuple[int, int, int, int]] | None = None) -> None:
        """Paint rectangles (all of the window by default); returns when the server has done it."""
        core = self._connection.core
        core.ChangeGC(self._gc, xp.GC.Foreground, [colour])
        everything = [(0, 0, self.rect[2], self.rect[3])]
        packed = [RECTANGLE.synthetic(*rectangle) for rectangle in rectangles or everything]
        core.PolyFillRectangle(self._window, self._gc, len(packed), packed)
        core.GetInputFocus().reply()
