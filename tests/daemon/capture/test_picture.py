"""Pictures in planes. Harm guarded against: parts that are scaled one by one show seams."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture.api import Band, Rect, Size
from reeld.capture.convert import YuvPicture, picture_for
from reeld.capture.layouts import fit
from reeld.capture.picture import blacken, copy_part, part_of, scale_rows
from reeld.media.presets import Pixels


def noise(width: int, height: int, seed: int = 0) -> YuvPicture:
    picture = YuvPicture(width, height)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    assert picture.update([Band(Rect(0, 0, width, height), pixels)])
    return picture


def flat(picture: YuvPicture) -> bytes:
    return b"".join(plane.tobytes() for plane in picture.planes)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(20, 300).map(lambda half: 2 * half),
    room=st.integers(12, 280).map(lambda half: 2 * half),
    strips=st.lists(st.tuples(st.integers(0, 600), st.integers(1, 200)), max_size=4),
)
def test_rows_scaled_one_by_one_are_what_scaling_all_at_once_makes(
    height: int, room: int, strips: list[tuple[int, int]]
) -> None:
    source = noise(64, height)
    where = fit(Size(64, height), Rect(0, 0, 64, room))
    whole, piecewise = YuvPicture(64, room), YuvPicture(64, room)
    scale_rows(source, whole, where, 0, height)
    # What lies between the strips is scaled first, with other content: the strips must replace all they touch.
    scale_rows(noise(64, height, 1), piecewise, where, 0, height)
    for first, rows in strips:
        if first < height:
            scale_rows(source, piecewise, where, first, min(first + rows, height))
    for first in range(0, height, 50):
        scale_rows(source, piecewise, where, first, min(first + 50, height))
    # OpenCV rounds the phase of a row by its place in the strip: a level of 255, now and then.
    for theirs, ours in zip(whole.planes, piecewise.planes, strict=True):
        assert np.abs(theirs.astype(int) - ours).max() <= 1


def test_a_flat_colour_stays_what_it_is_at_any_scale() -> None:
    """Harm: letters in the middle of a dark window get bright rims."""
    source = YuvPicture(640, 480)
    source.update([Band(Rect(0, 0, 640, 480), np.full((480, 640, 4), 200, np.uint8))])
    luma = int(source.planes[0][0, 0])
    for room in (478, 322, 240, 160, 100, 48):
        target = YuvPicture(640, 480)
        where = fit(Size(640, 480), Rect(0, 0, 640, room))
        scale_rows(source, target, where, 0, 480)
        inside = part_of(target, target.planes[0], where)
        assert inside.min() == inside.max() == luma


@pytest.mark.parametrize("room", [240, 160, 120, 100])
def test_fine_lines_do_not_vanish_when_much_smaller(room: int) -> None:
    """Harm: bilinear scaling of more than 2:1 skips every second row, and with it half of a text."""
    source = YuvPicture(640, 480)
    pixels = np.zeros((480, 640, 4), np.uint8)
    pixels[1::4] = 255
    source.update([Band(Rect(0, 0, 640, 480), pixels)])
    target = YuvPicture(640, 480)
    where = fit(Size(640, 480), Rect(0, 0, 640, room))
    scale_rows(source, target, where, 0, 480)
    inside = part_of(target, target.planes[0], where)
    # A quarter of the rows is white: on average luma is 16 + 219 / 4.
    assert abs(float(inside.mean()) - (16 + 219 / 4)) < 6


def test_parts_are_copied_and_blackened_in_all_planes() -> None:
    source, target = noise(64, 32), YuvPicture(64, 32)
    copy_part(source, target, Rect(10, 4, 20, 8))
    for theirs, ours in zip(source.planes, target.planes, strict=True):
        assert np.array_equal(part_of(source, theirs, Rect(10, 4, 20, 8)), part_of(target, ours, Rect(10, 4, 20, 8)))
    assert (target.planes[0][:4] == 16).all()
    blacken(source, Rect(10, 4, 20, 8))
    for plane, black in zip(source.planes, source.black, strict=True):
        assert (part_of(source, plane, Rect(10, 4, 20, 8)) == black).all()
    blacken(source)
    assert flat(source) == flat(YuvPicture(64, 32))


@pytest.mark.parametrize("pixels", [Pixels.PACKED, Pixels.PLANAR])
def test_pictures_of_full_colour_are_placed_scaled_and_blackened_too(pixels: Pixels) -> None:
    """Harm: a lossless grid of two displays cannot be recorded, or has its colours exchanged."""
    content = np.random.default_rng(5).integers(0, 256, (96, 128, 4), np.uint8)
    source, target = picture_for(pixels, 128, 96), picture_for(pixels, 128, 96)
    source.update([Band(Rect(0, 0, 128, 96), content)])
    copy_part(source, target, Rect(32, 16, 64, 48))
    expected = np.zeros((96, 128, 3), np.uint8)
    expected[16:64, 32:96] = content[16:64, 32:96, :3]
    assert np.array_equal(target.frame.to_ndarray(format="bgr24"), expected)
    blacken(target)
    assert not target.frame.to_ndarray(format="bgr24").any()
    scale_rows(source, target, Rect(0, 0, 64, 48), 0, 96)
    half = cv2.resize(content[..., :3], (64, 48), interpolation=cv2.INTER_AREA)
    found = target.frame.to_ndarray(format="bgr24")
    assert np.abs(found[:48, :64].astype(int) - half).max() <= 1
    assert not found[48:].any()
    assert not found[:, 64:].any()
