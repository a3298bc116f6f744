"""Rectangles. Harm guarded against: bands that are off by one."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.geometry import Rect

edges = st.integers(0, 60)
rects = st.builds(Rect, edges, edges, st.integers(1, 20), st.integers(1, 20))


def pixels(rect: Rect) -> set[tuple[int, int]]:
    return {(x, y) for x in range(rect.x, rect.right) for y in range(rect.y, rect.bottom)}


def test_rectangle_arithmetic() -> None:
    rect = Rect(10, 20, 30, 40)
    assert (rect.right, rect.bottom, rect.area) == (40, 60, 1200)
    assert rect.moved(3, -4) == (13, 16, 30, 40)


@given(one=rects, other=rects)
def test_two_rectangles_meet_where_they_share_a_pixel(one: Rect, other: Rect) -> None:
    assert one.meets(other) == bool(pixels(one) & pixels(other))


@given(rect=rects)
def test_even_edges_hold_every_pixel_and_no_more_than_needed(rect: Rect) -> None:
    even = rect.even()
    assert pixels(rect) <= pixels(even)
    assert even.x % 2 == even.y % 2 == even.width % 2 == even.height % 2 == 0
    assert even.x >= rect.x - 1
    assert even.right <= rect.right + 1
