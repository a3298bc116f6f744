"""The tray where the desktop draws the menu: AppIndicator, the menu bar of macOS. A thin shell around pystray."""

import sys
import time
from contextlib import suppress
from typing import Any

from reeld_client.tray.app import Tray
from reeld_client.tray.icons import icon
from reeld_client.tray.launch import notify_with_desktop
from reeld_client.tray.menu import SEPARATOR, Entry
from reeld_client.tray.model import Face, Notice

_EDGE_PX = 64
_TIME_EVERY_S = 10.0
"""How often the first line alone makes a new menu: some desktops close an open menu that is replaced."""


class NativeScreen:
    """A `Screen`. library: the module `pystray` with a backend that has menus."""

    def __init__(self, tray: Tray, library: Any) -> None:
        self._tray = tray
        self._library = library
        self._face: Face | None = None
        self._entries: list[Entry] = []
        self._made_s = 0.0
        self._stopped = False
        self._icon = library.Icon("reel-tray", icon(Face.NO_DAEMON, _EDGE_PX), "reeld", library.Menu(self._items))

    def run(self) -> None:
        """See `Screen.run`."""
        try:
            self._icon.run(self._begin)
        except Exception:
            # On leaving, pystray takes back its notifications, which fails where the desktop shows none.
            if not self._stopped:
                raise

    def _begin(self, shown: Any) -> None:
        shown.visible = True
        self.refresh()
        if self._stopped:
            shown.stop()

    def refresh(self) -> None:
        """See `Screen.refresh`."""
        if not self._icon.visible:
            return
        face, entries = self._tray.face(), self._tray.entries()
        if face is not self._face:
            self._face = face
            self._icon.icon = icon(face, _EDGE_PX)
        self._icon.title = self._tray.tooltip()
        now_s = time.monotonic()
        if entries[1:] != self._entries[1:] or now_s - self._made_s >= _TIME_EVERY_S:
            self._entries, self._made_s = entries, now_s
            self._icon.update_menu()

    def tell(self, notice: Notice) -> None:
        """See `Screen.tell`."""
        if sys.platform != "darwin" and notify_with_desktop(notice.title, notice.text):
            return
        if self._icon.HAS_NOTIFICATION:
            # What a backend raises where the desktop shows no notifications is its own; icon and menu tell it, too.
            with suppress(Exception):
                self._icon.notify(notice.text, notice.title)

    def stop(self) -> None:
        """See `Screen.stop`."""
        self._stopped = True
        self._icon.stop()

    def _items(self) -> list[Any]:
        return [self._item(entry) for entry in self._tray.entries()]

    def _item(self, entry: Entry) -> Any:
        if entry == SEPARATOR:
            return self._library.Menu.SEPARATOR
        checked = None if entry.checked is None else lambda _item: bool(entry.checked)

        def choose() -> None:
            if entry.action is not None:
                self._tray.choose(entry.action)

        return self._library.MenuItem(entry.label, choose, checked=checked, enabled=entry.can_be_chosen)
