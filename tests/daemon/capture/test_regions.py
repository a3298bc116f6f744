import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Rect
from reeld.capture.regions import RECTANGLES_MAX, WASTE_PIXELS_MAX, bands_of

rects = st.lists(
    st.tuples(st.integers(-100, 700), st.integers(-100, 500), st.integers(1, 300), st.integers(1, 300)), max_size=80
)
bounds_of_any_size = st.builds(Rect, st.integers(0, 200), st.integers(0, 200), st.integers(1, 401), st.integers(1, 301))


def array(*rows: tuple[int, int, int, int]) -> np.ndarray:
    return np.array(rows, dtype=np.int32).reshape(-1, 4)


def covered(bands: list[Rect], bounds: Rect) -> np.ndarray:
    mask = np.zeros((bounds.height, bounds.width), bool)
    for band in bands:
        mask[band.y : band.bottom, band.x : band.right] = True
    return mask


@given(rects, bounds_of_any_size)
def test_no_damaged_pixel_is_forgotten(rows: list[tuple[int, int, int, int]], bounds: Rect) -> None:
    """Harm: a part of the recorded screen stays old until something is drawn there again."""
    bands = bands_of(array(*rows), bounds)
    damaged = np.zeros((1200, 1200), bool)
    for x, y, width, height in rows:
        damaged[max(0, y + 200) : y + 200 + height, max(0, x + 200) : x + 200 + width] = True
    top, left = bounds.y + 200, bounds.x + 200
    inside = damaged[top : top + bounds.height, left : left + bounds.width]
    assert not (inside & ~covered(bands, bounds)).any()


@given(rects, bounds_of_any_size)
def test_bands_are_inside_on_even_edges_and_fit_the_segment(
    rows: list[tuple[int, int, int, int]], bounds: Rect
) -> None:
    """Harm: chroma of neighbours is overwritten, or the server writes beyond the shared segment."""
    bands = bands_of(array(*rows), bounds)
    for band in bands:
        assert band.x % 2 == 0
        assert band.y % 2 == 0
        assert band.width % 2 == 0 or band.right == bounds.width
        assert band.height % 2 == 0 or band.bottom == bounds.height
        assert band.width > 0
        assert band.height > 0
        assert band.right <= bounds.width
        assert band.bottom <= bounds.height
    assert sum(band.area for band in bands) <= bounds.area


def test_damage_of_another_monitor_gives_nothing() -> None:
    """Harm: a film on the right monitor makes the left one's track encode at full rate."""
    assert bands_of(array((1920, 0, 1920, 1080), (1919 + 5, 5, 10, 10)), Rect(0, 0, 1920, 1080)) == []
    assert bands_of(array(), Rect(0, 0, 1920, 1080)) == []


def test_far_apart_changes_are_not_joined_into_one_large_band() -> None:
    """Harm: a clock in one corner and a cursor in the other cost a full frame."""
    bands = bands_of(array((0, 0, 20, 20), (1900, 1060, 20, 20)), Rect(0, 0, 1920, 1080))
    assert bands == [Rect(0, 0, 20, 20), Rect(1900, 1060, 20, 20)]


def test_neighbours_are_joined() -> None:
    """Harm: a line of text becomes a request for each letter."""
    letters = [(10 * index, 40, 8, 16) for index in range(20)]
    assert bands_of(array(*letters), Rect(0, 0, 1920, 1080)) == [Rect(0, 40, 198, 16)]


def test_a_flood_of_rectangles_gives_few_bands() -> None:
    """Harm: thousands of dots keep the recorder joining rectangles for longer than a frame."""
    rng = np.random.default_rng(7)
    dots = np.column_stack([rng.integers(0, 1900, 5000), rng.integers(0, 1060, 5000), np.full((5000, 2), 3)])
    bands = bands_of(dots.astype(np.int32), Rect(0, 0, 1920, 1080))
    assert 0 < len(bands) <= RECTANGLES_MAX
    assert sum(band.area for band in bands) <= 1920 * 1080 + WASTE_PIXELS_MAX
