"""Layouts, windows and regions through a whole installation, compared with what the screen showed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import mss
import numpy as np
import pytest

from tests.daemon.capture.canvas import Canvas
from tests.support.desk import VirtualDesk, desk_environment
from tests.support.installation import Installation
from tests.support.ssim import ssim
from tests.support.wait import until

pytestmark = pytest.mark.slow

Picture = Any
"""uint8, shape (height, width, 3), RGB."""
TEXT = 'for i in $(seq 60); do echo "$i the quick brown fox jumps over the lazy dog 0123456789"; done; exec sleep 300'
SILENT = ("--mic", "none", "--system-audio", "none", "--no-pointer", "--no-snapshots")
SSIM_MIN = 0.97


@pytest.fixture(scope="module")
def still() -> Iterator[tuple[VirtualDesk, Installation, Picture]]:
    """Two monitors with text and colours that stand still, a warm daemon, and the screen as RGB."""
    with (
        VirtualDesk() as desk,
        desk_environment(desk),
        Canvas(1920, 0, 1920, 1080, 0x203040),
        Canvas(60, 700, 400, 200),
    ):
        for place in ("100x40+100+60", "90x30+2400+300"):
            desk.spawn("xterm", "-geometry", place, "-e", "bash", "-c", TEXT, stderr=subprocess.DEVNULL)
        with Installation(desk.env) as installation:
            installation.start_daemon()
            until(lambda: len(installation.ok("sources")["windows"]) == 2, 10, what="two terminals")
            yield desk, installation, _settled()


def _screen() -> Picture:
    with mss.MSS() as connection:
        shot = connection.grab(connection.monitors[0])
        return np.frombuffer(shot.rgb, np.uint8).reshape(shot.height, shot.width, 3)


def _settled() -> Picture:
    """The screen once it stands still and both terminals are full of text."""
    last = [_screen()]

    def stands_still() -> bool:
        before, last[0] = last[0], _screen()
        return bool(np.array_equal(before, last[0]) and last[0][700, 110:600].min() < 100)

    until(stands_still, 10, what="a screen that stands still", every_s=0.3)
    return last[0]


def record(installation: Installation, folder: Path, *words: str) -> Picture:
    """What a recording with these words shows at its end: RGB, as a player that honours the declared colours does."""
    session = installation.ok("start", *SILENT, *words)["session"]
    stop_after_a_chunk(installation)
    path = folder / "film.mp4"
    installation.ok("export", session, "-o", str(path))
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)][-1]


def stop_after_a_chunk(installation: Installation) -> None:
    try:
        until(lambda: any(track["chunks"] for track in installation.ok("stats")["tracks"]), 10, what="a chunk")
    finally:
        installation.ok("stop")


def luma(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def assert_alike(shown: Picture, screen: Picture) -> None:
    assert shown.shape == screen.shape
    assert ssim(luma(shown), luma(screen)) >= SSIM_MIN


Still = tuple[VirtualDesk, Installation, Picture]


def test_two_displays_in_a_grid_are_as_sharp_as_the_screen(still: Still, tmp_path: Path) -> None:
    """Harm: two monitors become one picture in which nobody can read anything."""
    _, installation, screen = still
    shown = record(installation, tmp_path, "--layout", "grid")
    assert shown.shape == (1080, 3844, 3)
    assert_alike(shown[:, :1920], screen[:, :1920])
    assert_alike(shown[:, 1924:], screen[:, 1920:])
    assert shown[:, 1921:1923].max() < 24


@pytest.mark.long
def test_side_by_side_in_a_given_size_keeps_proportions(still: Still, tmp_path: Path) -> None:
    _, installation, screen = still
    shown = record(
        installation, tmp_path, "--layout", "side-by-side", "--output-size", "1920x1080", "--quality", "high"
    )
    rows = np.flatnonzero(shown.max((1, 2)) > 40)
    height = rows[-1] - rows[0] + 1
    assert abs(height * 1920 / 1080 - 950) < 30
    half = shown[rows[0] : rows[0] + height, 966:1890]
    expected = cv2.resize(screen[:, 1920:], (round(height * 1920 / 1080), height), interpolation=cv2.INTER_AREA)
    middle = slice(100, -100), slice(200, 800)
    assert abs(float(half[middle].mean()) - float(expected[middle].mean())) < 8


@pytest.mark.long
def test_a_picture_in_picture_shows_both_the_large_one_untouched(still: Still, tmp_path: Path) -> None:
    _, installation, screen = still
    shown = record(installation, tmp_path, "--layout", "pip", "--inset", "large")
    assert shown.shape == (1080, 1920, 3)
    inset = (slice(1080 - 20 - 360, 1080 - 20), slice(1920 - 20 - 640, 1920 - 20))
    small = cv2.resize(screen[:, 1920:], (640, 360), interpolation=cv2.INTER_AREA)
    core = (slice(20, -20), slice(20, -20))
    assert ssim(luma(shown[inset][core]), luma(np.asarray(small, np.uint8)[core])) > 0.9
    expected = screen[:, :1920].copy()
    expected[inset] = shown[inset]
    assert_alike(shown, expected)


def test_a_window_is_recorded_from_its_own_pixels_also_when_covered(still: Still, tmp_path: Path) -> None:
    _, installation, screen = still
    window = next(each for each in installation.ok("sources")["windows"] if each["x"] > 1920)
    x, y, width, height = (window[name] for name in ("x", "y", "width", "height"))
    with Canvas(x + 50, y + 50, 300, 200, 0xFF0000):
        shown = record(installation, tmp_path, "--window", window["id"])
    top, left = (shown.shape[0] - height) // 2 & ~1, (shown.shape[1] - width) // 2 & ~1
    assert_alike(shown[top : top + height, left : left + width], screen[y : y + height, x : x + width])


def test_a_region_over_two_displays_is_recorded_as_it_is(still: Still, tmp_path: Path) -> None:
    _, installation, screen = still
    shown = record(installation, tmp_path, "--region", "1500,200,1200,600")
    assert_alike(shown, screen[200:800, 1500:2700])


def test_lossless_is_what_the_screen_showed_to_the_last_bit(still: Still, tmp_path: Path) -> None:
    """Harm: "lossless" that has lost three quarters of the colours."""
    _, installation, screen = still
    shown = record(installation, tmp_path, "--quality", "lossless", "--layout", "grid")
    assert np.array_equal(shown[:, :1920], screen[:, :1920])
    assert np.array_equal(shown[:, 1924:], screen[:, 1920:])


def test_layout_and_sources_change_while_it_is_recorded(still: Still, tmp_path: Path) -> None:
    """Harm: whoever wants another layout has to stop, and has two films."""
    _, installation, screen = still
    session = installation.ok("start", *SILENT, "--display", "LEFT", "--test-pattern", "1280x720")["session"]
    arranged = installation.ok("layout", "pip", "--corner", "top-left")
    assert (arranged["layout"], arranged["sources"]) == ("pip", ["LEFT", "test-1"])
    arranged = installation.ok("layout", "--remove", "test-1")
    assert (arranged["layout"], arranged["sources"]) == ("passthrough", ["LEFT"])
    assert installation.ctl("layout", "--remove", "LEFT").code == 2
    assert installation.ctl("layout", "--add-display", "MIDDLE").code == 5
    stopped = installation.ok("stop")
    assert stopped["gaps"] == []
    assert installation.ctl("layout", "grid").code == 4
    path = tmp_path / "film.mp4"
    installation.ok("export", session, "-o", str(path))
    with av.open(str(path)) as film:
        last = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)][-1]
    height, width = last.shape[:2]
    left, top = (width - 1920) // 2 & ~1, (height - 1080) // 2 & ~1
    assert_alike(last[top : top + 1080, left : left + 1920], screen[:, :1920])


@pytest.mark.long
def test_a_film_is_a_source_like_any_other(still: Still, tmp_path: Path) -> None:
    _, installation, screen = still
    source = tmp_path / "source.mp4"
    session = installation.ok("start", *SILENT, "--display", "LEFT")["session"]
    stop_after_a_chunk(installation)
    installation.ok("export", session, "-o", str(source))
    shown = record(installation, tmp_path, "--file", str(source))
    assert_alike(shown, screen[:, :1920])
    assert installation.ctl("start", *SILENT, "--file", str(tmp_path / "none.mp4")).code == 5
