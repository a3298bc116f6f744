from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Rect
from reeld.capture.compare import STRIP_HEIGHT, changed_rows


def picture(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 4), np.uint8)


@given(st.data(), st.integers(1, 40), st.integers(1, 300))
def test_every_changed_pixel_is_found(data: st.DataObject, width: int, height: int) -> None:
    """Harm: a change of one pixel is missed, and the recording shows the past."""
    before, now = picture(width, height), picture(width, height)
    points = data.draw(st.lists(st.tuples(st.integers(0, width - 1), st.integers(0, height - 1)), max_size=5))
    for x, y in points:
        now[y, x, data.draw(st.integers(0, 2))] = 255
    bands = changed_rows(before, now)
    for _, y in points:
        assert any(band.y <= y < band.bottom for band in bands)
    assert bool(bands) == bool(points)


@given(st.integers(1, 40), st.integers(1, 300))
def test_bands_are_separate_and_in_order(width: int, height: int) -> None:
    """Harm: overlapping bands are converted twice."""
    before, now = picture(width, height), picture(width, height)
    now[::100] = 9
    bands = changed_rows(before, now)
    assert all(first.bottom < second.y for first, second in pairwise(bands))
    assert all((band.x, band.width) == (0, width) for band in bands)
    assert all(band.y % 2 == 0 for band in bands)


def test_equal_pictures_give_nothing() -> None:
    """Harm: a still screen is encoded at the full rate."""
    assert changed_rows(picture(64, 200), picture(64, 200)) == []


def test_neighbouring_strips_are_one_band() -> None:
    """Harm: a full change is converted in many small calls."""
    now = picture(64, 3 * STRIP_HEIGHT + 10)
    now[:] = 1
    assert changed_rows(picture(64, 3 * STRIP_HEIGHT + 10), now) == [Rect(0, 0, 64, 3 * STRIP_HEIGHT + 10)]


def test_rows_that_are_not_contiguous_are_compared_too() -> None:
    """Harm: a view into a larger picture makes the comparison fail."""
    large = picture(100, 80)
    before, now = large[:, :50].copy(), picture(100, 80)[:, :50]
    now[70, 3, 0] = 1
    assert changed_rows(before, np.ascontiguousarray(now)) == [Rect(0, 64, 50, 16)]
