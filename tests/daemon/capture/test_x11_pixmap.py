from collections.abc import Iterator

import pytest
import xcffib.xproto

from reeld.capture.api import Rect
from reeld.capture.x11_pixmap import WindowPixmap, is_shown, lineage
from reeld.capture.x11_shm import WirePixels
from reeld.capture.x11_wire import XConnection
from tests.daemon.capture.canvas import BLUE, RED, Canvas
from tests.daemon.capture.program import Program, noise
from tests.support.desk import VirtualDesk


@pytest.fixture
def connection(at_x_desk: VirtualDesk) -> Iterator[XConnection]:
    opened = XConnection()
    yield opened
    opened.close()


def pixel(connection: XConnection, drawable: int, x: int, y: int) -> list[int]:
    (band,) = WirePixels(connection).read(Rect(0, 0, 1, 1), [Rect(x, y, 1, 1)], drawable)
    return [int(value) for value in band.pixels[0, 0, :3]]


def test_the_pixmap_of_before_stays_readable_until_the_next(connection: XConnection) -> None:
    """Harm: a window that is resized while it is read is an error, or its last picture is lost when it is hidden."""
    with Program(300, 200, 200, 150, border=2) as program:
        pixmap = WindowPixmap(connection, program.window)
        first = pixmap.renew()
        assert first is not None
        assert first.inside == Rect(2, 2, 200, 150)
        program.paint(noise(200, 150))
        expected = [int(value) for value in noise(200, 150)[10, 20, :3]]
        assert pixel(connection, first.drawable, 22, 12) == expected
        program.show(False)
        assert not is_shown(connection, program.window)
        assert pixmap.renew() is None
        assert pixel(connection, first.drawable, 22, 12) == expected
        program.configure(width=300)
        program.show(True)
        second = pixmap.renew()
        assert second is not None
        assert second.inside == Rect(2, 2, 300, 150)
        with pytest.raises(xcffib.xproto.DrawableError):
            pixel(connection, first.drawable, 22, 12)


def test_only_what_lies_above_is_blackened_and_asked_for_again(connection: XConnection) -> None:
    """Harm: the windows over ours are in its first picture, or parts that were right are thrown away."""
    with Canvas(250, 150, 100, 100, BLUE), Program(300, 200, 200, 150, background=None) as program:
        program.paint(noise(200, 150))
        with Canvas(400, 300, 200, 20, RED), Canvas(700, 300, 20, 20, RED):
            program.exposed()
            shown = WindowPixmap(connection, program.window).renew()
            assert shown is not None
            for x, y, is_kept in (
                (10, 10, True),
                (99, 110, True),
                (150, 99, True),
                (150, 110, False),
                (199, 119, False),
            ):
                expected = noise(200, 150)[y, x, :3].tolist() if is_kept else [0, 0, 0]
                assert pixel(connection, shown.drawable, x, y) == expected
            program.settle()
            assert program.exposed()


def test_the_lineage_of_a_window_ends_below_the_root(connection: XConnection) -> None:
    """Harm: the events of the frame that holds the window are missed."""
    with Program(300, 200, 200, 150) as program:
        assert lineage(connection, program.window) == [program.window]
        frame = program.frame(10, 10, 5)
        assert lineage(connection, program.window) == [program.window, frame]


def test_other_programs_go_on_when_the_window_cannot_be_had(connection: XConnection) -> None:
    """Harm: the desktop stands still because the server was left to us alone."""
    with pytest.raises(xcffib.XcffibException):
        WindowPixmap(connection, 0x7FFFFFF)
    with Program(300, 200, 200, 150) as program:
        assert program.id
