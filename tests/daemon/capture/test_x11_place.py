import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from reeld.capture.api import Rect, Size
from reeld.capture.waiting import wait_changed
from reeld.capture.x11 import X11Source
from reeld.capture.x11_place import FixedPlace, MonitorPlace, Place
from reeld.capture.x11_wire import XConnection
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.canvas import GREEN, RED, Canvas
from tests.support.desk import Monitor, VirtualDesk, desk_environment
from tests.support.monitors import remove_monitor, set_monitor, set_resolution
from tests.support.wait import until


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesk]:
    """A desk of its own, because its monitors change."""
    with VirtualDesk(monitors=(Monitor("LEFT", 0, 0, 640, 480), Monitor("RIGHT", 640, 0, 640, 480))) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _at_the_desk(desk: VirtualDesk) -> Iterator[None]:
    with desk_environment(desk):
        yield
    if "1280 x 480" not in desk.run("xrandr"):
        set_resolution(desk, 1280, 480)
    for x, name in enumerate(("LEFT", "RIGHT")):
        set_monitor(desk, name, 640 * x, 0, 640, 480)


@pytest.fixture
def wake() -> Iterator[int]:
    ends = os.pipe()
    yield ends[0]
    for end in ends:
        os.close(end)


def follow(source: X11Source, wake: int) -> bool:
    """Grab until nothing changes; whether a full picture came. While the monitor is not there, it is opened again."""
    full = False
    while wait_changed(source, time.monotonic_ns() + 20 * NS_PER_MS, wake):
        try:
            rects = [band.rect for band in source.grab(full=False).bands]
        except RequestRejected:
            until(lambda: reopened(source), what="the monitor")
            rects = [band.rect for band in source.grab(full=True).bands]
        full = full or rects == [Rect(0, 0, *source.size)]
    return full


def reopened(source: X11Source) -> bool:
    try:
        source.open()
    except RequestRejected:
        return False
    return True


def rect_of(place: Place) -> Rect:
    connection = XConnection()
    try:
        return place.rect(connection)
    finally:
        connection.close()


def test_a_monitor_is_found_by_its_name_wherever_it_is(desk: VirtualDesk) -> None:
    """Harm: after the monitors were arranged anew the wrong one is recorded."""
    assert rect_of(MonitorPlace("RIGHT")) == Rect(640, 0, 640, 480)
    set_monitor(desk, "RIGHT", 100, 80, 320, 200)
    assert rect_of(MonitorPlace("RIGHT")) == Rect(100, 80, 320, 200)


def test_a_monitor_that_reaches_beyond_the_screen_ends_there(desk: VirtualDesk) -> None:
    """Harm: while monitors change, every grab is an error of the server."""
    set_monitor(desk, "RIGHT", 1000, 300, 640, 480)
    assert rect_of(MonitorPlace("RIGHT")) == Rect(1000, 300, 280, 180)
    set_monitor(desk, "RIGHT", 1280, 0, 640, 480)
    with pytest.raises(RequestRejected, match="not on the screen"):
        rect_of(MonitorPlace("RIGHT"))


def test_a_region_that_is_not_on_the_screen_is_refused() -> None:
    """Harm: a region is recorded shifted or cut without a word."""
    assert rect_of(FixedPlace(Rect(0, 0, 1280, 480))) == Rect(0, 0, 1280, 480)
    with pytest.raises(RequestRejected, match="not on the screen") as caught:
        rect_of(FixedPlace(Rect(1, 0, 1280, 480)))
    assert caught.value.code == ErrorCode.DEVICE_FAILED


@pytest.mark.usefixtures("no_leaks")
def test_a_monitor_that_moves_or_changes_its_size_is_followed(desk: VirtualDesk, wake: int) -> None:
    """Harm: a changed resolution kills the recording, or the old part of the desktop goes on being recorded."""
    source = X11Source(MonitorPlace("RIGHT"))
    source.open()
    source.grab(full=True)
    with Canvas(100, 100, 50, 50, RED):
        for x, y, width, height in ((0, 0, 300, 201), (90, 90, 640, 380), (90, 90, 100, 100)):
            set_monitor(desk, "RIGHT", x, y, width, height)
            assert follow(source, wake)
            assert source.size == Size(width, height)
            (band,) = source.grab(full=True).bands
            expected = np.zeros((height, width, 3), np.uint8)
            expected[100 - y : 150 - y, 100 - x : 150 - x] = (0, 0, 255)
            assert np.array_equal(band.pixels[:, :, :3], expected)
    source.close()


