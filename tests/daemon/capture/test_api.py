"""The contract of FrameSource, over every implementation and over the fake that other tests use."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from reeld.capture.api import FrameSource, Rect
from reeld.capture.fed_source import FedSource
from reeld.capture.mss_source import MssSource
from reeld.capture.waiting import wait_changed
from reeld.capture.x11 import X11Source
from reeld.capture.x11_place import FixedPlace
from reeld.capture.x11_wanted import WantedWindow
from reeld.capture.x11_window import X11WindowSource
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.canvas import BLACK, BLUE, GREEN, RED, Canvas
from tests.daemon.capture.easel import Easel
from tests.daemon.capture.fake_source import FakeSource
from tests.support.desk import VirtualDesk

PLACE = Rect(2100, 100, 320, 200)
"""On the right monitor: an origin that is not zero."""


@dataclass
class Stage:
    """A source and a way to draw on what it shows. signals: it waits for changes and does not just compare."""

    source: FrameSource
    paint: Callable[[int, Rect | None], None]
    signals: bool
    picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"

    def update(self, *, full: bool = False) -> list[Rect]:
        """Grab and keep the picture up to date; what changed."""
        grab = self.source.grab(full=full)
        for band in grab.bands:
            assert band.pixels.shape == (band.rect.height, band.rect.width, 4)
            self.picture[band.rect.y : band.rect.bottom, band.rect.x : band.rect.right] = band.pixels
        return [band.rect for band in grab.bands]


@pytest.fixture(params=["damage", "compare", "window", "mss", "fake", "fed"])
def stage(request: pytest.FixtureRequest, at_x_desk: VirtualDesk) -> Iterator[Stage]:
    picture = np.zeros((PLACE.height, PLACE.width, 4), np.uint8)
    if request.param == "fake":
        fake = FakeSource(PLACE.width, PLACE.height)
        fake.open()
        yield Stage(fake, fake.paint, True, picture)
        fake.close()
        fake.dispose()
        return
    if request.param == "fed":
        easel = Easel(PLACE.width, PLACE.height)
        fed = FedSource("easel", easel.read, remedy="Paint.")
        fed.open()
        yield Stage(fed, easel.paint, True, picture)
        fed.close()
        return
    with Canvas(*PLACE) as canvas:
        sources: dict[str, FrameSource] = {
            "damage": X11Source(FixedPlace(PLACE)),
            "compare": X11Source(FixedPlace(PLACE), use_damage=False),
            "window": X11WindowSource(WantedWindow(canvas.id)),
            "mss": MssSource(PLACE),
        }
        source = sources[request.param]
        source.open()

        def paint(colour: int, rect: Rect | None) -> None:
            canvas.fill(colour, [(rect.x, rect.y, rect.width, rect.height)] if rect else None)

        yield Stage(source, paint, request.param in ("damage", "window"), picture)
        source.close()


@pytest.fixture
def wake() -> Iterator[tuple[int, int]]:
    """A pipe: what wakes a waiting source, and the end to write to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def colours(stage: Stage) -> set[int]:
    return {int.from_bytes(bytes(pixel), "little") for pixel in stage.picture[:, :, :3].reshape(-1, 3)[::37]}


def soon() -> int:
    return time.monotonic_ns() + 5 * NS_PER_S


def test_a_full_grab_brings_the_whole_picture(stage: Stage) -> None:
    """Harm: a session starts with a picture that is partly black."""
    stage.paint(RED, None)
    assert stage.update(full=True) == [Rect(0, 0, PLACE.width, PLACE.height)]
    assert colours(stage) == {RED}


def test_only_what_changed_is_brought(stage: Stage, wake: tuple[int, int]) -> None:
    """Harm: a blinking cursor costs a whole frame; or its neighbourhood is overwritten with something else."""
    stage.paint(GREEN, None)
    stage.update(full=True)
    before_ns = time.monotonic_ns()
    stage.paint(BLUE, Rect(20, 100, 40, 20))
    changed_ns = wait_changed(stage.source, soon(), wake[0])
    assert changed_ns is not None
    assert before_ns - 2 * NS_PER_MS <= changed_ns <= time.monotonic_ns() or not stage.signals
    changed = stage.update()
    assert changed
    assert all(rect.y > 0 for rect in changed)
    assert sum(rect.area for rect in changed) < PLACE.area
    expected = np.zeros_like(stage.picture[:, :, :3])
    expected[:] = (0, 255, 0)
    expected[100:120, 20:60] = (255, 0, 0)
    assert np.array_equal(stage.picture[:, :, :3], expected)


def test_a_still_picture_brings_nothing(stage: Stage, wake: tuple[int, int]) -> None:
    """Harm: an idle screen is encoded."""
    stage.paint(GREEN, None)
    stage.update(full=True)
    if stage.signals:
        while wait_changed(stage.source, time.monotonic_ns() + NS_PER_MS, wake[0]):
            stage.update()
        begin = time.monotonic_ns()
        assert wait_changed(stage.source, begin + 30 * NS_PER_MS, wake[0]) is None
        assert time.monotonic_ns() >= begin + 29 * NS_PER_MS
    assert stage.update() == []


def test_a_wake_up_ends_the_wait(stage: Stage, wake: tuple[int, int]) -> None:
    """Harm: an order to stop waits until something moves on the screen."""
    grabbed_ns = stage.source.grab(full=True).at_ns
    if not stage.signals:
        assert wait_changed(stage.source, soon(), wake[0]) == grabbed_ns
        return
    while wait_changed(stage.source, time.monotonic_ns() + NS_PER_MS, wake[0]):
        stage.update()
    os.write(wake[1], b"x")
    assert wait_changed(stage.source, soon(), wake[0]) is None
    assert os.read(wake[0], 10) == b"x"


def test_changes_during_a_grab_are_reported_by_the_next(stage: Stage, wake: tuple[int, int]) -> None:
    """Harm: something drawn between two grabs is lost for good."""
    stage.update(full=True)
    for step in range(20):
        stage.paint(step * 10, Rect(step * 10, step * 4, 20, 20))
        assert wait_changed(stage.source, soon(), wake[0])
        stage.update()
        assert tuple(stage.picture[step * 4 + 10, step * 10 + 10, :3]) == (step * 10, 0, 0)


def test_times_are_monotonic_and_of_the_grab(stage: Stage) -> None:
    """Harm: picture and sound are apart because a frame carries the wrong time."""
    before = time.monotonic_ns()
    first = stage.source.grab(full=True).at_ns
    second = stage.source.grab(full=False).at_ns
    assert before <= first < second <= time.monotonic_ns()


def test_a_closed_source_says_so_and_can_be_opened_again(stage: Stage, wake: tuple[int, int]) -> None:
    """Harm: using a source after its loss hangs or kills the worker."""
    stage.source.close()
    stage.source.close()
    with pytest.raises(RequestRejected) as caught:
        stage.source.grab(full=True)
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    if stage.signals:
        with pytest.raises(RequestRejected) as caught:
            wait_changed(stage.source, soon(), wake[0])
        assert caught.value.code == ErrorCode.DEVICE_FAILED
    stage.source.open()
    stage.paint(BLACK, None)
    stage.update(full=True)
    assert colours(stage) == {BLACK}
