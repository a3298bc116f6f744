"""The pixels that a server keeps for one window, whatever lies over it (XComposite)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import xcffib
import xcffib.composite
import xcffib.xproto

from reeld.capture.api import Rect
from reeld.capture.x11_wire import XConnection

_VIEWABLE = 2


class Shown(NamedTuple):
    """What a pixmap holds. inside: the window without its border, relative to the pixmap."""

    drawable: int
    inside: Rect


class WindowPixmap:
    """Has the server keep the pixels of `window` from now until the connection ends. Raises xcffib's exceptions.

    Under a compositing window manager the server keeps them anyway; without one, the screen is composed by the server.
    """

    def __init__(self, connection: XConnection, window: int) -> None:
        self._connection = connection
        self._window = window
        self._composite: Any = connection.xcb(xcffib.composite.key)
        self._composite.QueryVersion(0, 4).reply()
        self._pixmap: int | None = None
        with _alone(connection):
            covered = _covered(connection, window)
            self._composite.RedirectWindowChecked(window, xcffib.composite.Redirect.Automatic).check()
            if covered and (shown := self.renew()) is not None:
                self._forget(shown, covered)

    def renew(self) -> Shown | None:
        """The pixmap of now; needed after each change of size and each time it was mapped. None: it is not shown.

        The pixmap before stays valid until the next success.
        """
        core = self._connection.xcb.core
        fresh = self._connection.xcb.generate_id()
        try:
            self._composite.NameWindowPixmapChecked(self._window, fresh).check()
        except xcffib.xproto.MatchError:
            return None
        if self._pixmap is not None:
            core.FreePixmap(self._pixmap)
        self._pixmap = fresh
        # Of the pixmap, not of the window, which may have another size by now.
        size = core.GetGeometry(fresh).reply()
        edge = core.GetGeometry(self._window).reply().border_width
        return Shown(fresh, Rect(edge, edge, max(1, size.width - 2 * edge), max(1, size.height - 2 * edge)))

    def _forget(self, shown: Shown, covered: list[Rect]) -> None:
        """Blacken what other windows cover, and have the program draw it again.

        A fresh pixmap starts as what the screen shows there: the windows that lie over ours.
        """
        core = self._connection.xcb.core
        gc = self._connection.xcb.generate_id()
        core.CreateGC(gc, shown.drawable, xcffib.xproto.GC.Foreground, [0])
        for rect in covered:
            inside = Rect(shown.inside.x + rect.x, shown.inside.y + rect.y, rect.width, rect.height)
            rectangle: Any = xcffib.xproto.RECTANGLE
            core.PolyFillRectangle(shown.drawable, gc, 1, [rectangle.synthetic(*inside)])
            core.ClearArea(True, self._window, *rect)  # noqa: FBT003 - field of the request
        core.FreeGC(gc)


def is_shown(connection: XConnection, window: int) -> bool:
    """Whether the window and all that hold it are mapped. Raises xcffib's exceptions."""
    return bool(connection.xcb.core.GetWindowAttributes(window).reply().map_state == _VIEWABLE)


def lineage(connection: XConnection, window: int) -> list[int]:
    """The window, the one that holds it, and so on up to the child of the root. Raises xcffib's exceptions."""
    found = [window]
    while (parent := connection.xcb.core.QueryTree(found[-1]).reply().parent) not in (connection.root, 0):
        found.append(parent)
    return found


@contextmanager
def _alone(connection: XConnection) -> Iterator[None]:
    """Nobody else's requests are carried out inside."""
    core = connection.xcb.core
    core.GrabServer()
    try:
        yield
    finally:
        core.UngrabServer()
        connection.xcb.flush()


def _covered(connection: XConnection, window: int) -> list[Rect]:
    """Parts of the window, relative to it, that lie under top-level windows above its own."""
    core = connection.xcb.core
    geometry = core.GetGeometry(window).reply()
    corner = core.TranslateCoordinates(window, connection.root, 0, 0).reply()
    children = list(core.QueryTree(connection.root).reply().children)
    above = children[children.index(lineage(connection, window)[-1]) + 1 :]
    found = []
    for other in above:
        over = core.GetGeometry(other).reply()
        if core.GetWindowAttributes(other).reply().map_state != _VIEWABLE:
            continue
        left, top = max(over.x - corner.dst_x, 0), max(over.y - corner.dst_y, 0)
        right = min(over.x - corner.dst_x + over.width + 2 * over.border_width, geometry.width)
        bottom = min(over.y - corner.dst_y + over.height + 2 * over.border_width, geometry.height)
        if left < right and top < bottom:
            found.append(Rect(left, top, right - left, bottom - top))
    return found