@pytest.mark.usefixtures("no_leaks")
def test_a_change_of_the_other_monitor_changes_nothing(desk: VirtualDesk, wake: int) -> None:
    """Harm: plugging in a projector interrupts the recording of the other screen."""
    source = X11Source(MonitorPlace("LEFT"))
    source.open()
    source.grab(full=True)
    follow(source, wake)
    set_monitor(desk, "RIGHT", 700, 0, 300, 200)
    remove_monitor(desk, "RIGHT")
    assert not follow(source, wake)
    assert source.size == Size(640, 480)
    source.close()


@pytest.mark.usefixtures("no_leaks")
def test_a_removed_monitor_is_lost_and_back_when_it_is(desk: VirtualDesk, wake: int) -> None:
    """Harm: an unplugged monitor is recorded as a still picture, or its return is missed."""
    source = X11Source(MonitorPlace("RIGHT"))
    source.open()
    source.grab(full=True)
    follow(source, wake)
    remove_monitor(desk, "RIGHT")
    assert wait_changed(source, time.monotonic_ns() + 5 * NS_PER_S, wake)
    with pytest.raises(RequestRejected, match="no monitor RIGHT any more") as caught:
        source.grab(full=False)
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    source.close()
    with pytest.raises(RequestRejected, match="no monitor RIGHT"):
        source.open()
    set_monitor(desk, "RIGHT", 0, 0, 320, 200)
    source.open()
    assert [band.rect for band in source.grab(full=True).bands] == [Rect(0, 0, 320, 200)]
    source.close()


@pytest.mark.usefixtures("no_leaks")
def test_a_screen_that_shrinks_under_a_monitor_cuts_it_and_gives_it_back(desk: VirtualDesk, wake: int) -> None:
    """Harm: a resolution change that reaches the screen before the monitors ends the recording."""
    source = X11Source(MonitorPlace("RIGHT"))
    source.open()
    source.grab(full=True)
    for width, height in ((1000, 480), (800, 300), (1280, 480)):
        set_resolution(desk, width, height)
        follow(source, wake)
        assert source.size == Size(width - 640, height)
        assert [band.rect for band in source.grab(full=True).bands] == [Rect(0, 0, width - 640, height)]
    with Canvas(700, 100, 50, 50, GREEN):
        follow(source, wake)
        (band,) = source.grab(full=True).bands
        assert band.pixels[120, 80, :3].tolist() == [0, 255, 0]
    source.close()


@pytest.mark.usefixtures("no_leaks")
def test_a_changed_resolution_is_followed_without_a_loss(desk: VirtualDesk, wake: int) -> None:
    """Harm: choosing another resolution leaves a hole in the recording, or a picture of the size before."""
    remove_monitor(desk, "LEFT")
    remove_monitor(desk, "RIGHT")
    source = X11Source(MonitorPlace("screen"))
    source.open()
    source.grab(full=True)
    with Canvas(100, 100, 50, 50, GREEN):
        for width, height in ((800, 400), (501, 301), (1280, 480), (640, 480), (1280, 480)):
            set_resolution(desk, width, height)
            full = False
            while source.size != (width, height):
                assert wait_changed(source, time.monotonic_ns() + 5 * NS_PER_S, wake)
                bands = source.grab(full=False).bands
                full = full or [band.rect for band in bands] == [Rect(0, 0, *source.size)]
            assert full
            follow(source, wake)
            (band,) = source.grab(full=True).bands
            assert band.pixels.shape == (height, width, 4)
            assert band.pixels[120, 120, :3].tolist() == [0, 255, 0]
    source.close()
