"""Where pictures go. Harm guarded against: sources that overlap, leave the picture, or are stretched."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.geometry import Rect, Size
from reeld.capture.layouts import (
    CORNER_RADIUS,
    MARGIN,
    OUTPUT_AREA_MAX,
    OUTPUT_MIN,
    OUTPUT_SIDE_MAX,
    SOURCES_MAX,
    SOURCES_MIN,
    SPACING,
    arrange,
    fit,
    natural_size,
    period,
)
from reeld_proto.records import Arrangement, Corner, InsetSize, Layout

HD = Size(1920, 1080)
WIDE = Arrangement(layout=Layout.SIDE_BY_SIDE)
GRID = Arrangement(layout=Layout.GRID)
PIP = Arrangement(layout=Layout.PIP)

even = st.integers(32, 2000).map(lambda half: 2 * half)
sizes = st.builds(Size, even, even)
outputs = st.builds(
    Size, st.integers(320, 2048).map(lambda half: 2 * half), st.integers(240, 2048).map(lambda h: 2 * h)
)


def test_two_displays_keep_their_own_size_beside_each_other() -> None:
    """Harm: text of two monitors becomes illegible because nobody said how large the picture should be."""
    output = natural_size(GRID, [HD, HD])
    assert output == (3840 + SPACING, 1080)
    assert [cell.where for cell in arrange(GRID, [HD, HD], output)] == [(0, 0, 1920, 1080), (1924, 0, 1920, 1080)]


@pytest.mark.parametrize(
    ("count", "columns", "rows"),
    [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (5, 3, 2), (6, 3, 2), (7, 3, 3), (9, 3, 3)],
)
def test_a_grid_chooses_its_own_raster(count: int, columns: int, rows: int) -> None:
    output = natural_size(GRID, [Size(640, 480)] * count)
    assert output == (640 * columns + SPACING * (columns - 1), 480 * rows + SPACING * (rows - 1))


def test_a_grid_takes_the_columns_it_is_given() -> None:
    one = Arrangement(layout=Layout.GRID, columns=1)
    assert natural_size(one, [HD, Size(800, 600)]) == (1920, 1080 * 2 + SPACING)
    four = Arrangement(layout=Layout.GRID, columns=4)
    assert natural_size(four, [Size(640, 480)] * 3) == (640 * 3 + 2 * SPACING, 480)


def test_a_last_row_that_is_not_full_stands_in_the_middle() -> None:
    output = natural_size(GRID, [Size(640, 480)] * 3)
    assert [cell.where.x for cell in arrange(GRID, [Size(640, 480)] * 3, output)] == [0, 644, 322]


def test_a_smaller_source_is_centred_and_not_enlarged() -> None:
    (cell,) = arrange(Arrangement(), [Size(800, 600)], HD)
    assert cell.where == (560, 240, 800, 600)


def test_insets_lie_in_the_corners_clockwise_at_their_margin() -> None:
    arrangement = Arrangement(layout=Layout.PIP, corner=Corner.BOTTOM_RIGHT, inset=InsetSize.MEDIUM)
    main, first, second = arrange(arrangement, [HD, HD, HD], HD)
    assert (main.where, main.radius) == ((0, 0, 1920, 1080), 0)
    assert (first.where, first.radius) == ((1920 - MARGIN - 480, 1080 - MARGIN - 270, 480, 270), CORNER_RADIUS)
    assert second.where[:2] == (MARGIN, 1080 - MARGIN - 270)


@pytest.mark.parametrize(("inset", "width"), [(InsetSize.SMALL, 384), (InsetSize.MEDIUM, 480), (InsetSize.LARGE, 640)])
def test_insets_have_three_sizes(inset: InsetSize, width: int) -> None:
    assert arrange(Arrangement(layout=Layout.PIP, inset=inset), [HD, HD], HD)[1].where.width == width


def test_what_no_decoder_takes_is_scaled_down() -> None:
    output = natural_size(GRID, [HD] * 9)
    assert output.width <= OUTPUT_SIDE_MAX
    assert output.width * output.height <= OUTPUT_AREA_MAX
    assert natural_size(Arrangement(), [Size(300, 200)]) == OUTPUT_MIN
    assert natural_size(Arrangement(), [Size(801, 601)]) == (802, 602)


@given(layout=st.sampled_from(list(Layout)), given_sizes=st.lists(sizes, min_size=1, max_size=9), data=st.data())
def test_any_sources_have_places_that_do_not_overlap(
    layout: Layout, given_sizes: list[Size], data: st.DataObject
) -> None:
    arrangement = Arrangement(
        layout=layout,
        columns=data.draw(st.integers(0, 4)),
        corner=data.draw(st.sampled_from(list(Corner))),
        inset=data.draw(st.sampled_from(list(InsetSize))),
    )
    count = max(SOURCES_MIN.get(layout, 1), min(len(given_sizes), SOURCES_MAX[layout]))
    shown = list(itertools.islice(itertools.cycle(given_sizes), count))
    natural = natural_size(arrangement, shown)
    assert natural.width % 2 == natural.height % 2 == 0
    for output in (natural, data.draw(outputs)):
        cells = arrange(arrangement, shown, output)
        whole = Rect(0, 0, *output)
        for size, cell in zip(shown, cells, strict=True):
            where = cell.where
            assert all(edge % 2 == 0 for edge in where)
            assert where.width > 0
            assert where.height > 0
            assert where.x >= 0
            assert where.y >= 0
            assert where.right <= whole.width
            assert where.bottom <= whole.height
            assert where.width <= size.width
            assert where.height <= size.height
            # Proportions are kept to the two pixels that chroma asks for.
            assert abs(where.width - size.width * where.height / size.height) <= 2
        above = cells[1:] if layout is Layout.PIP else cells
        for one, other in itertools.combinations(above, 2):
            assert not one.where.meets(other.where)


@given(size=sizes, room=outputs)
def test_a_picture_uses_nearly_all_of_its_room(size: Size, room: Size) -> None:
    where = fit(size, Rect(0, 0, *room))
    if size.width <= room.width and size.height <= room.height:
        assert where[2:] == size
    else:
        most = min(room.width / size.width, room.height / size.height)
        assert where.height >= 0.96 * most * size.height - 2


@given(source=even, scaled=even)
def test_a_period_is_whole_rows_of_both(source: int, scaled: int) -> None:
    rows, scaled_rows = period(source, scaled)
    assert rows * scaled == scaled_rows * source
    assert source % rows == 0
    assert scaled % scaled_rows == 0
