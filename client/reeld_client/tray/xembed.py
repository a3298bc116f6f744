"""The tray in an XEMBED tray (most panels without AppIndicator, trayer, stalonetray), with a menu of its own.

pystray's backend for these trays has no menus, and takes neither clicks nor a tray that comes later; python-xlib, which
it brings, is enough to do so here. Everything of X belongs to the thread in `run`; others wake it.
"""

import select
import socket
import sys
import textwrap
import time
from collections import deque
from contextlib import suppress
from typing import Any

from PIL import Image
from Xlib import XK, X, Xutil, error
from Xlib.display import Display
from Xlib.protocol import event as xevent

from reeld_client.tray import popup as popups
from reeld_client.tray.app import Tray
from reeld_client.tray.icons import TILE, icon
from reeld_client.tray.launch import notify_with_desktop
from reeld_client.tray.menu import SEPARATOR, Entry
from reeld_client.tray.model import Face, Notice
from reeld_client.tray.popup import Popup
from reeld_client.tray.xwindows import PopupWindow, put
from reeld_proto.errors import ErrorCode, RequestRejected

_REQUEST_DOCK = 0
_MAPPED = 1
_EDGE_PX = 24
_HOVER_S = 0.5
_BUBBLE_S = 8.0
_BUBBLE_COLUMNS = 64
_KEYS = {XK.XK_Down: 1, XK.XK_Up: -1}


