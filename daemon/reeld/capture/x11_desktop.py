"""What the events of an X server say about its top-level windows, programs, monitors and compositor.

Kept by events alone: after `open` nothing is asked unless a window comes or changes, so it costs nothing while nothing
happens.
"""

from collections.abc import Callable
from typing import Any

import xcffib.randr
import xcffib.shape
import xcffib.xfixes
import xcffib.xproto as xp

from reeld.capture.api import Rect
from reeld.capture.privacy import PrivacyRules
from reeld.capture.x11_clients import GONE, ClientBook
from reeld.capture.x11_displays import list_displays
from reeld.capture.x11_windows import TopWindow, WindowStack
from reeld.capture.x11_wire import XConnection

_ON_TOP = 0
_BOUNDING = 0
_DEPTH_MAX = 4
_DESCENDANTS_MAX = 4096
"""How deep and among how many windows those of programs are looked for in frames that were there before us."""


class DesktopModel:
    """The windows of one connection, in its thread. Raises xcffib's exceptions.

    see_through: a compositor runs, so what shows on the screen is not what the order of the windows says.
    monitors: by name; kept only if a rule names one.
    """

    def __init__(self, connection: XConnection, rules: PrivacyRules) -> None:
        self._connection = connection
        self._root = connection.root
        self._rules = rules
        self.stack = WindowStack()
        self.book = ClientBook(connection, self.stack, rules)
        self.see_through = False
        self.monitors: dict[str, Rect] = {}
        self._acts: dict[type, Callable[[Any], bool]] = {
            xp.CreateNotifyEvent: self._created,
            xp.DestroyNotifyEvent: self._destroyed,
            xp.MapNotifyEvent: self._mapped,
            xp.UnmapNotifyEvent: self._unmapped,
            xp.ConfigureNotifyEvent: self._configured,
            xp.GravityNotifyEvent: self._pulled,
            xp.ReparentNotifyEvent: self._reparented,
            xp.CirculateNotifyEvent: self._circulated,
            xp.PropertyNotifyEvent: self._renamed,
            xcffib.shape.NotifyEvent: self._shaped,
            xcffib.xfixes.SelectionNotifyEvent: self._composited,
            xcffib.randr.ScreenChangeNotifyEvent: self._monitors_changed,
            xcffib.randr.NotifyEvent: self._monitors_changed,
        }
        core = connection.xcb.core
        core.GrabServer()
        try:
            self._take_stock(core)
        finally:
            core.UngrabServer()
        self._watch_compositor()
        self._find_monitors()

    def note(self, event: Any) -> bool:
        """Whether an event can change what shows of any window."""
        act = self._acts.get(type(event))
        return act is not None and act(event)

    # -- what happens on the screen; each tells whether it can change what shows of private windows ------------------

    def _created(self, event: Any) -> bool:
        if event.parent != self._root:
            return False
        self._add(event.window, _with_border(event), override=bool(event.override_redirect))
        return True

    def _destroyed(self, event: Any) -> bool:
        if event.window not in self.stack:
            return False
        self.stack.remove(event.window)
        self.book.forget(event.window)
        return True

    def _mapped(self, event: Any) -> bool:
        return self._set_mapped(event, mapped=True)

    def _unmapped(self, event: Any) -> bool:
        return self._set_mapped(event, mapped=False)

    def _set_mapped(self, event: Any, *, mapped: bool) -> bool:
        window = self.stack.get(event.window)
        if window is None or event.event != self._root:
            return False
        window.mapped = mapped
        return True

    def _configured(self, event: Any) -> bool:
        window = self.stack.get(event.window)
        if window is None or event.event != self._root:
            return False
        window.rect, window.override = _with_border(event), bool(event.override_redirect)
        self.stack.restack(event.window, event.above_sibling)
        return True

    def _pulled(self, event: Any) -> bool:
        window = self.stack.get(event.window)
        if window is None or event.event != self._root:
            return False
        window.rect = Rect(event.x, event.y, window.rect.width, window.rect.height)
        return True

    def _circulated(self, event: Any) -> bool:
        if event.place == _ON_TOP:
            self.stack.lift(event.window)
        else:
            self.stack.restack(event.window, 0)
        return event.window in self.stack

    def _reparented(self, event: Any) -> bool:
        """A window manager takes a window into its frame, or lets it out."""
        if event.event != self._root:
            return False
        if event.parent == self._root:
            geometry = self._connection.xcb.core.GetGeometry(event.window)
            try:
                rect = _with_border(geometry.reply())
            except GONE:
                return False
            self._add(event.window, rect, override=bool(event.override_redirect))
            return True
        self.stack.remove(event.window)
        top = self._top_of(event.parent)
        if top is None:
            self.book.forget(event.window)
        else:
            self.book.move(event.window, top)
        return True

    def _renamed(self, event: Any) -> bool:
        return self.book.changed(event.window, event.atom)

    def _shaped(self, event: Any) -> bool:
        window = self.stack.get(event.affected_window)
        if window is None or event.shape_kind != _BOUNDING:
            return False
        # Once it was shaped it is not trusted to hide anything again.
        window.opaque = False
        return True

    def _composited(self, event: Any) -> bool:
        self.see_through = bool(event.owner)
        return True

    def _monitors_changed(self, _event: Any) -> bool:
        self._find_monitors()
        return bool(self.monitors)

    # -- the model --------------------------------------------------------------------------------------------------

    def _take_stock(self, core: Any) -> None:
        """Learn of the windows that exist; the server is ours meanwhile, so that no event is missed or told twice."""
        masks = core.GetWindowAttributes(self._root).reply().your_event_mask | xp.EventMask.SubstructureNotify
        core.ChangeWindowAttributesChecked(self._root, xp.CW.EventMask, [masks]).check()
        children = core.QueryTree(self._root).reply().children
        asked = [(child, core.GetGeometry(child), core.GetWindowAttributes(child)) for child in children]
        for child, geometry, attributes in asked:
            rect, found = _with_border(geometry.reply()), attributes.reply()
            self._add(child, rect, override=bool(found.override_redirect), mapped=found.map_state != 0)
        for client, child in self._clients_in_frames(core, list(children)):
            self.book.adopt(client, child)

    def _clients_in_frames(self, core: Any, children: list[int]) -> list[tuple[int, int]]:
        """Windows of programs inside of a window manager's frames, each with its frame."""
        state = core.InternAtom(False, len("WM_STATE"), "WM_STATE").reply().atom  # noqa: FBT003 - field of the request
        level = [(child, child) for child in children]
        found = []
        for _ in range(_DEPTH_MAX):
            asked = [(*each, core.GetProperty(False, each[0], state, 0, 0, 0)) for each in level]  # noqa: FBT003
            managed = {window: top for window, top, cookie in asked if cookie.reply().type}
            found += [(window, top) for window, top in managed.items() if window != top]
            trees = [(top, core.QueryTree(window)) for window, top in level if window not in managed]
            level = [(window, top) for top, tree in trees for window in tree.reply().children][:_DESCENDANTS_MAX]
        return found

    def _watch_compositor(self) -> None:
        """What a compositor draws is not what the order of the windows says: nothing is hidden by what is above it."""
        if not self._connection.has_extension("XFIXES"):
            return
        xcb, core = self._connection.xcb, self._connection.xcb.core
        xfixes = xcb(xcffib.xfixes.key)
        xfixes.QueryVersion(5, 0).reply()
        name = f"_NET_WM_CM_S{xcb.pref_screen}"
        atom = core.InternAtom(False, len(name), name).reply().atom  # noqa: FBT003 - field of the request
        masks = xcffib.xfixes.SelectionEventMask
        every = masks.SetSelectionOwner | masks.SelectionWindowDestroy | masks.SelectionClientClose
        xfixes.SelectSelectionInputChecked(self._root, atom, every).check()
        self.see_through = bool(core.GetSelectionOwner(atom).reply().owner)

    def _find_monitors(self) -> None:
        if self._rules.name_screens:
            displays = list_displays(self._connection)
            self.monitors = {each.id: Rect(each.x, each.y, each.width, each.height) for each in displays}

    def _add(self, window: int, rect: Rect, *, override: bool, mapped: bool = False) -> None:
        self.stack.put(TopWindow(window, rect, override=override, mapped=mapped))
        if window in self.book.clients:
            self.book.move(window, window)
        else:
            self.book.adopt(window, window)
        self.book.survey(window)

    def _top_of(self, window: int) -> int | None:
        """The child of the root in which a window lies; None if it is gone."""
        core = self._connection.xcb.core
        while window not in self.stack:
            try:
                parent = core.QueryTree(window).reply().parent
            except GONE:
                return None
            if parent in (0, self._root):
                return None
            window = parent
        return window


def _with_border(event: Any) -> Rect:
    """Where a window is on the desktop, with its border, from an event or a reply."""
    return Rect(event.x, event.y, event.width + 2 * event.border_width, event.height + 2 * event.border_width)
