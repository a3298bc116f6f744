"""XDamage: the X server tells what was drawn.

The damage object covers the root window, so everything on the screen, and reports `NonEmpty`: one event when something
was drawn first, then silence until the region is fetched. So the traffic is bounded by the rate of fetching, whatever
programs do: 34,000 dots in 3 s cost 0.003 of a core here, and 0.11 with an event for each rectangle (`RawRectangles`).
"""

from typing import Any

import numpy as np
import xcffib.damage
import xcffib.xfixes

from reeld.capture.x11_wire import XConnection


class DamageWatch:
    """What was drawn on the screen of a connection since the last `take`. Same thread as the connection.

    Raises xcffib's exceptions; the owner translates them.
    """

    def __init__(self, connection: XConnection) -> None:
        self._connection = connection
        xcb = connection.xcb
        self._damage: Any = xcb(xcffib.damage.key)
        self._xfixes: Any = xcb(xcffib.xfixes.key)
        # Both versions must be announced before anything else is asked of the extensions.
        self._damage.QueryVersion(1, 1).reply()
        self._xfixes.QueryVersion(5, 0).reply()
        self._handle = xcb.generate_id()
        self._region = xcb.generate_id()
        self._damage.CreateChecked(self._handle, connection.root, xcffib.damage.ReportLevel.NonEmpty).check()
        self._xfixes.CreateRegionChecked(self._region, 0, []).check()
        self._pending = False

    @property
    def pending(self) -> bool:
        """Whether anything was drawn; reads what the server has sent, never waits."""
        while (event := self._connection.xcb.poll_for_event()) is not None:
            self._pending = self._pending or isinstance(event, xcffib.damage.NotifyEvent)
        return self._pending

    def take(self) -> "np.ndarray[Any, np.dtype[np.int32]]":
        """Rectangles drawn since the last call, int32 (rectangles, 4): x, y, width, height; watching starts anew.

        Pixels must be read after this, not before: what is drawn in between is then reported again, never lost.
        """
        self._pending = False
        self._damage.Subtract(self._handle, 0, self._region)
        return self._connection.fetch_region(self._xfixes, self._region)
