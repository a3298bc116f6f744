from collections.abc import Callable, Iterator

import numpy as np
import pytest
import xcffib
import xcffib.shm

from reeld.capture import x11_shm
from reeld.capture.api import Rect
from reeld.capture.x11_shm import PixelReader, SharedPixels, WirePixels, pixel_reader
from reeld.capture.x11_wire import XConnection
from tests.daemon.capture.canvas import BLUE, GREEN, RECTANGLE, RED, Canvas
from tests.support.desk import VirtualDesk

ORIGIN = Rect(500, 300, 200, 100)


@pytest.fixture
def connection(at_x_desk: VirtualDesk) -> Iterator[XConnection]:
    opened = XConnection()
    yield opened
    opened.close()


@pytest.mark.parametrize("make", [lambda c: SharedPixels(c, ORIGIN.area), WirePixels], ids=["shared", "wire"])
def test_several_parts_are_read_at_once(connection: XConnection, make: Callable[[XConnection], PixelReader]) -> None:
    """Harm: parts overwrite each other, or come from the wrong place of the screen."""
    reader = make(connection)
    with Canvas(*ORIGIN, RED) as canvas:
        canvas.fill(GREEN, [(20, 10, 30, 20)])
        canvas.fill(BLUE, [(150, 60, 50, 40)])
        bands = reader.read(ORIGIN, [Rect(20, 10, 30, 20), Rect(150, 60, 50, 40), Rect(0, 0, 10, 10)])
        found = [{tuple(pixel) for pixel in band.pixels[:, :, :3].reshape(-1, 3).tolist()} for band in bands]
    assert found == [{(0, 255, 0)}, {(255, 0, 0)}, {(0, 0, 255)}]
    assert [band.pixels.shape for band in bands] == [(20, 30, 4), (40, 50, 4), (10, 10, 4)]
    reader.close()
    reader.close()


@pytest.mark.parametrize("make", [lambda c: SharedPixels(c, ORIGIN.area), WirePixels], ids=["shared", "wire"])
def test_a_pixmap_is_read_instead_of_the_screen(
    connection: XConnection, make: Callable[[XConnection], PixelReader]
) -> None:
    """Harm: a window's pixels are taken from what happens to be at the screen's corner."""
    reader = make(connection)
    pixmap, gc = connection.xcb.generate_id(), connection.xcb.generate_id()
    connection.xcb.core.CreatePixmap(24, pixmap, connection.root, 50, 40)
    connection.xcb.core.CreateGC(gc, pixmap, 4, [BLUE])
    connection.xcb.core.PolyFillRectangle(pixmap, gc, 1, [RECTANGLE.synthetic(0, 0, 50, 40)])
    (band,) = reader.read(Rect(5, 5, 40, 30), [Rect(2, 4, 30, 20)], pixmap)
    assert {tuple(pixel) for pixel in band.pixels[:, :, :3].reshape(-1, 3).tolist()} == {(255, 0, 0)}
    with pytest.raises(xcffib.XcffibException):
        reader.read(Rect(25, 5, 40, 30), [Rect(0, 0, 40, 30)], pixmap)
    reader.close()


def test_a_server_on_this_machine_shares_memory(connection: XConnection) -> None:
    """Harm: every frame takes the slow way and nobody notices."""
    reader = pixel_reader(connection, 100)
    assert isinstance(reader, SharedPixels)
    reader.close()


def test_a_server_that_cannot_see_our_memory_is_read_by_wire(
    connection: XConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: nothing is recorded from a server in another container. Its segment's number is wrong here too."""
    create = SharedPixels._create
    monkeypatch.setattr(SharedPixels, "_create", lambda self, size: create(self, size) + 100_000)
    reader = pixel_reader(connection, 100)
    assert isinstance(reader, WirePixels)
    assert reader.read(Rect(0, 0, 10, 10), [Rect(0, 0, 10, 10)])[0].pixels.shape == (10, 10, 4)


def test_without_room_for_shared_memory_the_wire_is_used(
    connection: XConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: a limit of the system (kernel.shmmax) prevents recording."""

    def refuse(self: SharedPixels, size: int) -> int:
        raise OSError(28, "no space")

    monkeypatch.setattr(SharedPixels, "_create", refuse)
    assert isinstance(pixel_reader(connection, 100), WirePixels)


def test_without_the_extension_the_wire_is_used(connection: XConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: a server without MIT-SHM cannot be recorded."""
    monkeypatch.setattr(connection, "has_extension", lambda _name: False)
    assert isinstance(x11_shm.pixel_reader(connection, 100), WirePixels)


def test_reading_outside_of_the_screen_is_an_error_of_the_server(connection: XConnection) -> None:
    """Harm: after a monitor became smaller the recording shows old pixels as if they were new."""
    reader = SharedPixels(connection, 100)
    with pytest.raises(xcffib.XcffibException):
        reader.read(Rect(3835, 1070, 10, 10), [Rect(0, 0, 10, 10)])
    reader.close()


def test_shared_pixels_cannot_be_written(connection: XConnection) -> None:
    """Harm: a bug of ours draws into the memory the server writes to."""
    reader = SharedPixels(connection, 100)
    pixels = reader.read(Rect(0, 0, 10, 10), [Rect(0, 0, 10, 10)])[0].pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = np.uint8(1)
    reader.close()
