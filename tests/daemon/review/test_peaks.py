"""Harm guarded against: a wave that shows sound where there is none, none where there is some, or at another time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.review.peaks import NOTHING, SAMPLED_NS, STEP_NS, Columns, Measured, drawn
from reeld.store.api import Segment

STEPS = 10


def segment(start_ns: int, end_ns: int, shift_ns: int = 0) -> Segment:
    return Segment(start_ns, end_ns, b"c" * 32, b"i" * 32, 10, 1, keyframe=True, epoch=1, shift_ns=shift_ns)


@given(
    st.integers(0, 10**10), st.integers(1, 10**10), st.integers(1, 2000), st.integers(0, 10**10), st.integers(1, 10**9)
)
def test_the_columns_of_a_span_are_those_that_touch_it(
    from_ns: int, length: int, count: int, low: int, span: int
) -> None:
    columns = Columns(from_ns, from_ns + length, count)
    found = columns.within(low, low + span)
    for column in {0, count - 1, found.start - 1, found.start, found.stop - 1, found.stop} & set(range(count)):
        start, end = columns.start_ns(column), columns.start_ns(column + 1)
        touches = max(start, low) < min(end, low + span)
        if start < end:  # an empty column shows nothing
            assert (column in found) is touches


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40), st.integers(0, 10**9), st.integers(1, 100))
def test_of_all_steps_the_loudest_is_seen_somewhere(steps: list[int], shift: int, count: int) -> None:
    end = len(steps) * STEP_NS
    peaks = drawn(Columns(shift, shift + end, count), [(segment(shift, shift + end, shift), Measured(0, bytes(steps)))])
    assert max(peaks) == max(steps)
    assert min(peaks) >= min(steps)


def test_each_step_is_where_it_is_shown_and_gaps_are_nothing() -> None:
    found = drawn(
        Columns(0, 8 * STEP_NS, 8),
        [
            (segment(2 * STEP_NS, 4 * STEP_NS, -STEP_NS), Measured(0, bytes([1, 2, 3, 4, 5, 6]))),
            (segment(4 * STEP_NS, 5 * STEP_NS), None),
            (segment(6 * STEP_NS, 7 * STEP_NS), Measured(6 * STEP_NS, bytes([0]))),
        ],
    )
    assert found == [NOTHING, NOTHING, 4, 5, NOTHING, NOTHING, 0, NOTHING]


def test_a_glance_stands_for_all_of_its_chunk() -> None:
    glance = Measured(4 * STEP_NS, bytes([7, 9]))
    assert drawn(Columns(0, 2 * STEP_NS, 1), [(segment(0, 10 * STEP_NS), glance)]) == [7]
    assert drawn(Columns(8 * STEP_NS, 9 * STEP_NS, 1), [(segment(0, 10 * STEP_NS), glance)]) == [9]


@pytest.mark.parametrize(("length", "sampled"), [(SAMPLED_NS, False), (SAMPLED_NS + 1, True)])
def test_only_wide_columns_are_glanced_at(length: int, sampled: bool) -> None:
    assert Columns(5, 5 + 10 * length, 10).sampled is sampled
