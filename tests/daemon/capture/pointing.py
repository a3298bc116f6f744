"""A hand on the mouse: moves the pointer of the desktop that DISPLAY names, and changes its shape."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import xcffib.xfixes
import xcffib.xproto as xp
import xcffib.xtest

from reeld.capture.api import Pixels
from reeld.capture.x11_wire import XConnection

_MOTION_NOTIFY = 6


class Hand:
    """Context manager."""

    def __init__(self) -> None:
        self._connection = XConnection()
        self._core = self._connection.xcb.core
        self._xtest: Any = self._connection.xcb(xcffib.xtest.key)
        self._xfixes: Any = self._connection.xcb(xcffib.xfixes.key)
        self._xfixes.QueryVersion(5, 0).reply()

    def __enter__(self) -> "Hand":
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def settle(self) -> None:
        """Returns when the server has carried out everything."""
        self._core.GetInputFocus().reply()

    def move(self, x: int, y: int, *, settle: bool = True) -> None:
        """As a mouse does."""
        self._xtest.FakeInput(_MOTION_NOTIFY, 0, 0, self._connection.root, x, y, 0)
        if settle:
            self.settle()

    def warp(self, x: int, y: int) -> None:
        """As a program does."""
        self._core.WarpPointer(0, self._connection.root, 0, 0, 0, 0, x, y)
        self.settle()

    def image(self) -> tuple[Pixels, int, int]:
        """The server's picture of the pointer (BGRA, colours multiplied by alpha) and its hot spot, by plain xcffib."""
        reply = self._xfixes.GetCursorImage().reply()
        pixels = np.array(list(reply.cursor_image), np.uint32).view(np.uint8).reshape(reply.height, reply.width, 4)
        return pixels, reply.xhot, reply.yhot

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Not shown on the monitor, whatever its shape."""
        self._xfixes.HideCursor(self._connection.root)
        self.settle()
        yield
        self._xfixes.ShowCursor(self._connection.root)
        self.settle()

    def shape(self, window: int, glyph: int) -> None:
        """Give the window a cursor of the server's own font."""
        core = self._core
        font, cursor = self._connection.xcb.generate_id(), self._connection.xcb.generate_id()
        core.OpenFont(font, len("cursor"), "cursor")
        core.CreateGlyphCursor(cursor, font, font, glyph, glyph + 1, 0xFFFF, 0, 0, 0, 0xFFFF, 0)
        core.ChangeWindowAttributes(window, xp.CW.Cursor, [cursor])
        self.settle()

    def empty_shape(self, window: int) -> None:
        """Hide the pointer over the window, as players do."""
        pixmap, cursor, gc = (self._connection.xcb.generate_id() for _ in range(3))
        self._core.CreatePixmap(1, pixmap, self._connection.root, 1, 1)
        self._core.CreateGC(gc, pixmap, xp.GC.Foreground, [0])
        self._core.PolyPoint(0, pixmap, gc, 1, [xp.POINT.synthetic(0, 0)])  # type: ignore[no-untyped-call]
        self._core.CreateCursor(cursor, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0)
        self._core.ChangeWindowAttributes(window, xp.CW.Cursor, [cursor])
        self.settle()
