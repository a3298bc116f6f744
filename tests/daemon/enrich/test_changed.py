"""What must be read again. Harms guarded against: a changed line that keeps its old text, a line that is read in
halves, twice or not at all, and a whole screen that is read where one line changed."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.changed import (
    MARGIN,
    NOISE,
    PARTS_MAX,
    WHOLE_SHARE,
    Box,
    Picture,
    box_of,
    inside,
    merged,
    page,
    shown,
    to_read,
)
from reeld_proto.findings import PageText, TextLine

WIDTH, HEIGHT = 413, 301
WHOLE = Box(0, 0, WIDTH, HEIGHT)
PATCH = tuple[Box, int]


def blank(width: int = WIDTH, height: int = HEIGHT) -> Picture:
    return np.full((height, width, 3), 200, np.uint8)


def line(x: int, y: int, width: int = 60, height: int = 12, text: str = "") -> TextLine:
    return TextLine(text or f"{x},{y}", x, y, width, height, 0.9)


def known(*lines: TextLine) -> PageText:
    return PageText(WIDTH, HEIGHT, list(lines))


def painted(before: Picture, *patches: PATCH) -> Picture:
    """The picture with something else in these boxes, in one of three channels."""
    now = before.copy()
    for number, (box, by) in enumerate(patches):
        now[box.top : box.bottom, box.left : box.right, number % 3] -= np.uint8(by)
    return now


def covers(box: Box, other: Box) -> bool:
    return box.around(other) == box


@st.composite
def boxes_in_picture(draw: st.DrawFn, longest: int) -> Box:
    left, top = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    width, height = draw(st.integers(1, longest)), draw(st.integers(1, 30))
    return Box(left, top, min(WIDTH, left + width), min(HEIGHT, top + height))


PATCHES = st.lists(st.tuples(boxes_in_picture(40), st.integers(NOISE + 1, 60)), max_size=5)
LINES = st.lists(boxes_in_picture(150), max_size=12).map(
    lambda boxes: [
        line(box.left, box.top, box.right - box.left, box.bottom - box.top, f"line {number}")
        for number, box in enumerate(boxes)
    ]
)


@given(PATCHES, LINES)
def test_no_changed_pixel_is_left_out_no_line_is_cut_and_nothing_is_read_twice(
    patches: list[PATCH], lines: list[TextLine]
) -> None:
    before = blank()
    now = painted(before, *patches)
    boxes = to_read(before, known(*lines), now)
    left = np.abs(before.astype(int) - now.astype(int)).max(axis=2) > NOISE
    for box in boxes:
        left[box.top : box.bottom, box.left : box.right] = False
        assert covers(WHOLE, box)
        assert all(covers(box, box_of(each)) for each in lines if box.meets(box_of(each)))
    assert not left.any()
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))


@given(PATCHES, LINES)
def test_reading_in_parts_costs_less_than_reading_the_whole(patches: list[PATCH], lines: list[TextLine]) -> None:
    before = blank()
    boxes = to_read(before, known(*lines), painted(before, *patches))
    share = sum(box.area for box in boxes) / WHOLE.area
    assert boxes == [WHOLE] or (len(boxes) <= PARTS_MAX and share <= WHOLE_SHARE)


@given(PATCHES, LINES, LINES)
def test_a_line_outside_stays_and_one_that_was_read_again_is_there_once(
    patches: list[PATCH], lines: list[TextLine], others: list[TextLine]
) -> None:
    before = blank()
    boxes = to_read(before, known(*lines), painted(before, *patches))
    read = [each for box in boxes for each in others if inside(each, box)]
    outside = [each for each in lines if not any(box.meets(box_of(each)) for box in boxes)]
    found = merged(known(*lines), boxes, read, WIDTH, HEIGHT)
    assert Counter(found.lines) == Counter(outside + read)
    assert max(Counter(read).values(), default=1) <= max(Counter(others).values(), default=1)
    assert 0 <= found.read_share <= 1
    assert (found.read_share > 0) == bool(boxes)


@given(LINES)
def test_putting_lines_in_order_loses_and_adds_none(lines: list[TextLine]) -> None:
    found = page(lines, WIDTH, HEIGHT)
    assert Counter(found.lines) == Counter(lines)
    assert (found.width, found.height, found.read_share) == (WIDTH, HEIGHT, 1.0)


@pytest.mark.parametrize(
    ("before", "lines"),
    [(None, known()), (blank(), None), (blank(WIDTH - 1), known()), (blank(HEIGHT, WIDTH), known())],
)
def test_without_a_picture_that_compares_everything_is_read(before: Picture | None, lines: PageText | None) -> None:
    assert to_read(before, lines, blank()) == [WHOLE]


def test_what_a_lossy_still_does_by_itself_reads_nothing_again() -> None:
    before = blank()
    noise = np.random.default_rng(1).integers(-NOISE, NOISE + 1, before.shape)
    now = (before.astype(int) + noise).astype(np.uint8)
    assert to_read(before, known(line(10, 10)), now) == []


def test_one_changed_letter_reads_its_line_whole_and_no_other() -> None:
    before = blank()
    lines = [line(20, 40 * row, 300, 14) for row in range(6)]
    now = painted(before, (Box(100, 83, 108, 92), 100))
    (box,) = to_read(before, known(*lines), now)
    assert covers(box, box_of(lines[2]))
    assert not any(box.meets(box_of(each)) for each in lines if each is not lines[2])


def test_lines_that_overlap_are_all_read_whole_when_one_changed() -> None:
    before = blank()
    lines = [line(10 + 50 * step, 10 + 8 * step, 60, 12) for step in range(5)]
    (box,) = to_read(before, known(*lines), painted(before, (Box(12, 12, 14, 14), 90)))
    assert all(covers(box, box_of(each)) for each in lines)


def test_many_small_changes_read_the_whole_once_and_not_every_part() -> None:
    before = blank()
    spots = [(Box(x, y, x + 2, y + 2), 90) for x in range(5, WIDTH, 130) for y in range(5, HEIGHT, 90)]
    assert len(spots) > PARTS_MAX
    assert to_read(before, known(), painted(before, *spots)) == [WHOLE]


def test_a_window_that_covers_most_of_the_screen_is_read_at_once() -> None:
    before = blank()
    assert to_read(before, known(), painted(before, (Box(0, 0, WIDTH, 250), 90))) == [WHOLE]


@given(boxes_in_picture(200))
def test_an_engine_sees_a_margin_but_nothing_beyond_the_picture(box: Box) -> None:
    view = shown(box, WIDTH, HEIGHT)
    assert covers(view, box)
    assert covers(WHOLE, view)
    assert all(
        0 <= margin <= MARGIN
        for margin in (box.left - view.left, box.top - view.top, view.right - box.right, view.bottom - box.bottom)
    )


def test_the_slice_of_a_neighbour_that_came_with_the_margin_is_no_line() -> None:
    box = Box(0, 20, 200, 40)
    assert inside(line(0, 22), box)
    assert not inside(line(0, 13, height=8), box)
    assert not inside(line(0, 40, height=8), box)


def test_people_read_rows_from_top_to_bottom_and_each_from_left_to_right() -> None:
    lines = [line(200, 9, text="two"), line(10, 12, text="one"), line(10, 40, text="three"), line(150, 38, text="four")]
    assert [each.text for each in page(lines[::-1], WIDTH, HEIGHT).lines] == ["one", "two", "three", "four"]


def test_a_line_that_is_gone_is_told_no_more() -> None:
    lines = [line(10, 10, text="stays"), line(10, 100, text="goes")]
    found = merged(known(*lines), [Box(0, 96, 200, 128)], [], WIDTH, HEIGHT)
    assert [each.text for each in found.lines] == ["stays"]
