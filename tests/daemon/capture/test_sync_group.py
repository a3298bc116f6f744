"""Cameras and films in step. Harm guarded against: two cameras of one event are shown at different times."""

from collections.abc import Sequence

import numpy as np
import pytest

from reeld.capture import sync_group
from reeld.capture.api import Band, Grab, Rect, Size
from reeld.capture.sync_group import SyncedSource, SyncGroup
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS

FPS = 30
INTERVAL_NS = 1_000_000_000 // FPS


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sync_group, "monotonic_ns", made)
    return made


class Reel:
    """A source whose pictures are of one grey each, and whose times are the test's."""

    def __init__(self) -> None:
        self.waiting: tuple[int, int] | None = None
        self.failure: RequestRejected | None = None
        self.shape = (8, 16)
        self.is_open = False

    def bring(self, grey: int, captured_ns: int) -> None:
        self.waiting = (grey, captured_ns)

    @property
    def size(self) -> Size:
        return Size(self.shape[1], self.shape[0])

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def filenos(self) -> Sequence[int]:
        return ()

    def changed_ns(self) -> int | None:
        if self.failure is not None:
            raise self.failure
        return None if self.waiting is None else self.waiting[1]

    def grab(self, *, full: bool) -> Grab:
        assert full
        grey = 0 if self.waiting is None else self.waiting[0]
        self.waiting = None
        pixels = np.full((*self.shape, 4), grey, np.uint8)
        return Grab(0, [Band(Rect(0, 0, *self.size), pixels)])


def grey_of(source: SyncedSource) -> int | None:
    """What a grab brings; None if nothing changed."""
    bands = source.grab(full=False).bands
    return int(bands[0].pixels[0, 0, 0]) if bands else None


def pair(group: SyncGroup) -> tuple[tuple[Reel, SyncedSource], tuple[Reel, SyncedSource]]:
    reels = Reel(), Reel()
    sources = [group.joined(reel) for reel in reels]
    for source in sources:
        source.open()
        assert source.changed_ns() is not None
        assert grey_of(source) == 0
    return (reels[0], sources[0]), (reels[1], sources[1])


def test_pictures_of_one_instant_are_shown_together(clock: Clock) -> None:
    """Harm: the film that is read faster is a frame ahead of the other."""
    (one, first), (other, second) = pair(SyncGroup(FPS))
    start_ns = clock.now_ns
    shown = [0, 0]
    for number in range(1, 40):
        clock.now_ns = start_ns + number * INTERVAL_NS
        one.bring(number, clock.now_ns)
        first.changed_ns()
        clock.now_ns += 4 * NS_PER_MS
        other.bring(number, clock.now_ns - 3 * NS_PER_MS)
        second.changed_ns()
        for place, source in enumerate((first, second)):
            grey = grey_of(source)
            shown[place] = shown[place] if grey is None else grey
        # Both show the same number, whichever came first.
        assert shown[0] == shown[1]
    assert shown[0] >= 38


def test_a_source_that_falls_silent_does_not_stop_the_other(clock: Clock) -> None:
    (one, first), (other, _) = pair(SyncGroup(FPS))
    start_ns = clock.now_ns
    shown = []
    for number in range(1, 30):
        clock.now_ns = start_ns + number * INTERVAL_NS
        one.bring(number, clock.now_ns)
        if number < 5:
            other.bring(number, clock.now_ns)
        if first.changed_ns() is not None:
            shown.append(grey_of(first))
    assert shown[-1] is not None
    assert shown[-1] >= 28
    assert len(shown) > 20


def test_a_lost_source_is_told_to_whoever_asks_it_and_to_nobody_else(clock: Clock) -> None:
    """Harm: a camera that is pulled ends the recording of the other."""
    (one, first), (other, second) = pair(SyncGroup(FPS))
    other.failure = RequestRejected("pulled", code=ErrorCode.DEVICE_FAILED)
    one.bring(7, clock.now_ns)
    first.changed_ns()
    with pytest.raises(RequestRejected, match="pulled"):
        second.changed_ns()
    with pytest.raises(RequestRejected, match="pulled"):
        second.grab(full=True)
    second.close()
    for number in range(8, 20):
        clock.now_ns += INTERVAL_NS
        one.bring(number, clock.now_ns)
        first.changed_ns()
    grey = grey_of(first)
    assert grey is not None
    assert grey >= 18
    other.failure = None
    second.open()
    assert second.changed_ns() is not None


def test_counts_are_kept_for_each_source(clock: Clock) -> None:
    group = SyncGroup(FPS)
    (one, first), (other, second) = pair(group)
    for number in range(1, 11):
        clock.now_ns += INTERVAL_NS
        one.bring(number, clock.now_ns)
        if number % 2:
            other.bring(number, clock.now_ns)
        first.changed_ns()
        second.changed_ns()
    counts = group.counts()
    assert (counts[1].received, counts[2].received) == (10, 5)
    assert counts[1].matched >= 8
    first.close()
    first.close()
    assert set(group.counts()) == {2}


def test_what_did_not_change_brings_nothing_and_a_full_grab_everything(clock: Clock) -> None:
    (one, first), _ = pair(SyncGroup(FPS))
    assert first.grab(full=False).bands == []
    assert len(first.grab(full=True).bands) == 1
    one.shape = (10, 20)
    assert first.size == (16, 8)
    first.close()
    with pytest.raises(RequestRejected, match="not open"):
        first.grab(full=True)
    first.open()
    assert first.size == (20, 10)
