from collections.abc import Iterator

import pytest

from reeld.capture.x11_damage import DamageWatch
from reeld.capture.x11_wire import XConnection
from tests.daemon.capture.canvas import RED, WHITE, Canvas
from tests.support.desk import VirtualDesk
from tests.support.wait import until


@pytest.fixture
def canvas(at_x_desk: VirtualDesk) -> Iterator[Canvas]:
    with Canvas(100, 200, 300, 300) as drawn:
        yield drawn


@pytest.fixture
def watch(canvas: Canvas) -> Iterator[DamageWatch]:
    connection = XConnection()
    watching = DamageWatch(connection)
    watching.take()
    yield watching
    connection.close()


def test_drawing_is_noticed_once_and_its_place_is_told(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: something drawn is not recorded, or is recorded again and again."""
    canvas.fill(WHITE, [(10, 20, 30, 40)])
    until(lambda: watch.pending, what="damage")
    assert watch.take().tolist() == [[110, 220, 30, 40]]
    assert not watch.pending
    assert watch.take().tolist() == []


def test_what_is_drawn_meanwhile_is_collected(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: of two changes within a frame one is lost."""
    canvas.fill(WHITE, [(0, 0, 10, 10)])
    until(lambda: watch.pending, what="damage")
    canvas.fill(RED, [(200, 200, 10, 10)])
    assert watch.take().tolist() == [[100, 200, 10, 10], [300, 400, 10, 10]]


def test_watching_goes_on_after_a_take(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: only the first change of a session is ever noticed."""
    for step in range(5):
        canvas.fill(WHITE, [(step * 10, 0, 5, 5)])
        until(lambda: watch.pending, what="damage")
        assert len(watch.take()) == 1


def test_a_window_that_closes_is_damage(watch: DamageWatch) -> None:
    """Harm: a closed window stays in the recording until something is drawn in its place."""
    with Canvas(600, 600, 50, 50):
        until(lambda: watch.pending, what="damage")
        watch.take()
    until(lambda: watch.pending, what="damage")
    assert [600, 600, 50, 50] in watch.take().tolist()
