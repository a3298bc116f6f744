"""Pictures in planes. Harm guarded against: parts that are scaled one by one show seams."""

import numpy as np
import pytest

from reeld.capture.api import Band, Rect
from reeld.capture.convert import YuvPicture, picture_for
from reeld.capture.picture import blacken, copy_part, part_of
from reeld.media.presets import Pixels


def noise(width: int, height: int, seed: int = 0) -> YuvPicture:
    picture = YuvPicture(width, height)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    assert picture.update([Band(Rect(0, 0, width, height), pixels)])
    return picture


def flat(picture: YuvPicture) -> bytes:
    return b"".join(plane.tobytes() for plane in picture.planes)


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
def test_pictures_of_full_colour_are_placed_and_blackened_too(pixels: Pixels) -> None:
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
