"""Harm guarded against: pauses that add up to drift (51 of them cost another recorder 0.7 s)."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.gate import MediaGate, Stretch
from reeld.audio.samples import RATE, frames_to_ns, nearest_frame
from reeld.runtime.clock import SessionClock

START = 1_000_000_000_000
S = 1_000_000_000


def clock_with(*pauses: tuple[float, float]) -> SessionClock:
    clock = SessionClock(START)
    for begin, end in pauses:
        clock.pause(START + int(begin * S))
        clock.resume(START + int(end * S))
    return clock


def test_without_pauses_media_is_the_line() -> None:
    gate = MediaGate(clock_with())
    assert gate.next_stretch(123) == Stretch(123, None, 0)
    assert gate.line_frame(START + S) == RATE


def test_a_pause_is_cut_at_both_ends_to_the_frame() -> None:
    gate = MediaGate(clock_with((2, 5)))
    assert gate.next_stretch(0) == Stretch(0, 2 * RATE, 0)
    assert gate.next_stretch(2 * RATE) == Stretch(5 * RATE, None, 3 * RATE)


def test_while_paused_nothing_beyond_the_pause_is_wanted() -> None:
    clock = clock_with()
    clock.pause(START + 2 * S)
    gate = MediaGate(clock)
    assert gate.next_stretch(RATE) == Stretch(RATE, 2 * RATE, 0)
    assert gate.next_stretch(2 * RATE) is None


def test_a_pause_that_was_ordered_too_late_is_made_up_for_afterwards() -> None:
    """10 frames of the pause were already given: the same 10 are skipped after it, and nothing is shifted for good."""
    gate = MediaGate(clock_with((2, 5)))
    assert gate.next_stretch(2 * RATE + 10) == Stretch(5 * RATE + 10, None, 3 * RATE)


def test_the_end_counts_every_frame_that_begins_before_it() -> None:
    gate = MediaGate(clock_with((2, 5)))
    assert gate.end_frame(START + 6 * S) == 3 * RATE
    assert gate.end_frame(START + 6 * S + 1) == 3 * RATE + 1
    assert gate.end_frame(START + 3 * S) == 2 * RATE
    assert gate.end_frame(START - S) == 0


pauses_ns = st.lists(st.tuples(st.integers(1, 3 * S), st.integers(1, 3 * S)), max_size=200)


@given(pauses_ns)
def test_however_many_pauses_the_sound_after_them_is_within_a_frame(lengths: list[tuple[int, int]]) -> None:
    clock = SessionClock(START)
    at_ns = START
    for active_ns, paused_ns in lengths:
        clock.pause(at_ns + active_ns)
        at_ns += active_ns + paused_ns
        clock.resume(at_ns)
    gate = MediaGate(clock)
    last = nearest_frame(clock.media_ns(at_ns)) + RATE
    stretch = gate.next_stretch(last)
    assert stretch is not None
    assert stretch.end is None
    truth_ns = clock.monotonic_ns(frames_to_ns(last))
    assert abs(START + frames_to_ns(stretch.start) - truth_ns) <= S // RATE + 1


@given(pauses_ns)
def test_walking_the_stretches_meets_every_media_frame_once(lengths: list[tuple[int, int]]) -> None:
    clock = SessionClock(START)
    at_ns = START
    for active_ns, paused_ns in lengths:
        clock.pause(at_ns + active_ns)
        at_ns += active_ns + paused_ns
        clock.resume(at_ns)
    gate = MediaGate(clock)
    media, line = 0, 0
    while (stretch := gate.next_stretch(media)) is not None and stretch.end is not None:
        assert stretch.start >= line
        assert stretch.start - stretch.shift == media
        assert stretch.end > stretch.start
        media, line = stretch.end - stretch.shift, stretch.end
    assert stretch is not None
    assert stretch.start >= line
