"""The mouse pointer, drawn into what is recorded: servers keep it out of the pixels that they hand out."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import xcffib.xfixes

from reeld.capture.api import Band, Rect
from reeld.capture.x11_cursor import HIDDEN, Cursor, blend, fetch_cursor
from reeld.capture.x11_motion import PointerMotion
from reeld.capture.x11_wire import XConnection

_VERSION = (5, 0)


class PointerOverlay:
    """Implements Overlay: the server's own picture of the pointer, where it is at the instant of the grab.

    shown_over: whether it is drawn while it is over this child of the root window (0: over none); by default always. A
    source of one window asks for its own, so that a pointer that works in a window above is not seen in the one below.

    Programs that hide the pointer with an empty picture hide it here too. XFixesHideCursor hides it on the monitor
    only: the protocol has no way to learn of it.
    """

    def __init__(self, shown_over: Callable[[int], bool] | None = None) -> None:
        self._shown_over = shown_over
        self._connection: XConnection | None = None
        self._xfixes: Any = None
        self._motion: PointerMotion | None = None
        self._cursor: Cursor = HIDDEN
        self._reshaped_ns: int | None = None
        self._drawn: tuple[Cursor, Rect] | None = None

    def open(self, connection: XConnection) -> None:
        """See Overlay. Without XFIXES there is no picture of the pointer, and none is drawn."""
        self._connection = self._motion = self._drawn = None
        if not connection.has_extension("XFIXES"):
            return
        self._xfixes = connection.xcb(xcffib.xfixes.key)
        self._xfixes.QueryVersion(*_VERSION).reply()
        mask = xcffib.xfixes.CursorNotifyMask.DisplayCursor
        self._xfixes.SelectCursorInputChecked(connection.root, mask).check()
        self._connection = connection
        self._motion = PointerMotion(connection)
        self._reshaped_ns = time.monotonic_ns()

    def note(self, event: Any) -> None:
        """See Overlay."""
        if self._motion is None:
            return
        self._motion.note(event)
        if isinstance(event, xcffib.xfixes.CursorNotifyEvent):
            self._reshaped_ns = self._reshaped_ns or time.monotonic_ns()

    def changed_ns(self) -> int | None:
        """See Overlay."""
        if self._motion is None:
            return None
        instants = (self._reshaped_ns, self._motion.changed_ns())
        return min((instant for instant in instants if instant is not None), default=None)

    def parts(self, view: Rect) -> Sequence[Rect]:
        """See Overlay: where the pointer was drawn last and where it is now, if these differ."""
        if self._motion is None or self._connection is None:
            return ()
        at = self._motion.take()
        if self._reshaped_ns is not None:
            self._reshaped_ns = None
            self._cursor = fetch_cursor(self._connection, self._xfixes)
        before, self._drawn = self._drawn, None
        if at is not None and (self._shown_over is None or self._shown_over(at.top_level)):
            # Relative to the picture: of a window that moves under a still pointer, another part is covered.
            rect = self._cursor.rect(at.x - view.x, at.y - view.y)
            self._drawn = (self._cursor, rect) if rect is not None else None
        if before == self._drawn:
            return ()
        rects = [drawn[1] for drawn in (before, self._drawn) if drawn is not None]
        return [Rect(view.x + rect.x, view.y + rect.y, rect.width, rect.height) for rect in rects]

    def apply(self, view: Rect, bands: Sequence[Band]) -> None:  # noqa: ARG002 - part of the interface
        """See Overlay."""
        if self._drawn is not None:
            blend(*self._drawn, bands)
