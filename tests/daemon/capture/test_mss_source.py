import time

import mss
import numpy as np
import pytest

from reeld.capture import mss_source
from reeld.capture.api import Rect
from reeld.capture.mss_source import MssSource, list_displays
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.capture.canvas import RED, Canvas
from tests.support.desk import VirtualDesk

PLACE = Rect(100, 100, 200, 130)


def test_monitors_are_numbered_with_their_places(at_x_desk: VirtualDesk) -> None:
    """Harm: the wrong screen is recorded on macOS."""
    first, second = list_displays()
    assert (first.id, first.x, first.width, first.height) == ("1", 0, 1920, 1080)
    assert (second.id, second.x, second.width, second.height) == ("2", 1920, 1920, 1080)


def test_pixels_stay_valid_until_the_next_grab(at_x_desk: VirtualDesk) -> None:
    """Harm: a band is freed while it is converted."""
    source = MssSource(PLACE)
    source.open()
    with Canvas(*PLACE, RED):
        (band,) = source.grab(full=True).bands
        assert np.array_equal(band.pixels[5, 5, :3], (0, 0, 255))
        assert band.rect == Rect(0, 0, PLACE.width, PLACE.height)
    source.close()


def test_a_missing_display_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: an error of the library reaches the daemon."""
    monkeypatch.delenv("DISPLAY", raising=False)
    for use in (MssSource(PLACE).open, list_displays):
        with pytest.raises(RequestRejected) as caught:
            use()
        assert caught.value.code == ErrorCode.NO_DISPLAY
        assert "System Settings" in caught.value.remedy


def test_a_failing_grab_is_an_error_of_the_device(at_x_desk: VirtualDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: permission taken away while recording ends the worker."""
    source = MssSource(PLACE)
    source.open()

    def refuse(self: mss.MSS, region: object) -> None:
        raise mss.ScreenShotError("denied")

    monkeypatch.setattr(mss.MSS, "grab", refuse)
    with pytest.raises(RequestRejected) as caught:
        source.grab(full=False)
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    source.close()


def test_pixels_of_another_size_are_refused(at_x_desk: VirtualDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: a scaled screen is written into a picture of another size, shifted row by row."""
    source = MssSource(PLACE)
    source.open()
    shot = mss_source._connect()
    small = shot.grab((0, 0, 10, 10))
    shot.close()
    monkeypatch.setattr(mss.MSS, "grab", lambda *_: small)
    with pytest.raises(RequestRejected, match="asked for 200 x 130"):
        source.grab(full=True)
    source.close()


def test_waiting_never_waits() -> None:
    """Harm: changes are never looked for, since nobody tells of them."""
    begin = time.monotonic_ns()
    assert MssSource(PLACE).changed_ns() is not None
    assert time.monotonic_ns() - begin < 10**9
