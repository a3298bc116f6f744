"""Rectangles as sets of pixels. Harm guarded against: one pixel that is not masked."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Rect
from reeld.capture.rects import bounded, clipped, overlap, subtracted, united

RECTS = st.builds(Rect, st.integers(-3, 12), st.integers(-3, 12), st.integers(1, 9), st.integers(1, 9))
SOME = st.lists(RECTS, max_size=6)


def pixels(rects: list[Rect]) -> set[tuple[int, int]]:
    return {(x, y) for rect in rects for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}


@given(RECTS, RECTS)
def test_an_overlap_is_what_both_have(one: Rect, other: Rect) -> None:
    both = overlap(one, other)
    assert pixels([both] if both else []) == pixels([one]) & pixels([other])


@given(SOME, SOME)
def test_a_difference_is_exact(rects: list[Rect], holes: list[Rect]) -> None:
    assert pixels(subtracted(rects, holes)) == pixels(rects) - pixels(holes)


@given(SOME, SOME)
def test_clipping_keeps_what_lies_in_any_of_the_bounds(rects: list[Rect], bounds: list[Rect]) -> None:
    assert pixels(clipped(rects, bounds)) == pixels(rects) & pixels(bounds)


@given(SOME)
def test_a_union_has_the_same_pixels_each_once(rects: list[Rect]) -> None:
    whole = united(rects)
    assert pixels(whole) == pixels(rects)
    assert sum(rect.area for rect in whole) == len(pixels(rects))


@given(SOME, st.integers(1, 5))
def test_what_is_bounded_holds_no_pixel_less(rects: list[Rect], most: int) -> None:
    few = bounded(rects, most)
    assert len(few) <= most
    assert pixels(few) >= pixels(rects)
