"""Playing a recording in its own time; what it shares with other moving sources is in test_moving."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from reeld.capture import file_source
from reeld.capture.api import Size
from reeld.capture.decoding import BgraConverter, decoded
from reeld.capture.file_source import FileFeed, video_size
from reeld.capture.pattern_source import read_counter
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.videos import pattern_pictures, write_video
from tests.support.wait import until


class Stopped(threading.Event):
    """The wait of a machine that is always in time."""

    def __init__(self, clock: "Clock") -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now_ns += round((timeout or 0) * NS_PER_S)
        return self.is_set()


class Clock:
    """Stands in for `time` where files are played. decode_ns, convert_ns: what these take of a picture."""

    def __init__(self) -> None:
        self.now_ns = 70 * NS_PER_S
        self.decode_ns = self.convert_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def decoded(self, *arguments: Any, **named: Any) -> Iterator[Any]:
        for frame in decoded(*arguments, **named):
            self.now_ns += self.decode_ns
            yield frame

    def converter(self) -> Callable[[Any], Any]:
        def convert(frame: Any) -> Any:
            self.now_ns += self.convert_ns
            return BgraConverter()(frame)

        return convert

    def play(self, path: Path, *, loop: bool = False) -> Iterator[tuple[int | None, int, int]]:
        """Of each picture: its number, when it was due since the beginning, how late it came, in nanoseconds."""
        begin_ns = self.now_ns
        for due_ns, pixels in file_source._play(path, loop, Stopped(self)):
            assert due_ns <= self.now_ns, "shown too early"
            yield read_counter(pixels), due_ns - begin_ns, self.now_ns - due_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(file_source, "time", made)
    monkeypatch.setattr(file_source, "BgraConverter", made.converter)
    monkeypatch.setattr(file_source, "decoded", made.decoded)
    return made


def frames(count: int, fps: int = 50) -> Any:
    return pytest.approx(count * NS_PER_S / fps, abs=NS_PER_MS)


def test_each_picture_has_its_own_instant(clock: Clock, tmp_path: Path) -> None:
    """Harm: a film of changing rate is played at an even one and runs away from its sound."""
    times = [0, 1, 2, 6, 7, 12]
    path = write_video(tmp_path / "uneven.mkv", pattern_pictures(6), fps=50, times=times)
    shown = list(clock.play(path))
    assert shown == [(number, frames(at), 0) for number, at in enumerate(times)]


def test_a_loop_goes_on_in_time(clock: Clock, tmp_path: Path) -> None:
    """Harm: at the seam a picture is missing, twice there, or the clock begins to wander."""
    path = write_video(tmp_path / "loop.mkv", pattern_pictures(5), fps=50)
    shown = list(itertools.islice(clock.play(path, loop=True), 53))
    assert shown == [(index % 5, frames(index), 0) for index in range(53)]


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_what_cameras_and_recorders_write_can_be_played(clock: Clock, tmp_path: Path, codec: str) -> None:
    """Harm: only files of the tests' own making can be played."""
    path = write_video(tmp_path / "video.mkv", pattern_pictures(6, Size(640, 360)), fps=50, codec=codec)
    assert list(clock.play(path)) == [(index, frames(index), 0) for index in range(6)]


def test_a_machine_that_is_too_slow_loses_pictures_and_not_time(clock: Clock, tmp_path: Path) -> None:
    """Harm: a film is shown later and later, until its picture is minutes behind the screen beside it."""
    path = write_video(tmp_path / "fast.mkv", pattern_pictures(60), fps=50)
    clock.convert_ns = 60 * NS_PER_MS
    shown = list(clock.play(path))
    assert max(late_ns for _, _, late_ns in shown[:-1]) <= file_source.LATE_NS + clock.convert_ns
    assert shown[-1][0] == 59, "the last picture stays, so it is shown however late it is"
    assert 18 <= len(shown) <= 30
    assert all(due_ns == frames(number or 0) for number, due_ns, _ in shown)


def test_a_machine_that_is_far_too_slow_shows_something_all_the_same(clock: Clock, tmp_path: Path) -> None:
    """Harm: a film that cannot be decoded in time is never seen."""
    path = write_video(tmp_path / "fast.mkv", pattern_pictures(200), fps=50)
    clock.decode_ns = 30 * NS_PER_MS
    shown = list(clock.play(path))
    seen_ns = [due_ns + late_ns for _, due_ns, late_ns in shown]
    pauses_ns = [later - earlier for earlier, later in itertools.pairwise(seen_ns)]
    assert max(pauses_ns) <= file_source.SHOWN_NS + clock.decode_ns
    assert seen_ns[-1] >= 190 * clock.decode_ns - file_source.SHOWN_NS


def test_instants_never_go_back_and_missing_ones_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: a damaged file makes the player wait for a picture for hours, or run away."""
    path = write_video(tmp_path / "odd.mkv", pattern_pictures(1))
    stamps = [40, 42, 41, None, None, 60]
    odd = [SimpleNamespace(pts=pts, time_base=Fraction(1, 100)) for pts in stamps]
    monkeypatch.setattr(file_source, "decoded", lambda *_, **__: iter(odd))
    at_ms = [at_ns // NS_PER_MS for at_ns, _, _ in file_source._frames(path, "odd")]
    assert at_ms == [0, 20, 20, 40, 60, 200]


def test_the_last_picture_stays(tmp_path: Path, no_leaks: None) -> None:
    """Harm: at the end of the file its cell turns black, or counts as lost."""
    source = FileFeed(write_video(tmp_path / "short.mkv", pattern_pictures(4), fps=50))
    source.open()
    until(lambda: not any(one.name.startswith("read file") for one in threading.enumerate()), 5, what="the file's end")
    assert read_counter(source.grab(full=True).bands[0].pixels) == 3
    assert source.changed_ns() is None
    assert source.grab(full=False).bands == []
    assert read_counter(source.grab(full=True).bands[0].pixels) == 3
    source.close()


def test_closing_does_not_wait_for_the_next_picture(tmp_path: Path, no_leaks: None) -> None:
    """Harm: stopping a session takes as long as a title is shown in the film."""
    path = write_video(tmp_path / "slow.mkv", pattern_pictures(3), fps=1, times=[0, 60, 120])
    source = FileFeed(path)
    source.open()
    begin = time.monotonic()
    source.close()
    assert time.monotonic() - begin < 1


def test_what_is_no_video_is_refused_with_a_remedy(tmp_path: Path, no_leaks: None) -> None:
    """Harm: a wrong path hangs the start of a session, or kills the worker."""
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(bytes(range(256)) * 40)
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for path, message in (
        (tmp_path / "nothing.mkv", "No such file"),
        (rubbish, "cannot be read"),
        (sound, "has no picture"),
        (tmp_path, "cannot be read"),
    ):
        with pytest.raises(RequestRejected, match=message) as caught:
            FileFeed(path, loop=True).open()
        assert caught.value.code is ErrorCode.DEVICE_FAILED
        assert str(path) in str(caught.value)
        assert caught.value.remedy
        with pytest.raises(RequestRejected, match=message):
            video_size(path)


def test_its_size_is_known_without_playing_it(tmp_path: Path, no_leaks: None) -> None:
    assert video_size(write_video(tmp_path / "a.mkv", pattern_pictures(1, Size(640, 360)))) == (640, 360)
