"""When a picture came to be. Harm guarded against: a search that leads to a moment before the text was on the screen,
or long after."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.appearing import (
    LOOK_NS_MAX,
    MIDDLE_NS_MAX,
    REST_NS,
    appeared_before,
    lead_ns,
    shown_times,
)
from reeld_proto.units import NS_PER_S

BEFORE_NS = 100 * NS_PER_S


def lead_s(taken_s: float, *frames_s: float) -> float:
    """Seconds by which the picture is older; all times since the still before."""
    frames = [BEFORE_NS + round(at_s * NS_PER_S) for at_s in frames_s]
    return appeared_before(frames, BEFORE_NS, BEFORE_NS + round(taken_s * NS_PER_S)) / NS_PER_S


@given(
    st.lists(st.integers(0, 90 * NS_PER_S)).map(sorted),
    st.integers(0, 40 * NS_PER_S),
    st.integers(0, 40 * NS_PER_S),
)
def test_a_picture_is_never_newer_than_its_still_nor_older_than_the_one_before(
    frames: list[int], before_ns: int, length_ns: int
) -> None:
    assert 0 <= appeared_before(frames, before_ns, before_ns + length_ns) <= length_ns


@given(st.lists(st.integers(1, 10 * NS_PER_S - 1), min_size=1).map(sorted))
def test_a_picture_appears_with_a_frame_unless_the_screen_never_rests(frames: list[int]) -> None:
    taken_ns = 10 * NS_PER_S
    found_ns = appeared_before(frames, 0, taken_ns)
    assert taken_ns - found_ns in frames or found_ns == MIDDLE_NS_MAX


def test_the_last_burst_of_frames_is_when_the_picture_came_to_be() -> None:
    assert lead_s(8, 1.0, 1.1, 5.0, 5.2, 5.4) == 3.0
    assert lead_s(8, 5.0) == 3.0


def test_a_screen_that_never_rests_is_taken_in_the_middle_but_not_long_before() -> None:
    moving = [tenth / 10 for tenth in range(1, 600)]
    assert lead_s(3, *moving[:29]) == 1.5
    assert lead_s(59, *moving[:589]) == MIDDLE_NS_MAX / NS_PER_S


def test_a_rest_before_the_first_frame_is_one() -> None:
    rest_s = REST_NS / NS_PER_S
    assert lead_s(2, rest_s + 0.1, rest_s + 0.3) == pytest.approx(2 - rest_s - 0.1)
    assert lead_s(2, rest_s, rest_s + 0.3) == 1.0


def test_without_frames_nothing_is_known() -> None:
    assert lead_s(8) == 0


def test_frames_of_the_still_before_and_of_the_next_one_tell_nothing() -> None:
    assert lead_s(8, -3.0, 0.0, 8.1, 20.0) == 0
    assert lead_s(8, -3.0, 0.0, 6.0, 8.1, 20.0) == 2.0


@pytest.mark.parametrize("taken_ns", [BEFORE_NS - 1, BEFORE_NS, BEFORE_NS + LOOK_NS_MAX + 1])
def test_a_still_that_nobody_waited_for_or_that_stood_for_long_is_not_looked_into(taken_ns: int) -> None:
    untouched: Any = None
    assert lead_ns(untouched, "s", b"", BEFORE_NS, taken_ns) == 0


@given(st.integers(0, 10**15), st.sampled_from([30, 1000, 15_360, 90_000, 1_000_000]))
def test_the_first_frame_of_a_chunk_is_on_view_whatever_rounding_does_to_its_time(
    start_ns: int, timescale: int
) -> None:
    """Harm: the very frame with which a text came up is left out, and the text is dated seconds before it was there."""
    tick_ns = NS_PER_S // timescale
    stored_ns = (start_ns * timescale // NS_PER_S) * NS_PER_S // timescale
    assert shown_times([stored_ns], start_ns, start_ns + NS_PER_S, tick_ns + 1) == [max(stored_ns, start_ns)]
    before_ns, after_ns = start_ns - 2 * tick_ns - 2, start_ns + NS_PER_S
    assert shown_times([before_ns, after_ns], start_ns, start_ns + NS_PER_S, tick_ns + 1) == []
