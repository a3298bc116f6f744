from typing import Any

import numpy as np
import pytest
import xcffib
import xcffib.xfixes

from reeld.capture.x11_wire import XConnection, translated
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.capture.canvas import GREEN, RECTANGLE, Canvas
from tests.support.desk import VirtualDesk

CONNECTION_ERROR: Any = xcffib.ConnectionException


@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        ({}, "DISPLAY"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "X11 (Xorg) session"),
        ({"DISPLAY": ":987"}, "XAUTHORITY"),
    ],
)
def test_without_a_display_the_remedy_fits(
    environment: dict[str, str], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: a person is told to set DISPLAY in a session where that cannot help."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RequestRejected) as caught:
        XConnection()
    assert caught.value.code == ErrorCode.NO_DISPLAY
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("error", [CONNECTION_ERROR(1), xcffib.ProtocolException("x")])
def test_errors_of_the_library_are_translated(error: Exception) -> None:
    """Harm: an error of the X library crosses the package and ends the worker."""
    with pytest.raises(RequestRejected) as caught, translated("a test"):
        raise error
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    assert "a test" in str(caught.value)


def test_an_error_of_the_server_is_translated(at_x_desk: VirtualDesk) -> None:
    """Harm: a refused request looks like a bug of ours."""
    connection = XConnection()
    with pytest.raises(RequestRejected), translated("asking for a window that is not there"):
        connection.xcb.core.GetGeometry(0x7FFFFFF).reply()
    connection.close()
    connection.close()


def test_extensions_are_known(at_x_desk: VirtualDesk) -> None:
    """Harm: a missing extension is used and the connection breaks."""
    connection = XConnection()
    assert connection.has_extension("DAMAGE")
    assert not connection.has_extension("NO-SUCH-THING")
    connection.close()


def test_a_region_comes_back_as_numbers(at_x_desk: VirtualDesk) -> None:
    """Harm: negative corners (windows half off the screen) are read as huge ones."""
    connection = XConnection()
    xfixes = connection.xcb(xcffib.xfixes.key)
    xfixes.QueryVersion(5, 0).reply()
    region = connection.xcb.generate_id()
    rectangles = [RECTANGLE.synthetic(*row) for row in ((-5, -7, 10, 10), (100, 200, 3000, 2))]
    xfixes.CreateRegion(region, len(rectangles), rectangles)
    found = connection.fetch_region(xfixes, region)
    assert found.dtype == np.int32
    assert found.tolist() == [[-5, -7, 10, 10], [100, 200, 3000, 2]]
    connection.close()


def test_pixels_come_over_the_wire(at_x_desk: VirtualDesk) -> None:
    """Harm: where shared memory cannot be used there is no picture."""
    with Canvas(10, 10, 50, 50, GREEN):
        connection = XConnection()
        data = connection.get_image(connection.root, 20, 20, 3, 2)
        connection.close()
    assert len(data) == 3 * 2 * 4
    assert {data[index : index + 3] for index in range(0, len(data), 4)} == {b"\x00\xff\x00"}
