"""The model of a desktop against the server's own tree. Harm guarded against: a window where the model has none."""

from collections.abc import Iterator
from typing import Any

import pytest
import xcffib.xproto as xp

from reeld.capture.api import Rect
from reeld.capture.privacy import PrivacyRules
from reeld.capture.x11_desktop import DesktopModel
from reeld.capture.x11_wire import XConnection
from reeld_proto.privacy import PrivacyRule
from tests.daemon.capture.canvas import GREEN
from tests.daemon.capture.dancer import Dancer
from tests.daemon.capture.test_x11_privacy import Program
from tests.support.desk import Monitor, VirtualDesk, desk_environment

RULES = PrivacyRules([PrivacyRule(name="rule", app="secret", screen="LEFT")])


@pytest.fixture(scope="module")
def small_desk() -> Iterator[VirtualDesk]:
    with VirtualDesk(monitors=(Monitor("LEFT", 0, 0, 640, 480),)) as desk, desk_environment(desk):
        yield desk


@pytest.fixture
def connection(small_desk: VirtualDesk) -> Iterator[XConnection]:
    opened = XConnection()
    yield opened
    opened.close()


def drain(connection: XConnection, model: DesktopModel) -> None:
    connection.xcb.core.GetInputFocus().reply()
    while (event := connection.xcb.poll_for_event()) is not None:
        model.note(event)


def server_says(connection: XConnection) -> list[tuple[int, Rect, bool]]:
    """Children of the root, lowest first: where they are, and whether they are mapped."""
    core: Any = connection.xcb.core
    found = []
    for window in core.QueryTree(connection.root).reply().children:
        at, attributes = core.GetGeometry(window).reply(), core.GetWindowAttributes(window).reply()
        border = 2 * at.border_width
        found.append((window, Rect(at.x, at.y, at.width + border, at.height + border), attributes.map_state != 0))
    return found


def model_says(model: DesktopModel) -> list[tuple[int, Rect, bool]]:
    windows = [model.stack.get(window) for window in model.stack._order]
    return [(window.id, window.rect, window.mapped) for window in windows if window is not None]


@pytest.mark.parametrize("seed", range(3))
def test_after_whatever_programs_do_it_knows_order_places_and_what_is_mapped(
    connection: XConnection, seed: int
) -> None:
    model = DesktopModel(connection, RULES)
    dancer = Dancer(seed)
    held = [dancer.window(dancer.program, GREEN) for _ in range(4)]
    for _ in range(10):
        dancer.round()
        for window in held:
            dancer.random.choice((dancer.move, dancer.raise_, dancer.lower, dancer.hide))(window, held)
        dancer.manager.core.CirculateWindow(xp.Circulate.RaiseLowest, connection.root)
        dancer.rest()
        drain(connection, model)
        assert model_says(model) == server_says(connection)
    model.book.collect()
    assert set(model.book.clients) == set(held)
    dancer.program.disconnect()
    dancer.manager.disconnect()


def test_events_that_change_nothing_for_windows_are_told_apart(connection: XConnection) -> None:
    """Harm: every drawing on the screen costs a look at all windows."""
    model = DesktopModel(connection, RULES)
    event: Any = xp.KeymapNotifyEvent
    assert not model.note(event.synthetic([0] * 31))
    configured: Any = xp.ConfigureNotifyEvent
    root = connection.root
    assert not model.note(configured.synthetic(root, root, 0, 0, 0, 640, 480, 0, 0))


def test_monitors_are_known_only_where_a_rule_names_one(connection: XConnection) -> None:
    assert DesktopModel(connection, RULES).monitors == {"LEFT": Rect(0, 0, 640, 480)}
    assert DesktopModel(connection, PrivacyRules([PrivacyRule(name="rule", app="secret")])).monitors == {}


def test_the_server_goes_on_for_everybody_after_the_stock_was_taken(connection: XConnection) -> None:
    """Harm: the server stays grabbed, and the whole desktop stands still."""
    DesktopModel(connection, RULES)
    program = Program()
    program.show(program.window(Rect(0, 0, 10, 10), GREEN))
    program.connection.disconnect()
