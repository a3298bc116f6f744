"""What a source does with a thread of its own that is slow, dies, hangs or changes its mind; the contract: test_api."""

import select
import threading
import time
from collections.abc import Callable, Generator, Iterator

import numpy as np
import pytest

from reeld.capture import fed_source
from reeld.capture.api import Pixels, Rect, Size
from reeld.capture.fed_source import FedSource, Read
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.units import NS_PER_MS
from tests.daemon.capture.easel import Easel
from tests.support.wait import until

Pictures = Generator[tuple[int, Pixels], None, None]


def grey(level: int, width: int = 64, height: int = 128) -> Pixels:
    return np.full((height, width, 4), level, np.uint8)


@pytest.fixture
def opened(no_leaks: None) -> Iterator[Callable[..., FedSource]]:
    """Opens a source of what is read, and closes it; nothing may be left of it."""
    made: list[FedSource] = []

    def make(read: Read, silent_ns: int | None = None) -> FedSource:
        made.append(FedSource("easel", read, remedy="Paint.", silent_ns=silent_ns))
        made[0].open()
        return made[0]

    yield make
    for source in made:
        source.close()


def readable(source: FedSource, timeout_s: float = 2.0) -> bool:
    return bool(select.select(source.filenos(), [], [], timeout_s)[0])


def test_only_the_newest_picture_is_kept_and_the_others_are_counted(opened: Callable[..., FedSource]) -> None:
    """Harm: while nobody looks, raw pictures fill the memory; or the picture is seconds old."""
    easel = Easel(64, 128)
    source = opened(easel.read)
    source.grab(full=True)
    before_ns = time.monotonic_ns()
    easel.paint(1)
    first_ns = time.monotonic_ns()
    for level in range(2, 6):
        easel.paint(level)
    assert source.statistics().depth == 1
    changed_ns = source.changed_ns()
    assert changed_ns is not None
    assert before_ns <= changed_ns <= first_ns, "the pause before a frame is counted from the first change"
    [band] = source.grab(full=False).bands
    assert band.pixels[0, 0, 0] == 5
    assert source.changed_ns() is None
    counted = source.statistics()
    assert (counted.dropped, counted.depth, counted.limit, counted.overflow) == (4, 0, 1, "drop")
    source.close()
    assert source.statistics().dropped == 4


def test_an_unwatched_source_does_not_fill_its_pipe(opened: Callable[..., FedSource]) -> None:
    """Harm: after 65,536 pictures in a pause the thread hangs in its signal; or a look at the statistics eats it."""

    def read(stopped: threading.Event) -> Pictures:
        picture = grey(1, 2, 2)
        for _ in range(66_000):
            yield 0, picture

    source = opened(read)
    until(lambda: source.statistics().dropped == 65_999, 20, what="all pictures put")
    assert readable(source)
    assert source.changed_ns() == 0
    assert not readable(source, 0)


def test_an_equal_picture_brings_nothing(opened: Callable[..., FedSource]) -> None:
    """Harm: a film's still title is encoded thirty times a second."""
    easel = Easel(64, 128)
    source = opened(easel.read)
    source.grab(full=True)
    easel.paint(0)
    assert readable(source)
    assert source.changed_ns() is not None
    assert source.grab(full=False).bands == []
    easel.paint(9, Rect(0, 70, 64, 2))
    assert [band.rect for band in source.grab(full=False).bands] == [Rect(0, 64, 64, 64)]


def test_another_size_is_a_full_picture(opened: Callable[..., FedSource]) -> None:
    """Harm: a phone that is turned round ends the recording."""
    more = threading.Event()

    def read(stopped: threading.Event) -> Pictures:
        yield 1, grey(1)
        more.wait()
        yield 2, grey(1, 128, 64)

    source = opened(read)
    assert source.size == Size(64, 128)
    source.grab(full=True)
    assert source.changed_ns() is None
    more.set()
    assert readable(source)
    assert source.size == Size(64, 128)
    assert [band.rect for band in source.grab(full=False).bands] == [Rect(0, 0, 128, 64)]
    assert source.size == Size(128, 64)


