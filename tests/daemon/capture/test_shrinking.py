"""Sources made smaller. Harm guarded against: parts scaled one by one show seams, or lines of a text vanish."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture.api import Band, Pixels, Rect, Size
from reeld.capture.layouts import fit
from reeld.capture.shrinking import Shrinker, padded


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


def whole(pixels: Pixels) -> list[Band]:
    return [Band(Rect(0, 0, pixels.shape[1], pixels.shape[0]), pixels)]


def part(pixels: Pixels, rect: Rect) -> list[Band]:
    return [Band(rect, pixels[rect.y : rect.bottom, rect.x : rect.right])]


def scaled_size(size: Size, room: int) -> Size:
    where = fit(size, Rect(0, 0, size.width, room))
    return Size(where.width, where.height)


def laid(picture: npt.NDArray[np.uint8], bands: Sequence[Band]) -> None:
    for band in bands:
        picture[band.rect.y : band.rect.bottom, band.rect.x : band.rect.right] = band.pixels


def all_at_once(pixels: Pixels, scaled: Size) -> npt.NDArray[np.uint8]:
    (band,) = Shrinker(Size(pixels.shape[1], pixels.shape[0]), scaled).shrunk(whole(pixels))
    assert band.rect == (0, 0, *scaled)
    return band.pixels


@settings(max_examples=80, deadline=None)
@given(
    height=st.integers(20, 300).map(lambda half: 2 * half),
    room=st.integers(12, 280).map(lambda half: 2 * half),
    strips=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100)), min_size=1, max_size=4),
)
def test_rows_scaled_one_by_one_are_what_scaling_all_at_once_makes(
    height: int, room: int, strips: list[tuple[int, int]]
) -> None:
    size = Size(64, height)
    scaled = scaled_size(size, min(room, height - 2))
    pixels = noise(*size)
    shrinker = Shrinker(size, scaled)
    picture = np.zeros((scaled.height, scaled.width, 4), np.uint8)
    shrinker.keep(whole(pixels))
    laid(picture, shrinker.shrunk(whole(pixels)))
    fresh = noise(*size, 1)
    for first, rows in strips:
        top = 2 * first % height
        rect = Rect(0, top, 64, min(2 * rows, height - top))
        pixels[rect.y : rect.bottom] = fresh[rect.y : rect.bottom]
        bands = part(pixels, rect)
        if shrinker.needs_all(bands):  # a strip of all rows came before
            bands = whole(pixels)
            shrinker.keep(bands)
        laid(picture, shrinker.shrunk(bands))
    # The phase of a row is rounded by its place in what is scaled: a level of 255, now and then two.
    assert np.abs(all_at_once(pixels, scaled).astype(int) - picture).max() <= 2


def test_a_flat_colour_stays_what_it_is_at_any_scale() -> None:
    """Harm: letters in the middle of a dark window get bright rims."""
    pixels = np.full((480, 640, 4), 200, np.uint8)
    for room in (478, 322, 240, 160, 100, 48):
        found = all_at_once(pixels, scaled_size(Size(640, 480), room))
        assert found.min() == found.max() == 200


@pytest.mark.parametrize("room", [240, 160, 120, 100])
def test_fine_lines_do_not_vanish_when_much_smaller(room: int) -> None:
    """Harm: bilinear scaling of more than 2:1 skips every second row, and with it half of a text."""
    pixels = np.zeros((480, 640, 4), np.uint8)
    pixels[1::4] = 255
    found = all_at_once(pixels, scaled_size(Size(640, 480), room))
    # A quarter of the rows is white.
    assert abs(float(found.mean()) - 255 / 4) < 7


def test_what_changes_as_a_whole_is_never_copied_and_a_part_asks_for_all_of_it_once() -> None:
    """Harm: a film in a grid costs a copy of each of its pictures; or a part of it is scaled from an old picture."""
    size, scaled = Size(640, 480), Size(320, 240)
    shrinker = Shrinker(size, scaled)
    old, new = noise(*size), noise(*size, 1)
    corner = part(new, Rect(0, 0, 20, 20))
    assert not shrinker.needs_all(whole(old))
    shrinker.shrunk(whole(old))
    assert shrinker.needs_all(corner)
    shrinker.keep(whole(new))
    assert len(shrinker.shrunk(whole(new))) == 1
    assert not shrinker.needs_all(corner)
    shrinker.shrunk(corner)
    shrinker.shrunk(whole(old))
    assert shrinker.needs_all(corner)
    assert not shrinker.needs_all([])


def test_a_change_of_a_few_pixels_scales_a_few_rows() -> None:
    """Harm: a blinking cursor in one of nine cells costs all of it."""
    size = Size(1920, 1080)
    shrinker = Shrinker(size, scaled_size(size, 538))
    pixels = noise(*size)
    shrinker.keep(whole(pixels))
    shrinker.shrunk(whole(pixels))
    (band,) = shrinker.shrunk(part(pixels, Rect(100, 500, 10, 20)))
    assert band.rect.height <= 120


def test_odd_pictures_lose_nothing() -> None:
    pixels = noise(101, 75)
    shrinker = Shrinker(Size(102, 76), Size(50, 38))
    assert not shrinker.needs_all(whole(pixels))
    (band,) = shrinker.shrunk(whole(pixels))
    assert band.pixels.shape == (38, 50, 4)
    rect, larger = padded(Rect(4, 6, 3, 5), pixels[6:11, 4:7])
    assert (rect, larger.shape) == ((4, 6, 4, 6), (6, 4, 4))
    assert np.array_equal(larger[:, 3], larger[:, 2])
