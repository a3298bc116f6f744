"""The contract of FrameSource over sources that move by themselves: pattern, file, camera.

They show the test pattern, so each picture tells which one it is. What can be painted on is in test_api.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from reeld.capture.api import FrameSource, Grab, Rect
from reeld.capture.camera import CameraFeed
from reeld.capture.file_source import FileFeed
from reeld.capture.pattern_source import PatternSource, read_counter
from reeld.capture.waiting import wait_changed
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.videos import SIZE, LiveStream, pattern_pictures, write_video

FPS = 50


@dataclass
class Viewer:
    """Follows a source as a recorder does: waits, grabs, patches. signals: it tells when it has changed."""

    source: FrameSource
    signals: bool
    wake: tuple[int, int]
    picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]" = field(
        default_factory=lambda: np.zeros((SIZE.height, SIZE.width, 4), np.uint8)
    )

    def update(self, *, full: bool = False) -> Grab:
        grab = self.source.grab(full=full)
        for band in grab.bands:
            assert band.pixels.shape == (band.rect.height, band.rect.width, 4)
            assert band.rect.x % 2 == band.rect.y % 2 == 0
            self.picture[band.rect.y : band.rect.bottom, band.rect.x : band.rect.right] = band.pixels
        return grab

    def next(self) -> int:
        """Wait for the next picture; its number."""
        while True:
            assert wait_changed(self.source, time.monotonic_ns() + 5 * NS_PER_S, self.wake[0]) is not None
            if self.update().bands:
                number = read_counter(self.picture)
                assert number is not None
                return number


@pytest.fixture(params=["pattern", "file", "looped file", "camera"])
def viewer(request: pytest.FixtureRequest, tmp_path: Path, no_leaks: None) -> Iterator[Viewer]:
    with contextlib.ExitStack() as stack:
        source: FrameSource
        if request.param == "pattern":
            source = PatternSource(SIZE, FPS)
        elif request.param == "camera":
            live = stack.enter_context(LiveStream(tmp_path, fps=FPS))
            source = CameraFeed("/dev/video0", SIZE, FPS, open_device=live.open)
        else:
            video = write_video(tmp_path / "pattern.mkv", pattern_pictures(150), fps=FPS)
            source = FileFeed(video, loop=request.param == "looped file")
        ends = os.pipe()
        for end in ends:
            stack.callback(os.close, end)
        stack.callback(source.close)
        source.open()
        yield Viewer(source, request.param != "pattern", ends)


def test_the_first_picture_is_there_when_it_is_open(viewer: Viewer) -> None:
    """Harm: a session starts with a black cell, or its size is not known."""
    assert viewer.source.size == SIZE
    assert [band.rect for band in viewer.update(full=True).bands] == [Rect(0, 0, *SIZE)]
    number = read_counter(viewer.picture)
    assert number is not None
    assert number < FPS


def test_what_is_patched_together_is_what_a_full_picture_shows(viewer: Viewer) -> None:
    """Harm: a part that changed is not brought, and an old picture shines through."""
    viewer.update(full=True)
    numbers = [viewer.next() for _ in range(12)]
    assert numbers == sorted(set(numbers))
    for _ in range(20):
        number, patched = viewer.next(), viewer.picture.copy()
        viewer.update(full=True)
        if read_counter(viewer.picture) == number:
            assert np.array_equal(patched, viewer.picture)
            return
    pytest.fail("no picture stayed long enough to be compared")


def test_pictures_come_at_their_own_rate(viewer: Viewer) -> None:
    """Harm: a film runs too fast, too slow, or falls behind."""
    viewer.update(full=True)
    wrong_ns = []
    for _ in range(3):  # a busy machine may fetch a picture late, but not three times
        first, begin_ns = viewer.next(), time.monotonic_ns()
        while (number := viewer.next()) < first + 20:
            pass
        wrong_ns.append(abs(time.monotonic_ns() - begin_ns - (number - first) * NS_PER_S // FPS))
        if wrong_ns[-1] <= 60 * NS_PER_MS:
            return
    pytest.fail(f"off by {wrong_ns} ns")


def test_instants_are_monotonic_and_never_ahead(viewer: Viewer) -> None:
    """Harm: picture and sound are apart because a frame carries the wrong time."""
    last_ns = viewer.update(full=True).at_ns
    for _ in range(5):
        changed_ns = wait_changed(viewer.source, time.monotonic_ns() + 5 * NS_PER_S, viewer.wake[0])
        assert changed_ns is not None
        assert changed_ns <= time.monotonic_ns()
        at_ns = viewer.update().at_ns
        assert last_ns < at_ns <= time.monotonic_ns()
        last_ns = at_ns


def test_descriptors_stay_the_same_and_tell_of_changes(viewer: Viewer) -> None:
    """Harm: a recorder that registered them once sleeps for ever."""
    fds = list(viewer.source.filenos())
    assert bool(fds) is viewer.signals
    for _ in range(3):
        viewer.next()
        assert list(viewer.source.filenos()) == fds


def test_a_closed_source_says_so_and_begins_anew_when_opened(viewer: Viewer) -> None:
    """Harm: using a source after its loss hangs or kills the worker."""
    viewer.next()
    viewer.source.close()
    viewer.source.close()
    for use in (viewer.source.filenos, viewer.source.changed_ns, lambda: viewer.source.grab(full=True)):
        with pytest.raises(RequestRejected, match="not open") as caught:
            use()
        assert caught.value.code is ErrorCode.DEVICE_FAILED
        assert caught.value.remedy
    viewer.source.open()
    assert [band.rect for band in viewer.update().bands] == [Rect(0, 0, *SIZE)]
    number = read_counter(viewer.picture)
    assert number is not None
    assert number < FPS
    assert viewer.next() > number
