from collections.abc import Iterator

import pytest

from reeld.capture import x11_motion
from reeld.capture.x11_motion import PointerAt, PointerMotion
from reeld.capture.x11_wire import XConnection
from tests.daemon.capture.canvas import GREEN, Canvas
from tests.daemon.capture.pointing import Hand
from tests.support.desk import VirtualDesk
from tests.support.wait import until


@pytest.fixture
def connection(at_x_desk: VirtualDesk) -> Iterator[XConnection]:
    opened = XConnection()
    yield opened
    opened.close()


def read(connection: XConnection, motion: PointerMotion) -> int:
    """Hand the arrived events on; how many there were."""
    connection.xcb.core.GetInputFocus().reply()
    count = 0
    while (event := connection.xcb.poll_for_event()) is not None:
        motion.note(event)
        count += 1
    return count


def test_a_thousand_motions_between_two_looks_are_few_events(connection: XConnection) -> None:
    """Harm: a mouse of 1000 Hz keeps the recorder busy reading events."""
    motion = PointerMotion(connection)
    with Hand() as hand:
        hand.move(10, 10)
        motion.take()
        assert motion.changed_ns() is None
        hand.move(11, 11)
        assert read(connection, motion) == 1
        assert motion.changed_ns() is not None
        connection.xcb.core.GetInputFocus().reply()
        for step in range(1000):
            hand.move(100 + step, 100, settle=False)
        hand.settle()
        assert read(connection, motion) == 0
        assert motion.take() == PointerAt(1099, 100, 0)
        assert motion.changed_ns() is None


def test_every_direction_is_noticed(connection: XConnection) -> None:
    """Harm: the event of a purely vertical motion cannot be parsed and ends the recording."""
    motion = PointerMotion(connection)
    with Hand() as hand:
        hand.move(10, 10)
        for x, y in ((30, 10), (30, 40), (31, 41), (0, 0), (3839, 1079)):
            motion.take()
            hand.move(x, y)
            assert read(connection, motion)
            assert motion.changed_ns() is not None
            at = motion.take()
            assert at is not None
            assert at[:2] == (x, y)


def test_motion_before_a_look_is_not_reported_after_it(connection: XConnection) -> None:
    """Harm: each motion costs a second grab, in which nothing has changed."""
    motion = PointerMotion(connection)
    with Hand() as hand:
        motion.take()
        hand.move(50, 60)
        motion.take()
        hand.settle()
        assert read(connection, motion) == 1
        assert motion.changed_ns() is None


def test_what_lies_beneath_is_told(connection: XConnection) -> None:
    """Harm: a pointer over another window is drawn into the recording of the one below."""
    with Canvas(300, 300, 100, 100, GREEN) as canvas, Hand() as hand:
        hand.move(350, 350)
        assert PointerMotion(connection).take() == PointerAt(350, 350, int(canvas.id, 16))


def test_a_pointer_set_by_a_program_is_noticed_by_whoever_asks(
    connection: XConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: the pointer is seen where it was for as long as nothing else moves."""
    monkeypatch.setattr(x11_motion, "LOOK_NS", 10_000_000)
    motion = PointerMotion(connection)
    with Hand() as hand:
        hand.move(10, 10)
        motion.take()
        hand.warp(500, 500)
        until(motion.changed_ns, 5, what="the look")
        at = motion.take()
        assert at is not None
        assert at[:2] == (500, 500)
        assert motion.changed_ns() is None


@pytest.mark.parametrize("missing", [True, False])
def test_without_the_extension_or_with_an_old_one_it_looks(
    missing: bool, connection: XConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: on an old server the pointer is never drawn again, or nothing can be recorded."""
    monkeypatch.setattr(x11_motion, "LOOK_NS", 10_000_000)
    if missing:
        monkeypatch.setattr(connection, "has_extension", lambda _name: False)
    else:
        # XInput 1 does not know the request; this number no version knows.
        monkeypatch.setattr(x11_motion, "_OPCODE_QUERY_VERSION", 200)
    motion = PointerMotion(connection)
    with Hand() as hand:
        hand.move(10, 10)
        motion.take()
        hand.move(20, 20)
        assert read(connection, motion) == 0
        until(motion.changed_ns, 5, what="the look")
