import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reeld.capture.api import Rect
from reeld.capture.waiting import wait_changed
from reeld.capture.x11 import X11Source
from reeld.capture.x11_place import FixedPlace
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.canvas import RED, WHITE, Canvas
from tests.support.desk import Monitor, VirtualDesk, desk_environment
from tests.support.wait import until

LEFT = Rect(0, 0, 1920, 1080)
SEGMENTS = Path("/proc/sysvipc/shm")


@pytest.fixture
def wake() -> Iterator[int]:
    ends = os.pipe()
    yield ends[0]
    for end in ends:
        os.close(end)


def shared_segments() -> set[str]:
    """Keys and ids of all System V segments of the machine."""
    with SEGMENTS.open() as file:
        return {line.split()[1] for line in file.readlines()[1:]}


def drain(source: X11Source, wake: int) -> None:
    while wait_changed(source, time.monotonic_ns() + NS_PER_MS, wake):
        source.grab(full=False)


@pytest.mark.usefixtures("at_x_desk", "no_leaks")
def test_damage_on_another_monitor_brings_no_pixels(wake: int) -> None:
    """Harm: each of two tracks pays for both monitors."""
    source = X11Source(FixedPlace(LEFT))
    source.open()
    source.grab(full=True)
    with Canvas(2000, 50, 300, 300, RED) as canvas:
        drain(source, wake)
        canvas.fill(WHITE)
        assert wait_changed(source, time.monotonic_ns() + NS_PER_S, wake)
        assert source.grab(full=False).bands == []
    source.close()


@pytest.mark.usefixtures("at_x_desk", "no_leaks")
def test_a_flood_of_small_rectangles_is_one_event(wake: int) -> None:
    """Harm: a program that draws 50,000 dots a second keeps the recorder busy reading events."""
    source = X11Source(FixedPlace(LEFT))
    source.open()
    with Canvas(0, 0, 1900, 1000) as canvas:
        source.grab(full=True)
        drain(source, wake)
        rng = np.random.default_rng(3)
        for _ in range(20):
            canvas.fill(WHITE, [(int(x), int(y), 2, 2) for x, y in rng.integers(0, 1000, (1000, 2))])
        before = time.thread_time_ns()
        assert wait_changed(source, time.monotonic_ns() + NS_PER_S, wake)
        bands = source.grab(full=False).bands
        spent_ms = (time.thread_time_ns() - before) / NS_PER_MS
        assert 0 < len(bands) < 40
        assert not wait_changed(source, time.monotonic_ns() + 5 * NS_PER_MS, wake)
        # 20,000 events of 10 us each would be 200 ms.
        assert spent_ms < 100
    source.close()


@pytest.mark.usefixtures("at_x_desk", "no_leaks")
def test_no_shared_memory_is_left_behind_or_even_kept_by_name() -> None:
    """Harm: every kill -9 of the worker leaks a screen's worth of memory until the next reboot."""
    before = shared_segments()
    source = X11Source(FixedPlace(LEFT))
    source.open()
    source.grab(full=True)
    # Linux lists a segment that is marked for removal until the last process detaches; "dest" is its mode bit 01000.
    with SEGMENTS.open() as file:
        rows = [line.split() for line in file.readlines()[1:]]
    ours = [row for row in rows if row[1] not in before]
    assert all(int(row[2], 8) & 0o1000 for row in ours)
    source.close()
    until(lambda: shared_segments() <= before, what="the server's detaching")


@pytest.mark.usefixtures("at_x_desk")
def test_a_rectangle_outside_of_the_screen_is_refused() -> None:
    """Harm: a monitor that was unplugged is recorded as an endless series of faults."""
    source = X11Source(FixedPlace(Rect(3000, 0, 1920, 1080)))
    with pytest.raises(RequestRejected) as caught:
        source.open()
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    assert "monitors have changed" in caught.value.remedy


@pytest.mark.usefixtures("no_leaks")
def test_a_server_that_dies_is_an_error_and_not_a_hang(wake: int) -> None:
    """Harm: the recorder waits forever, or spins, on a display that is gone."""
    desk = VirtualDesk(monitors=(Monitor("ONLY", 0, 0, 640, 480),))
    with desk, desk_environment(desk):
        source = X11Source(FixedPlace(Rect(0, 0, 640, 480)))
        source.open()
        source.grab(full=True)
    with pytest.raises(RequestRejected) as caught:
        wait_changed(source, time.monotonic_ns() + 5 * NS_PER_S, wake)
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    with pytest.raises(RequestRejected):
        source.grab(full=True)
    source.close()
