"""Which monitors and windows an X server has."""

from typing import Any

import xcffib
import xcffib.randr
import xcffib.xproto

from reeld.capture.x11_wire import XConnection
from reeld_proto.records import DisplaySource, WindowSource

_MONITORS_SINCE = (1, 5)
"""Version of RANDR that brought monitors: what `xrandr --setmonitor` defines and what a person calls a display."""

_PROPERTY_WORDS_MAX = 1024
"""Longest property read, in 4-byte words; titles and window lists are far below."""

_VIEWABLE = 2

_FRAMES_MAX = 3
"""How many windows around a program's own one are looked through: window managers nest one or two."""


def list_displays(connection: XConnection) -> list[DisplaySource]:
    """Monitors in the server's order; the whole screen as one where RANDR is missing. Raises xcffib's exceptions."""
    if connection.has_extension("RANDR"):
        randr = connection.xcb(xcffib.randr.key)
        version = randr.QueryVersion(*_MONITORS_SINCE).reply()
        if (version.major_version, version.minor_version) >= _MONITORS_SINCE:
            monitors = randr.GetMonitors(connection.root, 1).reply().monitors
            return [_display(_atom_name(connection, monitor.name), monitor) for monitor in monitors]
    root = connection.xcb.core.GetGeometry(connection.root).reply()
    root.primary = 1
    return [_display("screen", root)]


def _display(name: str, monitor: Any) -> DisplaySource:
    return DisplaySource(
        id=name,
        name=name,
        x=monitor.x,
        y=monitor.y,
        width=monitor.width,
        height=monitor.height,
        primary=bool(monitor.primary),
    )


def list_windows(connection: XConnection) -> list[WindowSource]:
    """Windows of applications: the window manager's list, or the visible top-level windows where there is none."""
    found = []
    for window in _client_list(connection) or _top_levels(connection):
        try:
            found.append(describe_window(connection, window))
        except xcffib.xproto.WindowError:
            continue  # closed since it was listed
        except xcffib.xproto.DrawableError:
            continue
    return found


def _client_list(connection: XConnection) -> list[int]:
    data = _property(connection, connection.root, "_NET_CLIENT_LIST")
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def _top_levels(connection: XConnection) -> list[int]:
    """Visible windows on the root; of those that a window manager has framed, what is in the frame."""
    core = connection.xcb.core
    windows = []
    for window in core.QueryTree(connection.root).reply().children:
        try:
            attributes = core.GetWindowAttributes(window).reply()
            managed = _managed(connection, window)
        except xcffib.xproto.WindowError:
            continue
        if managed is not None:
            windows.append(managed)
        elif attributes.map_state == _VIEWABLE and not attributes.override_redirect:
            windows.append(window)
    return windows


def _managed(connection: XConnection, window: int) -> int | None:
    """The window itself or the one inside it that a window manager has marked as a program's (ICCCM 4.1.3.1)."""
    level = [window]
    for _ in range(_FRAMES_MAX):
        for candidate in level:
            if _property(connection, candidate, "WM_STATE"):
                return candidate
        level = [child for parent in level for child in connection.xcb.core.QueryTree(parent).reply().children]
    return None


def describe_window(connection: XConnection, window: int) -> WindowSource:
    """Title, application and place of one window. Raises xcffib's exceptions, WindowError if it is closed."""
    core = connection.xcb.core
    geometry = core.GetGeometry(window).reply()
    corner = core.TranslateCoordinates(window, connection.root, 0, 0).reply()
    title = _property(connection, window, "_NET_WM_NAME") or _property(connection, window, "WM_NAME")
    # WM_CLASS is the instance's name and the application's, each ended by a zero (ICCCM 4.1.2.5).
    names = _property(connection, window, "WM_CLASS").split(b"\0")
    return WindowSource(
        id=hex(window),
        title=title.decode(errors="replace"),
        app=(names[1] if len(names) > 1 else names[0]).decode(errors="replace"),
        x=corner.dst_x,
        y=corner.dst_y,
        width=geometry.width,
        height=geometry.height,
    )


def _property(connection: XConnection, window: int, name: str) -> bytes:
    core = connection.xcb.core
    atom = core.InternAtom(False, len(name), name).reply().atom  # noqa: FBT003 - field of the request
    reply = core.GetProperty(False, window, atom, 0, 0, _PROPERTY_WORDS_MAX).reply()  # noqa: FBT003
    return bytes(reply.value.buf())


def _atom_name(connection: XConnection, atom: int) -> str:
    return bytes(connection.xcb.core.GetAtomName(atom).reply().name.buf()).decode(errors="replace")
