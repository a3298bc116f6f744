"""What is known of the windows of programs: names, titles and relations; asked of the server without waiting for it.

DESIGN: the server tells that a property has changed, not to what. So a question is sent with each such event, and the
answers are taken when pixels are about to be read. As long as an answer is out the window is uncertain.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import xcffib.shape
import xcffib.xproto

from reeld.capture.privacy import PrivacyRules, WindowMatch
from reeld.capture.x11_windows import WindowStack
from reeld.capture.x11_wire import XConnection

_CLASS, _TRANSIENT, _LEADER, _PID = "WM_CLASS", "WM_TRANSIENT_FOR", "WM_CLIENT_LEADER", "_NET_WM_PID"
_TITLES = ("_NET_WM_NAME", "WM_NAME")
_PROPERTIES = (_CLASS, _TRANSIENT, _LEADER, _PID, *_TITLES)
_PROPERTY_WORDS_MAX = 1024
_INPUT_OUTPUT = 1

GONE = (xcffib.xproto.WindowError, xcffib.xproto.DrawableError)
"""What the server says of a window that was closed since it was heard of."""


@dataclass(slots=True)
class Client:
    """A window that a program made. top: the child of the root in which it lies, often itself.

    pending: questions without an answer yet. base: the part of its id that all windows of its program have.
    """

    id: int
    top: int
    base: int
    values: dict[str, bytes] = field(default_factory=dict)
    pending: int = 0

    @property
    def apps(self) -> list[str]:
        """Both names of its WM_CLASS."""
        return [name.decode(errors="replace") for name in self.values.get(_CLASS, b"").split(b"\0") if name]

    @property
    def titles(self) -> list[str]:
        """What it is called, in every reading: WM_NAME may be in Latin-1."""
        raw = [self.values.get(name, b"") for name in _TITLES]
        return [text.decode(coding, errors="replace") for text in raw for coding in ("utf-8", "latin-1")]

    def number(self, name: str) -> int:
        """A property that is one number; 0 if it has none."""
        return int.from_bytes(self.values.get(name, b"")[:4], "little")


def private_tops(
    clients: Iterable[Client], stack: WindowStack, rules: PrivacyRules, minute: int
) -> dict[int, list[WindowMatch]]:
    """The children of the root that rules hide now: those of matching windows, of their dialogs, menus and tooltips."""
    clients = list(clients)
    private = {client.id: found for client in clients if (found := rules.window(client.apps, client.titles, minute))}
    if not private:
        return {}
    masters = [client for client in clients if client.id in private]
    left = [client for client in clients if client.id not in private]
    while related := {client.id: found for client in left if (found := _of_masters(client, masters, stack, private))}:
        private.update(related)
        masters += [client for client in left if client.id in related]
        left = [client for client in left if client.id not in related]
    tops: dict[int, list[WindowMatch]] = {}
    for client in masters:
        tops.setdefault(client.top, []).extend(private[client.id])
    return tops


def _of_masters(
    client: Client, masters: list[Client], stack: WindowStack, private: dict[int, list[WindowMatch]]
) -> list[WindowMatch]:
    window = stack.get(client.top)
    loose = window is not None and window.override
    found = []
    for master in masters:
        same = client.base == master.base or any(
            client.number(name) and client.number(name) == master.number(name) for name in (_PID, _LEADER)
        )
        if client.number(_TRANSIENT) == master.id or (loose and same):
            found += private[master.id]
    return found


class ClientBook:
    """The clients of one connection. Used by its thread; raises xcffib's exceptions."""

    def __init__(self, connection: XConnection, stack: WindowStack, rules: PrivacyRules) -> None:
        self._connection = connection
        self._core: Any = connection.xcb.core
        self._shape: Any = connection.xcb(xcffib.shape.key) if connection.has_extension("SHAPE") else None
        self._stack = stack
        self._rules = rules
        self._base_mask = ~connection.xcb.get_setup().resource_id_mask
        self._asked: list[tuple[int, Callable[[], None]]] = []
        self.clients: dict[int, Client] = {}
        cookies = [(name, self._core.InternAtom(False, len(name), name)) for name in _PROPERTIES]  # noqa: FBT003
        self._atoms: dict[str, int] = {name: cookie.reply().atom for name, cookie in cookies}
        self._names = {atom: name for name, atom in self._atoms.items()}

    @property
    def is_asking(self) -> bool:
        """Whether answers are out."""
        return bool(self._asked)

    @property
    def uncertain(self) -> set[int]:
        """Children of the root with a client of which something is not known."""
        return {client.top for client in self.clients.values() if client.pending}

    def adopt(self, window: int, top: int, *, watched: bool = False) -> Client:
        """Watch a window of a program from now on. watched: this connection has asked for its events already."""
        client = self.clients[window] = Client(window, top, window & self._base_mask)
        # Watched first and asked then: a change in between is told, and none is missed.
        masks = xcffib.xproto.EventMask.PropertyChange
        change = self._core.ChangeWindowAttributesChecked
        watching = None if watched else change(window, xcffib.xproto.CW.EventMask, [masks])
        for name in _PROPERTIES:
            self._ask(client, name)
        if watching is not None:
            # Looked at last, when its outcome has come with the answers.
            self._later(client, watching.check)
        return client

    def survey(self, window: int) -> None:
        """Find out whether a child of the root hides what is below it; until then it is taken not to."""
        top, client = self._stack.get(window), self.clients.get(window)
        if top is None or client is None:
            return
        shaped = None
        if self._shape is not None:
            self._later(client, self._shape.SelectInput(window, 1, is_checked=True).check)
            shaped = self._shape.QueryExtents(window)
        geometry, attributes = self._core.GetGeometry(window), self._core.GetWindowAttributes(window)

        def answered() -> None:
            # A window without colours of its own (InputOnly) shows what is below it, one with another depth may.
            solid = geometry.reply().depth == self._connection.screen.root_depth
            drawn = attributes.reply()._class == _INPUT_OUTPUT  # noqa: SLF001 - xcffib's name for the field `class`
            whole = shaped is None or not shaped.reply().bounding_shaped
            top.opaque = solid and drawn and whole

        self._later(client, answered)

    def changed(self, window: int, atom: int) -> bool:
        """A property of a window has changed: ask for it, if it can make a difference. Whether it was."""
        client, name = self.clients.get(window), self._names.get(atom)
        if client is None or name is None:
            return False
        if name in _TITLES and not client.pending and not self._rules.title_matters(client.apps):
            return False
        self._ask(client, name)
        return True

    def move(self, window: int, top: int) -> None:
        """A client lies in another child of the root now."""
        client = self.clients.get(window)
        if client is None:
            self.adopt(window, top)
            return
        client.top = top
        # Uncertain once more, so that its new place is masked until somebody has looked whether it is private.
        self._ask(client, _CLASS)

    def forget(self, top: int) -> None:
        """A child of the root is gone, with all in it."""
        for client in [each for each in self.clients.values() if each.top == top]:
            del self.clients[client.id]

    def collect(self) -> None:
        """Take the answers; waits for those that have not come."""
        asked, self._asked = self._asked, []
        for window, answered in asked:
            client = self.clients.get(window)
            try:
                answered()
            except GONE:
                self.clients.pop(window, None)
            if client is not None:
                client.pending -= 1

    def _ask(self, client: Client, name: str) -> None:
        cookie = self._core.GetProperty(False, client.id, self._atoms[name], 0, 0, _PROPERTY_WORDS_MAX)  # noqa: FBT003

        def answered() -> None:
            client.values[name] = bytes(cookie.reply().value.buf())

        self._later(client, answered)

    def _later(self, client: Client, answered: Callable[[], None]) -> None:
        client.pending += 1
        self._asked.append((client.id, answered))
