from collections.abc import Iterator

import pytest
import xcffib.xproto as xp

from reeld.capture.x11_displays import list_displays, list_windows
from reeld.capture.x11_wire import XConnection
from reeld_proto.records import DisplaySource, WindowSource
from tests.daemon.capture.program import Program
from tests.support.desk import VirtualDesk
from tests.support.wait import until

TITLE = "Überschrift ☂"


@pytest.fixture
def connection(at_x_desk: VirtualDesk) -> Iterator[XConnection]:
    opened = XConnection()
    yield opened
    opened.close()


def make_window(connection: XConnection, x: int, y: int, width: int, height: int, *, own: bool = False) -> int:
    """A visible window with title and class; own: without decoration, like menus (override-redirect)."""
    core, screen = connection.xcb.core, connection.screen
    window: int = connection.xcb.generate_id()
    mask = xp.CW.OverrideRedirect
    core.CreateWindow(
        screen.root_depth, window, connection.root, x, y, width, height, 0, 1, screen.root_visual, mask, [int(own)]
    )
    utf8 = core.InternAtom(False, 11, "UTF8_STRING").reply().atom
    name = core.InternAtom(False, 12, "_NET_WM_NAME").reply().atom
    encoded = TITLE.encode()
    core.ChangeProperty(0, window, name, utf8, 8, len(encoded), encoded)
    core.ChangeProperty(0, window, xp.Atom.WM_CLASS, xp.Atom.STRING, 8, 13, b"editor\0Editor")
    core.MapWindow(window)
    core.GetInputFocus().reply()
    return window


def test_monitors_have_their_names_and_places(connection: XConnection) -> None:
    """Harm: `--display RIGHT` records the wrong screen."""
    left, right = list_displays(connection)
    assert left == DisplaySource(id="LEFT", name="LEFT", x=0, y=0, width=1920, height=1080, primary=left.primary)
    assert (right.id, right.x, right.y, right.width, right.height) == ("RIGHT", 1920, 0, 1920, 1080)


def test_without_monitors_the_screen_is_one_display(connection: XConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: an old or small X server has no display at all."""
    monkeypatch.setattr(connection, "has_extension", lambda _name: False)
    (screen,) = list_displays(connection)
    assert (screen.id, screen.width, screen.height, screen.primary) == ("screen", 3840, 1080, True)


def test_windows_have_title_application_and_place(connection: XConnection) -> None:
    """Harm: a person cannot tell which window to record."""
    window = make_window(connection, 300, 150, 400, 250)
    found = {source.id: source for source in list_windows(connection)}
    assert found[hex(window)] == WindowSource(
        id=hex(window), title=TITLE, app="Editor", x=300, y=150, width=400, height=250
    )


def test_menus_and_tooltips_are_not_windows(connection: XConnection) -> None:
    """Harm: the list is full of things that exist for a second."""
    window = make_window(connection, 10, 10, 50, 50, own=True)
    assert hex(window) not in {source.id for source in list_windows(connection)}


def test_the_window_managers_list_is_preferred(connection: XConnection) -> None:
    """Harm: with a window manager the frames around windows are listed, without titles."""
    window = make_window(connection, 300, 150, 400, 250)
    make_window(connection, 500, 150, 400, 250)
    core = connection.xcb.core
    atom = core.InternAtom(False, 16, "_NET_CLIENT_LIST").reply().atom
    gone = 0x7FFFFFF
    core.ChangeProperty(0, connection.root, atom, xp.Atom.WINDOW, 32, 2, [window, gone])
    try:
        assert [source.id for source in list_windows(connection)] == [hex(window)]
    finally:
        core.DeleteProperty(connection.root, atom)
        core.GetInputFocus().reply()


def test_without_a_list_the_windows_in_frames_are_found(connection: XConnection) -> None:
    """Harm: under a small window manager no window can be chosen, or its frame is taken for one."""
    core = connection.xcb.core
    state = core.InternAtom(False, 8, "WM_STATE").reply().atom
    with Program(300, 150, 400, 250, title="framed") as program, Program(10, 10, 20, 20, title="bare"):
        frame = program.frame(50, 60, 8)
        core.ChangeProperty(0, program.window, state, state, 32, 2, [1, 0])
        found = {source.title: source for source in list_windows(connection)}
        assert found["framed"].id == program.id
        assert (found["framed"].x, found["framed"].y, found["framed"].width) == (58, 68, 400)
        assert "bare" in found
        assert hex(frame) not in {source.id for source in found.values()}


def test_a_real_terminal_is_listed(connection: XConnection, at_x_desk: VirtualDesk) -> None:
    """Harm: only windows made by tests are understood."""
    process = at_x_desk.spawn("xterm", "-T", "my terminal", "-e", "cat")
    until(lambda: any(source.title == "my terminal" for source in list_windows(connection)), what="the terminal")
    assert next(source.app for source in list_windows(connection) if source.title == "my terminal") == "XTerm"
    process.terminate()
    process.wait(5)