def test_the_end_keeps_the_last_picture(opened: Callable[..., FedSource]) -> None:
    """Harm: a recording of a file stops with the file, or shows black."""

    def read(stopped: threading.Event) -> Pictures:
        yield 1, grey(7)

    source = opened(read)
    source.grab(full=True)
    assert source.changed_ns() is None
    assert source.grab(full=False).bands == []
    [band] = source.grab(full=True).bands
    assert band.pixels[5, 5, 0] == 7


def test_a_loss_is_told_after_the_last_picture_was_fetched(
    opened: Callable[..., FedSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: a camera is unplugged and its cell freezes without a word; or its last picture is lost."""
    monkeypatch.setattr(fed_source, "AGAIN_S", 5)

    def read(stopped: threading.Event) -> Pictures:
        yield 1, grey(7)
        raise RequestRejected("unplugged", code=ErrorCode.DEVICE_FAILED, remedy="Plug.")

    source = opened(read)
    assert readable(source)
    assert source.changed_ns() == 1
    source.grab(full=True)
    for ask in (source.changed_ns, lambda: source.grab(full=False)):
        until(lambda: source._box is not None and source._box.failure is not None, 2, what="the loss noticed")
        with pytest.raises(RequestRejected, match="unplugged"):
            ask()
    source.close()
    source.open()
    assert source.changed_ns() == 1


def test_what_cannot_be_opened_says_why(no_leaks: None) -> None:
    def absent(stopped: threading.Event) -> Pictures:
        yield from ()
        raise RequestRejected("no such camera", code=ErrorCode.DEVICE_FAILED, remedy="Plug.")

    def empty(stopped: threading.Event) -> Pictures:
        yield from ()

    def broken(stopped: threading.Event) -> Pictures:
        yield from ()
        raise ZeroDivisionError

    for read, message in ((absent, "no such camera"), (empty, "easel has no picture")):
        with pytest.raises(RequestRejected, match=message) as caught:
            FedSource("easel", read, remedy="Paint.").open()
        assert caught.value.code is ErrorCode.DEVICE_FAILED
        assert caught.value.remedy
    with pytest.raises(InternalError, match="ZeroDivisionError"):
        FedSource("easel", broken, remedy="Paint.").open()


class Hanging:
    """A device whose first opening does not come back before `wake` is set; then it shows 66, and later openings 7."""

    def __init__(self, *, first_picture: bool = False) -> None:
        self.wake = threading.Event()
        self.openings = 0
        self._first_picture = first_picture

    def read(self, stopped: threading.Event) -> Pictures:
        self.openings += 1
        if self.openings == 1:
            if self._first_picture:
                yield 1, grey(1)
            self.wake.wait()
            yield 2, grey(66)
        else:
            yield 3, grey(7)
        while not stopped.wait(0.005):
            yield 4, grey(66 if self.openings == 1 else 7)


def readers() -> int:
    return sum(one.name == "read easel" for one in threading.enumerate())


def level(source: FedSource) -> int:
    [band] = source.grab(full=True).bands
    return int(band.pixels[0, 0, 0])


def test_an_opening_that_takes_long_goes_on_in_the_background(monkeypatch: pytest.MonkeyPatch, no_leaks: None) -> None:
    """Harm: a camera that warms up for longer than it is waited for never opens, or each attempt stops the others."""
    monkeypatch.setattr(fed_source, "OPEN_S", 0.05)
    device = Hanging()
    source = FedSource("easel", device.read, remedy="Paint.")
    with pytest.raises(RequestRejected, match=r"gave no picture within 0\.05 s") as caught:
        source.open()
    assert caught.value.remedy == "Paint."
    with pytest.raises(RequestRejected, match="is not open"):
        source.filenos()
    monkeypatch.setattr(fed_source, "OPEN_S", 60)
    monkeypatch.setattr(fed_source, "AGAIN_S", 0.001)
    for _ in range(3):
        with pytest.raises(RequestRejected, match="gave no picture within"):
            source.open()
        source.close()
    assert readers() == device.openings == 1
    monkeypatch.setattr(fed_source, "AGAIN_S", 5)
    monkeypatch.setattr(fed_source, "KEEP_NS", 0)
    picture = threading.Timer(0.05, device.wake.set)  # while it is waited for
    picture.start()
    source.open()
    picture.join()
    assert level(source) == 66
    assert device.openings == 1
    source.close()


def test_an_opening_that_nobody_waits_for_any_more_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """Harm: after a session the camera's light stays on."""
    monkeypatch.setattr(fed_source, "OPEN_S", 0.05)
    monkeypatch.setattr(fed_source, "KEEP_NS", 0)
    device = Hanging()
    source = FedSource("easel", device.read, remedy="Paint.")
    with pytest.raises(RequestRejected):
        source.open()
    source.close()
    device.wake.set()
    until(lambda: readers() == 0, 2, what="the thread given up")
    source.open()
    assert level(source) == 7
    source.close()


def test_a_device_that_hangs_is_left_behind_and_cannot_disturb_the_next_opening(
    monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """Harm: a driver that does not come back hangs the worker; its threads pile up; or it writes into others' pipes."""
    monkeypatch.setattr(fed_source, "CLOSE_S", 0.05)
    device = Hanging(first_picture=True)
    source = FedSource("easel", device.read, remedy="Paint.")
    source.open()
    source.grab(full=True)
    assert source.changed_ns() is None
    source.close()
    for _ in range(3):
        with pytest.raises(RequestRejected, match="has not come back from its last use"):
            source.open()
    assert readers() == device.openings == 1
    easel = Easel(64, 128)
    other = FedSource("other", easel.read, remedy="Paint.")  # has the descriptors that the first one had
    other.open()
    other.grab(full=True)
    assert other.changed_ns() is None
    device.wake.set()
    until(lambda: readers() == 0, 2, what="the thread left behind gone")
    assert not readable(other, 0)
    other.close()
    source.open()
    assert level(source) == 7
    source.close()


def test_a_lost_source_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, no_leaks: None) -> None:
    """Harm: while an unplugged camera is looked for, the recording of the screens beside it stands still."""
    monkeypatch.setattr(fed_source, "OPEN_S", 60)
    back = threading.Event()
    openings: list[int] = []

    def read(stopped: threading.Event) -> Pictures:
        openings.append(1)
        if len(openings) > 1:
            back.wait()
        yield 1, grey(len(openings))
        if len(openings) == 1:
            raise RequestRejected("unplugged", code=ErrorCode.DEVICE_FAILED)
        stopped.wait()

    source = FedSource("easel", read, remedy="Paint.")
    source.open()
    source.grab(full=True)
    with pytest.raises(RequestRejected, match="unplugged"):
        until(lambda: source.changed_ns() is not None, 2, what="the loss told")
    source.close()
    begin = time.monotonic()
    with pytest.raises(RequestRejected, match="gave no picture"):
        source.open()
    assert time.monotonic() - begin < 2
    back.set()
    monkeypatch.setattr(fed_source, "AGAIN_S", 5)
    source.open()
    assert level(source) == 2
    source.close()


def test_silence_is_a_loss_only_where_pictures_must_come(opened: Callable[..., FedSource]) -> None:
    """Harm: a camera that hangs is recorded as a still picture; or a still file is taken for lost."""
    easel = Easel(64, 128)
    source = opened(easel.read, silent_ns=30 * NS_PER_MS)
    source.grab(full=True)

    with pytest.raises(RequestRejected, match=r"has given no picture for 0\.03 s") as caught:
        until(lambda: source.changed_ns() is not None, 2, what="the silence noticed")
    assert caught.value.code is ErrorCode.DEVICE_FAILED
    easel.paint(1)
    assert source.changed_ns() is not None
