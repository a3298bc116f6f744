"""Where on the screen of an X server a source's rectangle lies at the moment."""

from dataclasses import dataclass
from typing import Protocol

from reeld.capture.api import Rect
from reeld.capture.x11_displays import list_displays
from reeld.capture.x11_wire import XConnection
from reeld_proto.errors import ErrorCode, RequestRejected


class Place(Protocol):
    """A rectangle of the root window that may move and change its size."""

    def rect(self, connection: XConnection) -> Rect:
        """Where it is now. Raises RequestRejected (DEVICE_FAILED) when it is not there, and xcffib's exceptions."""
        ...


@dataclass(frozen=True, slots=True)
class FixedPlace:
    """A region: always the same pixels of the desktop."""

    where: Rect

    def rect(self, connection: XConnection) -> Rect:
        """See Place."""
        root = connection.xcb.core.GetGeometry(connection.root).reply()
        where = self.where
        if where.x < 0 or where.y < 0 or where.right > root.width or where.bottom > root.height:
            raise RequestRejected(
                f"{where.width} x {where.height} at {where.x}, {where.y} is not on the screen of"
                f" {root.width} x {root.height}",
                code=ErrorCode.DEVICE_FAILED,
                remedy="Ask for the sources again; the monitors have changed.",
            )
        return where


@dataclass(frozen=True, slots=True)
class MonitorPlace:
    """A monitor by its name, wherever it is and however large it is."""

    name: str

    def rect(self, connection: XConnection) -> Rect:
        """See Place."""
        found = next((display for display in list_displays(connection) if display.id == self.name), None)
        if found is None:
            raise RequestRejected(
                f"there is no monitor {self.name} any more",
                code=ErrorCode.DEVICE_FAILED,
                remedy="Plug it in again; `reelctl sources` lists what is there.",
            )
        # A monitor may reach beyond the screen while both are being changed.
        root = connection.xcb.core.GetGeometry(connection.root).reply()
        left, top = max(found.x, 0), max(found.y, 0)
        right, bottom = min(found.x + found.width, root.width), min(found.y + found.height, root.height)
        if right <= left or bottom <= top:
            raise RequestRejected(f"the monitor {self.name} is not on the screen", code=ErrorCode.DEVICE_FAILED)
        return Rect(left, top, right - left, bottom - top)
