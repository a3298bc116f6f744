"""What changes pixels of a source before anybody else sees them: the pointer is drawn, private windows are masked."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from reeld.capture.api import Band, Rect
from reeld.capture.regions import RectArray
from reeld.capture.x11_wire import XConnection


class Overlay(Protocol):
    """One change of the pixels of one source. Used by the source's thread; raises xcffib's exceptions.

    The server answers in order: every event of something that happened before the pixels were read has arrived, and was
    given to `note`, when `apply` is called.
    """

    def open(self, connection: XConnection) -> None:
        """Ask the server for the events that it needs; a connection of the source that is open already."""
        ...

    def note(self, event: Any) -> None:
        """An event has arrived; most are meant for others."""
        ...

    def changed_ns(self) -> int | None:
        """Monotonic instant since which pixels must be made anew although nothing was drawn; None if they need not."""
        ...

    def parts(self, view: Rect) -> Sequence[Rect]:
        """Parts of the desktop that must be read again, asked for just before a grab; then nothing is due any more.

        view: the recorded rectangle of the desktop.
        """
        ...

    def apply(self, view: Rect, bands: Sequence[Band]) -> None:
        """Change the pixels of `bands`, whose rectangles are relative to `view`, in place."""
        ...


@runtime_checkable
class SeesDrawing(Protocol):
    """An overlay that wants to know what was drawn on the screen."""

    def drawn(self, rects: RectArray) -> None:
        """Something was drawn in all of `rects` (of the desktop) since the last call.

        Asked just before `parts`, when every event of what happened before the drawing was asked for is noted. Never
        called where the server cannot tell.
        """
        ...
