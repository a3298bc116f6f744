"""The top-level windows of an X server as its events tell: where they are, in which order, and what shows of them.

Pure: numbers in, rectangles out. Windows are named by their ids. What is not certain is answered so that more is seen
as private, never less.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass

from reeld.capture.api import Rect
from reeld.capture.rects import subtracted


@dataclass(slots=True)
class TopWindow:
    """A child of the root window. rect: with its border, in pixels of the desktop.

    opaque: known to hide whatever is below it. override: it is not managed: a menu, a tooltip.
    """

    id: int
    rect: Rect
    override: bool = False
    mapped: bool = False
    opaque: bool = False


class WindowStack:
    """The children of the root window, lowest first."""

    def __init__(self) -> None:
        self._order: list[int] = []
        self._windows: dict[int, TopWindow] = {}

    def __contains__(self, window: int) -> bool:
        return window in self._windows

    def get(self, window: int) -> TopWindow | None:
        """The window; None if it is not known."""
        return self._windows.get(window)

    def put(self, window: TopWindow) -> None:
        """A new window, above all others; one that was known goes there."""
        self.remove(window.id)
        self._windows[window.id] = window
        self._order.append(window.id)

    def remove(self, window: int) -> None:
        """It is gone, or no child of the root any more."""
        if self._windows.pop(window, None) is not None:
            self._order.remove(window)

    def restack(self, window: int, above: int) -> None:
        """It lies directly above the window `above`; 0: below all."""
        if window not in self._windows:
            return
        self._order.remove(window)
        self._order.insert(self._order.index(above) + 1 if above in self._windows else 0, window)

    def lift(self, window: int) -> None:
        """It lies above all others."""
        if window in self._windows:
            self._order.remove(window)
            self._order.append(window)

    def visible(self, windows: Container[int], covers: Callable[[TopWindow], bool]) -> dict[int, list[Rect]]:
        """What shows of each of `windows` that is mapped. covers: whether a window hides what is below it."""
        shown: dict[int, list[Rect]] = {}
        above: list[Rect] = []
        for window in (self._windows[each] for each in reversed(self._order)):
            if not window.mapped:
                continue
            if window.id in windows:
                shown[window.id] = subtracted([window.rect], above)
            if covers(window):
                above.append(window.rect)
        return shown
