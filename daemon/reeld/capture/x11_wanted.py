"""Which window is meant: one by its id, and after it was closed the one that its program opens instead."""

import contextlib
import re
from collections.abc import Iterable, Sequence

import xcffib.xproto

from reeld.capture.x11_displays import describe_window, list_windows
from reeld.capture.x11_wire import XConnection
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import WindowSource

_DASHES = re.compile(r"\s+[-|\u2013\u2014]\s+")
"""What stands between the document and the program in a title."""


class WantedWindow:
    """The window that a source records. Same thread as the connection.

    window_id: as `list_windows` gives it. app, title: its application and title if they are known already (a worker
    that was started again knows them from the session). top_level: the child of the root window in which it lies, as
    its source has seen last.
    """

    def __init__(self, window_id: str, *, app: str | None = None, title: str | None = None) -> None:
        self.id = window_id
        self._app = app
        self._titles = [title, title]
        self._others: Sequence[str] | None = None
        self._closed = False
        self.top_level = 0

    def is_at(self, top_level: int) -> bool:
        """Whether it lies inside `top_level`, a child of the root window; what covers it is another one."""
        return top_level == self.top_level != 0

    def find(self, connection: XConnection) -> int:
        """The window on this server. Raises RequestRejected (DEVICE_FAILED) if it is not there; xcffib's exceptions.

        Once the application is known an id alone proves nothing: servers give the ids of closed windows again.
        """
        found = None if self._closed else self._by_id(connection)
        if self._app is not None and (found is None or found.app != self._app):
            found = successor(list_windows(connection), self._app, self._titles, self._others)
        if found is None:
            raise self.gone()
        self.id, self._app, self._others, self._closed = found.id, found.app, (), False
        self._titles = [found.title if self._titles[0] is None else self._titles[0], found.title]
        return int(found.id, 16)

    def note_title(self, connection: XConnection) -> None:
        """The window's title has changed."""
        with contextlib.suppress(xcffib.xproto.WindowError, xcffib.xproto.DrawableError):
            self._titles[1] = describe_window(connection, int(self.id, 16)).title

    def lost(self, connection: XConnection) -> RequestRejected:
        """The window was closed just now: what else its program shows at the moment is not its successor."""
        self._closed = True
        self._others = [window.id for window in list_windows(connection) if window.id != self.id]
        return self.gone()

    def gone(self) -> RequestRejected:
        """The error for a window that is not there."""
        return RequestRejected(
            f"the window {self.id} is closed",
            code=ErrorCode.DEVICE_FAILED,
            remedy="Open it again: a new window of the same program with its title is picked up.",
        )

    def _by_id(self, connection: XConnection) -> WindowSource | None:
        try:
            window = int(self.id, 16)
            return None if window == connection.root else describe_window(connection, window)
        except (ValueError, xcffib.xproto.WindowError, xcffib.xproto.DrawableError):
            return None


def successor(
    windows: Iterable[WindowSource],
    app: str,
    titles: Sequence[str | None],
    others: Iterable[str] | None,
) -> WindowSource | None:
    """What a closed window of `app` with one of `titles` has become, if it is there.

    others: the windows that were beside it when it was closed; None if nobody knows. It is a window that came later
    and has one of the titles, or names the same document or program as one of them. A window that was beside ours all
    the time is never taken for it: nobody asked for that one to be recorded.
    """
    known = set(others or ())
    same = [window for window in windows if window.app == app and window.id not in known]
    found = [window for window in same if window.title in titles]
    if others is not None:
        found += [window for window in same if any(title and titles_alike(window.title, title) for title in titles)]
    return next(iter(found), None)


def titles_alike(one: str, other: str) -> bool:
    """Whether two titles begin with the same document or end with the same program (`notes.txt - Editor`)."""
    first, second = _DASHES.split(one.strip()), _DASHES.split(other.strip())
    return first[0] == second[0] or first[-1] == second[-1]