class XembedScreen:
    """A `Screen`. Raises RequestRejected(NO_DISPLAY) when there is no X server."""

    def __init__(self, tray: Tray) -> None:
        self._tray = tray
        try:
            self._display = Display()
        except (error.DisplayError, OSError) as fault:
            raise RequestRejected(
                f"there is no X display: {fault}",
                code=ErrorCode.NO_DISPLAY,
                remedy="Run reel-tray in your desktop session.",
            ) from fault
        # A tray may take its windows with it at any time; what is said to them then is of no interest.
        self._display.set_error_handler(lambda *_: None)
        self._root = self._display.screen().root
        self._manager_atom = self._atom("MANAGER")
        self._selection = self._atom(f"_NET_SYSTEM_TRAY_S{self._display.get_default_screen()}")
        self._woken, self._waker = socket.socketpair()
        self._waker.settimeout(0)
        self._notices: deque[Notice] = deque()
        self._stopping = False
        self._host: Any = None
        self._icon: Any = None
        self._context: Any = None
        self._edge = (_EDGE_PX, _EDGE_PX)
        self._shown: tuple[Face, tuple[int, int]] | None = None
        self._title = ""
        self._menu: PopupWindow | None = None
        self._tip: PopupWindow | None = None
        self._tip_at_s: float | None = None
        self._bubble: PopupWindow | None = None
        self._bubble_until_s = 0.0

    def _atom(self, name: str) -> int:
        return int(self._display.intern_atom(name))

    def run(self) -> None:
        """See `Screen.run`. Raises RequestRejected(NO_DISPLAY) when the X server goes away."""
        try:
            self._root.change_attributes(event_mask=X.StructureNotifyMask)
            self._dock()
            if self._host is None:
                sys.stderr.write(
                    "reel-tray: this desktop has no tray (yet); the icon appears as soon as there is one\n"
                )
            while not self._stopping:
                while self._display.pending_events():
                    self._handle(self._display.next_event())
                self._tend()
                self._display.flush()
                if self._display.pending_events():
                    continue  # they came while something was asked
                ready, _, _ = select.select([self._display, self._woken], [], [], self._wait_s())
                if self._woken in ready:
                    self._woken.recv(4096)
            self._close_menu()
            self._display.close()
        except (error.ConnectionClosedError, OSError) as fault:
            raise RequestRejected("the X server went away", code=ErrorCode.NO_DISPLAY) from fault
        finally:
            self._stopping = True
            self._woken.close()
            self._waker.close()

    def refresh(self) -> None:
        """See `Screen.refresh`."""
        # It may be full of wakes, or nobody reads any more.
        with suppress(OSError):
            self._waker.send(b"!")

    def tell(self, notice: Notice) -> None:
        """See `Screen.tell`."""
        if not notify_with_desktop(notice.title, notice.text):
            self._notices.append(notice)
            self.refresh()

    def stop(self) -> None:
        """See `Screen.stop`."""
        self._stopping = True
        self.refresh()

    def _wait_s(self) -> float | None:
        moments = [self._tip_at_s] if self._tip_at_s is not None else []
        if self._bubble is not None:
            moments.append(self._bubble_until_s)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _tend(self) -> None:
        """What is due by now, and what the tray has news of."""
        now_s = time.monotonic()
        if self._tip_at_s is not None and now_s >= self._tip_at_s:
            self._tip_at_s = None
            self._show_tip()
        if self._bubble is not None and now_s >= self._bubble_until_s:
            self._bubble = self._without(self._bubble)
        if self._notices and self._bubble is None and self._menu is None:
            notice = self._notices.popleft()
            lines = [line for part in notice.text.splitlines() for line in textwrap.wrap(part, _BUBBLE_COLUMNS)]
            shown = Popup([Entry(notice.title), SEPARATOR, *map(Entry, lines)])
            self._bubble = self._popup(shown, "reel-tray notice")
            self._bubble_until_s = now_s + _BUBBLE_S
        self._paint_icon()
        if self._menu is not None:
            self._menu.show(Popup(self._tray.entries()))

    def _dock(self) -> None:
        """Ask the tray, if there is one, to take the icon in."""
        self._host = None
        owner = self._display.get_selection_owner(self._selection)
        if isinstance(owner, int):
            return  # X.NONE
        if self._icon is None:
            self._make_icon()
        self._host = owner
        owner.change_attributes(event_mask=X.StructureNotifyMask)
        data = (32, [X.CurrentTime, _REQUEST_DOCK, self._icon.id, 0, 0])
        opcode = self._atom("_NET_SYSTEM_TRAY_OPCODE")
        owner.send_event(xevent.ClientMessage(window=owner, client_type=opcode, data=data), event_mask=X.NoEventMask)

    def _make_icon(self) -> None:
        screen = self._display.screen()
        self._icon = self._root.create_window(
            *(-1, -1, _EDGE_PX, _EDGE_PX, 0, screen.root_depth, X.InputOutput),
            event_mask=X.ExposureMask
            | X.StructureNotifyMask
            | X.ButtonPressMask
            | X.EnterWindowMask
            | X.LeaveWindowMask,
        )
        self._icon.set_wm_class("reel-tray", "Reel-tray")
        self._icon.set_wm_normal_hints(flags=Xutil.PMinSize, min_width=_EDGE_PX, min_height=_EDGE_PX)
        info = self._atom("_XEMBED_INFO")
        self._icon.change_property(info, info, 32, [0, _MAPPED])
        self._context = self._icon.create_gc()
        self._shown, self._title = None, ""

    def _paint_icon(self) -> None:
        if self._icon is None:
            return
        title = self._tray.tooltip().replace("\n", "; ")
        if title != self._title:
            self._title = title
            self._icon.change_text_property(self._atom("_NET_WM_NAME"), self._atom("UTF8_STRING"), title)
        face = self._tray.face()
        if (face, self._edge) == self._shown:
            return
        self._shown = (face, self._edge)
        edge = max(1, min(self._edge))
        ground = Image.new("RGB", self._edge, TILE[:3])
        ground.paste(icon(face, edge, rounded=False), ((self._edge[0] - edge) // 2, (self._edge[1] - edge) // 2))
        put(self._icon, self._context, ground)

    def _handle(self, event: Any) -> None:
        if event.type == X.ClientMessage and event.client_type == self._manager_atom:
            if event.data[1][1] == self._selection:
                self._dock()
        elif event.type == X.DestroyNotify:
            self._handle_destroyed(event.window)
        elif event.type == X.MappingNotify:
            self._display.refresh_keyboard_mapping(event)
        elif self._menu is not None and self._is_for(self._menu, event):
            self._handle_menu(self._menu, event)
        elif self._bubble is not None and self._is_for(self._bubble, event):
            if event.type == X.ButtonPress:
                self._bubble = self._without(self._bubble)
            elif event.type == X.Expose:
                self._bubble.paint()
        elif self._tip is not None and self._is_for(self._tip, event):
            if event.type == X.Expose:
                self._tip.paint()
        elif self._icon is not None and getattr(event, "window", None) == self._icon:
            self._handle_icon(event)

    @staticmethod
    def _is_for(shown: PopupWindow, event: Any) -> bool:
        return bool(getattr(event, "window", None) == shown.window)

    def _handle_destroyed(self, window: Any) -> None:
        if self._icon is not None and window == self._icon:
            self._icon = None
            self._close_menu()
            self._dock()
        elif self._host is not None and window == self._host:
            self._dock()

    def _handle_icon(self, event: Any) -> None:
        if event.type == X.ButtonPress:
            self._open_menu(event.time)
        elif event.type == X.ConfigureNotify:
            self._edge = (event.width, event.height)
        elif event.type == X.Expose:
            self._shown = None
        elif event.type == X.EnterNotify and event.mode == X.NotifyNormal:
            self._tip_at_s = time.monotonic() + _HOVER_S
        elif event.type == X.LeaveNotify:
            self._hide_tip()

    def _handle_menu(self, menu: PopupWindow, event: Any) -> None:
        if event.type == X.Expose:
            menu.paint()
        elif event.type == X.MotionNotify:
            menu.choose(menu.popup.row_at(event.event_x, event.event_y))
        elif event.type == X.ButtonPress:
            menu.is_pressed = menu.popup.holds(event.event_x, event.event_y)
            if not menu.is_pressed:
                self._close_menu()
        elif event.type == X.ButtonRelease and menu.is_pressed:
            self._choose(menu, menu.popup.row_at(event.event_x, event.event_y))
        elif event.type == X.KeyPress:
            key = self._display.keycode_to_keysym(event.detail, 0)
            if key in _KEYS:
                menu.choose(menu.popup.step(menu.chosen, _KEYS[key]))
            elif key in {XK.XK_Return, XK.XK_KP_Enter, XK.XK_space}:
                self._choose(menu, menu.chosen)
            elif key == XK.XK_Escape:
                self._close_menu()

    def _choose(self, menu: PopupWindow, row: int | None) -> None:
        entry = None if row is None else menu.popup.entries[row]
        if entry is not None and entry.can_be_chosen and entry.action is not None:
            self._close_menu()
            self._tray.choose(entry.action)

    def _open_menu(self, at_ms: int) -> None:
        self._hide_tip()
        self._close_menu()
        self._bubble = self._without(self._bubble)
        self._menu = self._popup(Popup(self._tray.entries()), "reel-tray menu")
        if self._menu is not None and not self._menu.take_input(at_ms):
            self._close_menu()  # a window that no click could close would stay for ever

    def _close_menu(self) -> None:
        self._menu = self._without(self._menu)

    def _show_tip(self) -> None:
        if self._menu is None and self._tip is None:
            self._tip = self._popup(Popup([Entry(line) for line in self._tray.tooltip().splitlines()]), "reel-tray tip")

    def _hide_tip(self) -> None:
        self._tip_at_s = None
        self._tip = self._without(self._tip)

    def _popup(self, shown: Popup, name: str) -> PopupWindow | None:
        """A popup beside the icon; in the corner of the screen without one."""
        screen = self._display.screen()
        whole = (screen.width_in_pixels, screen.height_in_pixels)
        place = (whole[0], 0, 1, 1)
        if self._icon is not None:
            try:
                found = self._root.translate_coords(self._icon, 0, 0)
            except error.XError:
                return None
            place = (found.x, found.y, *self._edge)
        made = PopupWindow(self._display, shown, popups.beside(place, shown.size, whole), name)
        made.paint()
        return made

    @staticmethod
    def _without(shown: PopupWindow | None) -> None:
        if shown is not None:
            shown.close()
