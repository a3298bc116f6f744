"""Which of a source's frames an instant shows. Harm guarded against: the wrong one, a frame too many in memory."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.frame_lane import BUFFER_FRAMES_MAX, Frame, FrameLane, Pick
from reeld_proto.units import NS_PER_MS

T = 1_000_000 * NS_PER_MS
LATER = T + 10_000 * NS_PER_MS


def lane(*at_ms: int, tolerance_ms: int = 20, preference_ms: int = 10) -> FrameLane:
    """A lane of 50 fps to which frames of these instants were offered."""
    made = FrameLane(tolerance_ns=tolerance_ms * NS_PER_MS, preference_ns=preference_ms * NS_PER_MS)
    for number, ms in enumerate(at_ms, 1):
        made.offer(Frame(T + ms * NS_PER_MS, number, ms), LATER)
    return made


def shows(source: FrameLane, at_ms: int) -> Any:
    pick = source.take(T + at_ms * NS_PER_MS)
    return None if pick is None else (pick.frame.picture, pick.held)


@pytest.mark.parametrize(
    ("frames", "at_ms", "expected"),
    [
        ([], 0, None),
        ([0], 0, (0, False)),
        ([0], 20, (0, False)),
        ([0], 21, (0, True)),
        ([20], 0, (20, False)),
        ([21], 0, None),
        ([0, 20, 40], 41, (40, False)),
        ([0, 14], 10, (0, False)),
        ([-3, 14], 14, (14, False)),
        ([0, 21], 17, (21, False)),
        ([0, 100], 50, (0, True)),
        ([-30, 15], 0, (15, False)),
        ([-21, 19], 0, (19, False)),
    ],
)
def test_the_closest_frame_within_the_tolerance_is_shown_else_the_last_one(
    frames: list[int], at_ms: int, expected: tuple[int, bool] | None
) -> None:
    assert shows(lane(*frames), at_ms) == expected


def test_a_frame_of_the_future_is_never_held_out_as_the_present() -> None:
    source = lane(0)
    assert shows(source, 0) == (0, False)
    source.offer(Frame(T + 500 * NS_PER_MS, 2, 500), LATER)
    assert shows(source, 100) == (0, True)
    assert shows(source, 479) == (0, True)
    assert shows(source, 480) == (500, False)


def test_a_new_frame_is_preferred_to_a_shown_one_that_is_a_little_closer() -> None:
    """Harm: a source in opposite phase repeats a frame and skips the next."""
    source = lane(8, 28)
    assert shows(source, 0) == (8, False)
    assert shows(source, 17) == (28, False)
    lazy = lane(8, 28, preference_ms=0)
    assert shows(lazy, 0) == (8, False)
    assert shows(lazy, 17) == (8, False)


def test_a_repeated_frame_is_not_fresh() -> None:
    source = lane(0)
    first, second = source.take(T), source.take(T + 15 * NS_PER_MS)
    assert isinstance(first, Pick)
    assert isinstance(second, Pick)
    assert (first.fresh, second.fresh) == (True, False)
    assert source.counts().shown == 1
    assert source.counts().matched == 2


def test_what_is_known_to_be_unchanged_matches_and_is_decided() -> None:
    """Harm: a still screen is taken for a lost one."""
    source = lane(0)
    shows(source, 0)
    assert not source.decided(T + 500 * NS_PER_MS)
    source.unchanged(T + 500 * NS_PER_MS)
    assert source.decided(T + 500 * NS_PER_MS)
    source.offer(Frame(T + 505 * NS_PER_MS, 2, 505), LATER)
    assert shows(source, 500) == (0, False)
    assert shows(source, 506) == (505, False)
    assert source.counts().held == 0


def test_being_unchanged_says_nothing_before_the_first_frame() -> None:
    """Harm: a source that has shown nothing yet counts as seen."""
    source = lane()
    source.unchanged(T)
    assert not source.decided(T)
    assert shows(source, 0) is None
    assert source.counts().absent == 1


def test_a_full_buffer_loses_its_oldest_frame_and_counts_it() -> None:
    """Harm: raw frames fill the memory while nobody takes them; or the newest are lost and the picture is old."""
    source = lane(*range(0, 20 * (BUFFER_FRAMES_MAX + 5), 20))
    counts = source.counts()
    assert (counts.buffered, counts.peak, counts.dropped) == (BUFFER_FRAMES_MAX, BUFFER_FRAMES_MAX, 5)
    assert shows(source, 0) is None
    assert shows(source, 90) == (100, False)


def test_a_full_buffer_says_so_only_if_it_is_going_to_lose_what_is_needed() -> None:
    """Harm: a set waits for a lost source until the others' frames are gone; or a fast source hurries the rest."""
    source = lane(*range(0, 10 * BUFFER_FRAMES_MAX, 10))
    assert source.pressed(T + 9 * NS_PER_MS)
    assert not source.pressed(T + 10 * NS_PER_MS)
    assert not lane(0, 10).pressed(T)


