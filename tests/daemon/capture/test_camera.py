"""A camera through the thread it shares with files. There is none here: a live stream in a pipe stands for it."""

import os
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture import camera, fed_source
from reeld.capture.camera import CameraFeed, list_cameras, taken_ns
from reeld.capture.pattern_source import read_counter
from reeld.capture.waiting import wait_changed
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.videos import SIZE, LiveStream


def test_the_kernels_own_time_is_believed_and_no_other() -> None:
    """Harm: a camera's picture is shown as of when it was decoded, or of some day in 1970."""
    now_ns = 5_000 * NS_PER_S
    micro = Fraction(1, 1_000_000)
    assert taken_ns((now_ns - 40 * NS_PER_MS) // 1000, micro, now_ns) == now_ns - 40 * NS_PER_MS
    assert taken_ns(None, micro, now_ns) == now_ns
    assert taken_ns(5, None, now_ns) == now_ns


@given(st.integers(-(2**62), 2**62), st.integers(0, 2**62))
def test_no_picture_is_of_the_future_or_of_long_ago(pts: int, now_ns: int) -> None:
    at_ns = taken_ns(pts, Fraction(1, 1_000_000), now_ns)
    assert now_ns - NS_PER_S <= at_ns <= now_ns


def test_a_missing_camera_is_an_error_with_a_remedy(no_leaks: None) -> None:
    """Harm: an unplugged camera ends in a traceback of FFmpeg. This one goes through the real v4l2."""
    with pytest.raises(RequestRejected, match="camera /dev/video97") as caught:
        CameraFeed("/dev/video97", SIZE, 30).open()
    assert caught.value.code is ErrorCode.DEVICE_FAILED
    assert "Plug it in" in caught.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2 is Linux's")
def test_what_is_no_camera_is_refused_by_v4l2_itself(tmp_path: Path, no_leaks: None) -> None:
    plain = tmp_path / "video0"
    plain.write_bytes(b"no camera")
    with pytest.raises(RequestRejected, match="cannot be read") as caught:
        CameraFeed(str(plain), SIZE, 30).open()
    assert caught.value.code is ErrorCode.DEVICE_FAILED


def test_an_unplugged_camera_is_lost_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> None:
    """Harm: a camera that was unplugged shows its last picture for the rest of the session."""
    monkeypatch.setattr(fed_source, "AGAIN_S", 5)
    wake = os.pipe()
    with LiveStream(tmp_path, pictures=5) as live:
        source = CameraFeed("/dev/video0", SIZE, 50, open_device=live.open)
        for _ in range(2):
            source.open()
            with pytest.raises(RequestRejected, match="was lost") as caught:  # noqa: PT012 - until it is lost
                while wait_changed(source, time.monotonic_ns() + 5 * NS_PER_S, wake[0]) is not None:
                    last = read_counter(source.grab(full=True).bands[0].pixels)
            assert last == 4
            assert caught.value.code is ErrorCode.DEVICE_FAILED
            source.close()
    for end in wake:
        os.close(end)


def test_a_camera_that_falls_silent_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_leaks: None) -> None:
    """Harm: a camera hangs, and hours of its last picture are recorded as if it were there."""
    monkeypatch.setattr(camera, "SILENT_NS", 100 * NS_PER_MS)
    wake = os.pipe()
    with LiveStream(tmp_path, silent_after=3) as live:
        source = CameraFeed("/dev/video0", SIZE, 50, open_device=live.open)
        source.open()
        with pytest.raises(RequestRejected, match=r"has given no picture for 0\.1 s"):  # noqa: PT012 - until it is lost
            while True:
                if wait_changed(source, time.monotonic_ns() + 20 * NS_PER_MS, wake[0]) is not None:
                    source.grab(full=False)
        live.unplug()
        source.close()
    for end in wake:
        os.close(end)


def test_pictures_are_told_at_once(tmp_path: Path, no_leaks: None) -> None:
    """Harm: FFmpeg keeps pictures of a camera back, and lips move after the words."""
    wake = os.pipe()
    with LiveStream(tmp_path, fps=20) as live:
        source = CameraFeed("/dev/video0", SIZE, 50, open_device=live.open)
        source.open()
        best_ns = NS_PER_S
        for _ in range(10):
            assert wait_changed(source, time.monotonic_ns() + 5 * NS_PER_S, wake[0]) is not None
            number = read_counter(source.grab(full=True).bands[0].pixels)
            assert number is not None
            best_ns = min(best_ns, time.monotonic_ns() - live.written_ns[number])
        source.close()
    for end in wake:
        os.close(end)
    assert best_ns < 50 * NS_PER_MS, "a whole frame interval late, at best"


def test_listing_finds_only_real_cameras() -> None:
    assert all(one.id and one.name for one in list_cameras())
