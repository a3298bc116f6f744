"""Harm guarded against: time that jumps, repeats or leaks a pause into a recording."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from reeld.runtime.clock import SessionClock

S = 1_000_000_000


def test_a_pause_takes_no_session_time() -> None:
    clock = SessionClock(10 * S)
    clock.pause(15 * S)
    clock.resume(18 * S)
    assert clock.media_ns(15 * S) == 5 * S
    assert clock.media_ns(16 * S) == 5 * S
    assert clock.media_ns(18 * S) == 5 * S
    assert clock.media_ns(20 * S) == 7 * S


def test_time_stands_still_while_a_pause_lasts() -> None:
    clock = SessionClock(0)
    clock.pause(3 * S)
    assert clock.media_ns(2 * S) == 2 * S
    assert clock.media_ns(9 * S) == 3 * S
    assert clock.is_paused_at(3 * S)
    assert not clock.is_paused_at(3 * S - 1)


def test_pause_and_resume_twice_change_nothing() -> None:
    clock = SessionClock(0)
    clock.resume(1 * S)
    clock.pause(2 * S)
    clock.pause(3 * S)
    clock.resume(4 * S)
    clock.resume(5 * S)
    assert clock.data().pauses == clock.pauses
    assert [(span.start_ns, span.end_ns) for span in clock.pauses] == [(2 * S, 4 * S)]


def test_an_instant_before_the_start_is_negative() -> None:
    assert SessionClock(100).media_ns(40) == -60


def test_a_pause_ordered_before_the_last_resume_does_not_make_time_run_backwards() -> None:
    clock = SessionClock(0)
    clock.pause(1 * S)
    clock.resume(3 * S)
    clock.pause(2 * S)
    assert clock.paused_since_ns == 3 * S


steps = st.lists(st.integers(min_value=0, max_value=10 * S), max_size=20)


def build(start: int, lengths: list[int]) -> SessionClock:
    clock, at = SessionClock(start), start
    for index, length in enumerate(lengths):
        at += length
        (clock.resume if index % 2 else clock.pause)(at)
    return clock


@given(st.integers(0, 100 * S), steps, st.lists(st.integers(0, 300 * S), min_size=2, max_size=10))
def test_media_time_never_runs_backwards_nor_faster_than_the_clock(
    start: int, lengths: list[int], probes: list[int]
) -> None:
    clock = build(start, lengths)
    instants = sorted(start + probe for probe in probes)
    for before, after in itertools.pairwise(instants):
        assert 0 <= clock.media_ns(after) - clock.media_ns(before) <= after - before


@given(st.integers(0, 100 * S), steps, st.integers(0, 300 * S))
def test_inverse_finds_the_first_instant_with_that_media_time(start: int, lengths: list[int], probe: int) -> None:
    clock = build(start, lengths)
    media = clock.media_ns(start + probe)
    instant = clock.monotonic_ns(media)
    assert instant <= start + probe
    assert clock.media_ns(instant) == media


@given(st.integers(0, 100 * S), steps, st.integers(0, 300 * S))
def test_a_worker_that_is_told_the_clock_agrees_with_the_daemon(start: int, lengths: list[int], probe: int) -> None:
    clock = build(start, lengths)
    copy = SessionClock.from_data(clock.data())
    assert copy.media_ns(start + probe) == clock.media_ns(start + probe)
    assert copy.is_paused_at(start + probe) == clock.is_paused_at(start + probe)
    assert copy.paused_since_ns == clock.paused_since_ns