def test_frames_out_of_order_are_dropped_and_holes_are_counted() -> None:
    """Harm: the picture jumps back; or lost frames are nowhere to be seen."""
    source = lane(0, 20)
    source.offer(Frame(T + 10 * NS_PER_MS, 3, "late"), LATER)
    source.offer(Frame(T + 20 * NS_PER_MS, 4, "twice"), LATER)
    source.offer(Frame(T + 40 * NS_PER_MS, 9, "on time"), LATER)
    counts = source.counts()
    assert (counts.received, counts.dropped, counts.lost) == (5, 2, 4)
    assert shows(source, 40) == ("on time", False)


def test_a_source_that_joins_late_lost_nothing() -> None:
    """Harm: a camera swapped in during a session counts thousands of lost frames."""
    source = lane()
    source.offer(Frame(T, 5000, "first"), LATER)
    assert source.counts().lost == 0


def test_a_source_that_was_opened_again_counts_from_one_without_loss() -> None:
    """Harm: after a camera was replugged all its frames are refused as old."""
    source = lane(0, 20, 40)
    source.offer(Frame(T + 60 * NS_PER_MS, 1, "again"), LATER)
    assert source.counts().lost == 0
    assert shows(source, 60) == ("again", False)


def test_a_clock_ahead_of_time_does_not_silence_its_source() -> None:
    """Harm: one frame stamped an hour ahead makes the following hour's frames look old."""
    source = FrameLane(tolerance_ns=20 * NS_PER_MS, preference_ns=10 * NS_PER_MS)
    source.offer(Frame(T + 3_600_000 * NS_PER_MS, 1, "ahead"), T)
    assert not source.decided(T + NS_PER_MS)
    assert shows(source, 0) == ("ahead", False)
    source.offer(Frame(T + 20 * NS_PER_MS, 2, "right"), T + 20 * NS_PER_MS)
    assert shows(source, 20) == ("right", False)


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=BUFFER_FRAMES_MAX, unique=True),
    st.lists(st.integers(0, 500), min_size=1, max_size=20, unique=True),
)
def test_no_frame_at_hand_is_much_closer_than_the_one_shown(frames: list[int], instants: list[int]) -> None:
    """Harm: "closest" is not. What is shown is at most the preference farther away than the best still to be had."""
    source = lane(*sorted(frames))
    shown: int | None = None
    for at_ms in sorted(instants):
        answer = shows(source, at_ms)
        usable = [ms for ms in frames if (shown is None or ms >= shown) and ms <= at_ms + 20]
        if not usable:
            assert answer is None
            continue
        assert answer is not None
        closest_ms = min(abs(ms - at_ms) for ms in usable)
        assert abs(answer[0] - at_ms) <= closest_ms + 10 or closest_ms > 20
        assert answer[1] is (closest_ms > 20)
        shown = answer[0]
