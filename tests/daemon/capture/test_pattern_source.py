import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Rect, Size
from reeld.capture.pattern_source import COUNTER_MODULUS, PatternSource, read_counter, strip_height
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S

SIZE = Size(320, 180)
START_NS = 50 * NS_PER_S


class Hand:
    """A clock that goes when it is moved."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


def opened(size: Size = SIZE, fps: int = 25) -> tuple[PatternSource, Hand]:
    hand = Hand()
    source = PatternSource(size, fps, now=hand)
    source.open()
    return source, hand


def picture(source: PatternSource) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    [band] = source.grab(full=True).bands
    assert band.rect == Rect(0, 0, *source.size)
    return band.pixels


@given(st.integers(0, COUNTER_MODULUS - 1), st.sampled_from([Size(64, 64), SIZE, Size(1920, 1080), Size(66, 270)]))
def test_every_number_can_be_read_back(number: int, size: Size) -> None:
    """Harm: a test that follows frames by their number takes one for another."""
    source, hand = opened(size, 1)
    hand.now_ns += number * NS_PER_S
    assert read_counter(picture(source)) == number


def test_the_number_wraps_instead_of_failing() -> None:
    source, hand = opened(fps=1)
    hand.now_ns += (COUNTER_MODULUS + 3) * NS_PER_S
    assert read_counter(picture(source)) == 3


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5, 3])
def test_the_number_survives_scaling(factor: float) -> None:
    """Harm: frames in a cell of a grid cannot be told apart."""
    source, hand = opened(Size(640, 360), 1)
    hand.now_ns += 0xA5C3_0F17 * NS_PER_S
    scaled = cv2.resize(picture(source), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    assert read_counter(np.asarray(scaled, np.uint8)) == 0xA5C3_0F17


def test_a_mix_of_two_frames_has_no_number() -> None:
    """Harm: a torn or blended picture passes for a good one."""
    source, hand = opened(fps=1)
    first = picture(source).astype(np.uint16)
    hand.now_ns += 5 * NS_PER_S
    assert read_counter(((first + picture(source)) // 2).astype(np.uint8)) is None


def test_frames_follow_the_clock_and_only_the_strips_change() -> None:
    """Harm: the still part of the pattern costs an encoder as much as the moving one."""
    source, hand = opened(fps=25)
    patched = picture(source).copy()
    for step in range(1, 50):
        hand.now_ns += 40 * NS_PER_MS
        grab = source.grab(full=False)
        assert grab.at_ns == hand.now_ns
        strip = strip_height(SIZE.height)
        assert [band.rect for band in grab.bands] == [
            Rect(0, 0, SIZE.width, strip),
            Rect(0, SIZE.height - strip, SIZE.width, strip),
        ]
        for band in grab.bands:
            patched[band.rect.y : band.rect.bottom] = band.pixels
        assert read_counter(patched) == step == source.number_at(hand.now_ns)
        assert np.array_equal(patched, picture(source))
        assert source.grab(full=False).bands == []


def test_the_bars_are_what_they_are_called() -> None:
    """Harm: a wrong colour matrix is not noticed because the reference is wrong too."""
    source, _ = opened()
    middle = picture(source)[SIZE.height // 2, :, :3]
    bars = [int.from_bytes(bytes(middle[SIZE.width * (2 * bar + 1) // 16]), "little") for bar in range(8)]
    assert bars == [0xFFFFFF, 0xFFFF00, 0x00FFFF, 0x00FF00, 0xFF00FF, 0xFF0000, 0x0000FF, 0x000000]


def test_the_block_walks_without_leaving_the_picture() -> None:
    source, hand = opened(fps=1)
    seen = set()
    for _ in range(SIZE.width):
        row = picture(source)[-1, :, 0]
        light = np.flatnonzero(row == 255)
        assert len(light) == strip_height(SIZE.height)
        assert light[-1] - light[0] == len(light) - 1
        seen.add(int(light[0]))
        hand.now_ns += NS_PER_S
    assert len(seen) == (SIZE.width - strip_height(SIZE.height)) // 2


@pytest.mark.parametrize("size", [Size(62, 64), Size(64, 62), Size(321, 180), Size(320, 181)])
def test_a_size_that_cannot_be_drawn_is_refused(size: Size) -> None:
    with pytest.raises(RequestRejected, match="cannot be drawn") as caught:
        PatternSource(size, 30)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert "64" in caught.value.remedy
