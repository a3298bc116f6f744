"""Which implementation serves this platform, and what it can record. Those of other platforms are not imported."""

import sys

from reeld.capture.api import FrameSource, Rect
from reeld_proto.commands import Sources
from reeld_proto.errors import RequestRejected

XWAYLAND_WARNING = (
    "This X server is Xwayland: only windows of X programs are seen. Log in to an X11 (Xorg) session to record all."
)

if sys.platform == "darwin":
    from reeld.capture import mss_source

    def make_source(rect: Rect) -> FrameSource:
        """An unopened source of this rectangle of the desktop."""
        return mss_source.MssSource(rect)

    def _list() -> Sources:
        return Sources(displays=mss_source.list_displays())

else:
    from reeld.capture import x11, x11_displays, x11_place, x11_wire

    def make_source(rect: Rect) -> FrameSource:
        """An unopened source of this rectangle of the desktop."""
        return x11.X11Source(x11_place.FixedPlace(rect))

    def _list() -> Sources:
        connection = x11_wire.XConnection()
        try:
            with x11_wire.translated("listing monitors and windows"):
                return Sources(
                    displays=x11_displays.list_displays(connection),
                    windows=x11_displays.list_windows(connection),
                    warnings=[XWAYLAND_WARNING] if connection.has_extension("XWAYLAND") else [],
                )
        finally:
            connection.close()


def list_sources() -> Sources:
    """Displays and windows of this desktop; without one, empty lists and a warning that names the remedy."""
    try:
        return _list()
    except RequestRejected as error:
        return Sources(warnings=[f"{error}. {error.remedy}".strip()])
