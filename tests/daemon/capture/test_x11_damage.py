import time
from collections.abc import Iterator

import pytest

from reeld.capture.x11_damage import DamageWatch, _instant_of
from reeld.capture.x11_wire import XConnection
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.canvas import RED, WHITE, Canvas
from tests.support.desk import VirtualDesk
from tests.support.wait import until

NOW_NS = 12_345 * NS_PER_MS


@pytest.fixture
def canvas(at_x_desk: VirtualDesk) -> Iterator[Canvas]:
    with Canvas(100, 200, 300, 300) as drawn:
        yield drawn


class NotingWatch(DamageWatch):
    """Reads its connection's events itself: here nobody else does."""

    def changed_ns(self) -> int | None:
        while (event := self._connection.xcb.poll_for_event()) is not None:
            self.note(event)
        return super().changed_ns()


@pytest.fixture
def watch(canvas: Canvas) -> Iterator[DamageWatch]:
    connection = XConnection()
    watching = NotingWatch(connection)
    watching.take()
    yield watching
    connection.close()


def test_drawing_is_noticed_once_and_its_place_is_told(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: something drawn is not recorded, or is recorded again and again."""
    canvas.fill(WHITE, [(10, 20, 30, 40)])
    until(watch.changed_ns, what="damage")
    assert watch.take().tolist() == [[110, 220, 30, 40]]
    assert watch.changed_ns() is None
    assert watch.take().tolist() == []


def test_what_is_drawn_meanwhile_is_collected(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: of two changes within a frame one is lost."""
    canvas.fill(WHITE, [(0, 0, 10, 10)])
    until(watch.changed_ns, what="damage")
    canvas.fill(RED, [(200, 200, 10, 10)])
    assert watch.take().tolist() == [[100, 200, 10, 10], [300, 400, 10, 10]]


def test_an_event_from_before_a_take_is_not_a_new_change(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: after every full grab one more is made for nothing, and it looks late."""
    canvas.fill(WHITE)
    assert len(watch.take()) == 1
    canvas.fill(RED, [(0, 0, 10, 10)])
    changed_ns = until(watch.changed_ns, what="damage")
    assert time.monotonic_ns() - (changed_ns or 0) < 5 * NS_PER_S
    assert watch.take().tolist() == [[100, 200, 10, 10]]
    canvas.fill(RED)
    watch.take()
    assert watch.changed_ns() is None


def test_watching_goes_on_after_a_take(canvas: Canvas, watch: DamageWatch) -> None:
    """Harm: only the first change of a session is ever noticed."""
    for step in range(5):
        canvas.fill(WHITE, [(step * 10, 0, 5, 5)])
        until(watch.changed_ns, what="damage")
        assert len(watch.take()) == 1


@pytest.mark.parametrize(
    ("timestamp_ms", "expected_ns"), [(12_000, 12_000 * NS_PER_MS), (900_000, NOW_NS), (77, NOW_NS)]
)
def test_times_of_servers_with_another_clock_are_not_believed(timestamp_ms: int, expected_ns: int) -> None:
    """Harm: a remote server's clock makes every frame look hours late."""
    assert _instant_of(timestamp_ms, NOW_NS) == expected_ns
    wrapped = timestamp_ms + 2**32
    assert _instant_of(timestamp_ms, wrapped * NS_PER_MS + 5) == wrapped * NS_PER_MS + 5


def test_a_window_that_closes_is_damage(watch: DamageWatch) -> None:
    """Harm: a closed window stays in the recording until something is drawn in its place."""
    with Canvas(600, 600, 50, 50):
        until(watch.changed_ns, what="damage")
        watch.take()
    until(watch.changed_ns, what="damage")
    assert [600, 600, 50, 50] in watch.take().tolist()
