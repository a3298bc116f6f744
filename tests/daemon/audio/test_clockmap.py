"""Harm guarded against: sound at another time than it was heard, because a device said so for a moment."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.clockmap import LATE_NS_MAX, SETTLE_MAX_NS, SETTLE_NS, SLIP_NS, ClockMap
from reeld_proto.units import NS_PER_MS, NS_PER_S

BLOCK_NS = 100 * NS_PER_MS
ORIGIN = 5_000 * NS_PER_S


def feed(clock: ClockMap, blocks: int, *, start: int = 0, error_ns: int = 0, jitter_ns: int = 0, seed: int = 1) -> None:
    """Blocks of a perfect device whose stated times are off by `error_ns` and a random jitter."""
    chance = random.Random(seed)
    for index in range(start, start + blocks):
        captured_ns = ORIGIN + index * BLOCK_NS
        said_ns = captured_ns + error_ns + chance.randint(-jitter_ns, jitter_ns)
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, said_ns, captured_ns + BLOCK_NS + 5 * NS_PER_MS)


def test_nothing_is_believed_before_the_settling_time() -> None:
    clock = ClockMap()
    assert SETTLE_NS % BLOCK_NS == 0
    feed(clock, int(SETTLE_NS // BLOCK_NS))
    assert clock.origin_ns is None
    feed(clock, 1, start=int(SETTLE_NS // BLOCK_NS))
    assert clock.origin_ns == ORIGIN


@given(seed=st.integers(0, 10_000), error_ms=st.integers(-200, 50))
def test_the_origin_is_what_the_device_says_whatever_the_jitter(seed: int, error_ms: int) -> None:
    clock = ClockMap()
    feed(clock, 30, error_ns=error_ms * NS_PER_MS, jitter_ns=NS_PER_MS, seed=seed)
    assert clock.origin_ns is not None
    assert abs(clock.origin_ns - ORIGIN - error_ms * NS_PER_MS) <= NS_PER_MS


def test_a_first_guess_that_is_wrong_by_half_a_second_does_not_move_the_sound() -> None:
    """As measured on an idle PulseAudio null sink: 0.7 s wrong for 0.6 s, then it slides to the truth, then exact."""
    clock = ClockMap()
    for index in range(25):
        wrong_ms = 700 if index < 6 else max(0, 700 - (index - 6) * 110)
        captured_ns = ORIGIN + index * BLOCK_NS
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns - wrong_ms * NS_PER_MS, captured_ns + BLOCK_NS)
    assert clock.origin_ns is not None
    assert abs(clock.origin_ns - ORIGIN) < NS_PER_MS


def test_a_wrong_first_guess_that_looks_credible_and_steady_is_not_believed_either() -> None:
    """As measured: 200 ms wrong in perfect agreement until 1.2 s, then right at once."""
    clock = ClockMap()
    for index in range(25):
        captured_ns = ORIGIN + index * BLOCK_NS
        wrong_ms = 200 if index < 12 else 0
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns - wrong_ms * NS_PER_MS, captured_ns + BLOCK_NS)
    assert clock.origin_ns == ORIGIN
    assert clock.correct() == 0


def test_a_device_that_is_truly_slow_to_deliver_is_believed_later() -> None:
    clock = ClockMap()
    for index in range(18):
        captured_ns = ORIGIN + index * BLOCK_NS
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns, captured_ns + BLOCK_NS + 200 * NS_PER_MS)
    assert clock.origin_ns == ORIGIN


def test_votes_that_never_agree_end_in_the_newest_credible_one_not_in_endless_waiting() -> None:
    clock = ClockMap()
    for index in range(int(SETTLE_MAX_NS // BLOCK_NS) + 2):
        captured_ns = ORIGIN + index * BLOCK_NS
        clock.add(
            index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns - (index % 5) * 20 * NS_PER_MS, captured_ns + BLOCK_NS
        )
    assert clock.origin_ns is not None
    assert abs(clock.origin_ns - ORIGIN) <= 100 * NS_PER_MS


def test_a_device_without_usable_times_is_placed_by_its_deliveries() -> None:
    clock = ClockMap()
    for index in range(25):
        arrived_ns = ORIGIN + (index + 1) * BLOCK_NS + (index % 3) * 7 * NS_PER_MS
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, arrived_ns - NS_PER_S - LATE_NS_MAX, arrived_ns)
    assert clock.origin_ns == ORIGIN


def test_a_monitor_that_delivers_before_the_sound_is_heard_is_believed() -> None:
    clock = ClockMap()
    for index in range(20):
        heard_ns = ORIGIN + index * BLOCK_NS
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, heard_ns, heard_ns - 150 * NS_PER_MS)
    assert clock.origin_ns == ORIGIN


def test_stopping_early_settles_with_what_is_known() -> None:
    clock = ClockMap()
    clock.settle()
    assert clock.origin_ns is None
    feed(clock, 2)
    clock.settle()
    assert clock.origin_ns == ORIGIN


@given(drift_ms=st.integers(-int(SLIP_NS // NS_PER_MS), int(SLIP_NS // NS_PER_MS)))
def test_an_error_below_the_threshold_makes_no_click(drift_ms: int) -> None:
    clock = ClockMap()
    feed(clock, 25)
    feed(clock, 30, start=25, error_ns=drift_ms * NS_PER_MS)
    assert clock.correct() == 0
    assert clock.origin_ns == ORIGIN


@pytest.mark.parametrize("lost_ms", [-300, -40, 40, 300])
def test_lost_or_repeated_sound_moves_the_line_by_exactly_that(lost_ms: int) -> None:
    clock = ClockMap()
    feed(clock, 25)
    assert clock.correct() == 0
    moves = []
    for index in range(25, 45):
        captured_ns = ORIGIN + index * BLOCK_NS + lost_ms * NS_PER_MS
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns, captured_ns + BLOCK_NS)
        moves.append(clock.correct())
    assert [move for move in moves if move] == [lost_ms * NS_PER_MS]
    assert clock.origin_ns == ORIGIN + lost_ms * NS_PER_MS
    assert next(index for index, move in enumerate(moves) if move) <= 11


def test_one_late_delivery_or_one_odd_time_changes_nothing() -> None:
    clock = ClockMap()
    feed(clock, 25)
    clock.add(25 * BLOCK_NS, (25 + 1) * BLOCK_NS, ORIGIN + 25 * BLOCK_NS + 90 * NS_PER_MS, ORIGIN + 27 * BLOCK_NS)
    assert clock.correct() == 0
    feed(clock, 10, start=26)
    assert clock.correct() == 0


def test_votes_that_wander_while_deliveries_keep_time_make_no_click() -> None:
    """As measured on a remapped source: a server that smooths its latency swings by 20 ms over some seconds."""
    clock = ClockMap()
    feed(clock, 25)
    for index in range(25, 400):
        captured_ns = ORIGIN + index * BLOCK_NS
        wander_ns = int(25 * NS_PER_MS * math.sin(index / 20))
        clock.add(
            index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns + wander_ns, captured_ns + BLOCK_NS + 5 * NS_PER_MS
        )
        assert clock.correct() == 0


@pytest.mark.parametrize("earlier_ms", [-90, -20, 20, 90])
def test_deliveries_that_shift_while_votes_keep_time_make_no_click(earlier_ms: int) -> None:
    """A player with small buffers starts: the server mixes in smaller steps and delivers at other times."""
    clock = ClockMap()
    feed(clock, 25)
    for index in range(25, 100):
        captured_ns = ORIGIN + index * BLOCK_NS
        clock.add(
            index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns, captured_ns + BLOCK_NS - earlier_ms * NS_PER_MS
        )
        assert clock.correct() == 0


def test_a_drift_that_nothing_takes_out_is_followed_in_steps_and_never_runs_away() -> None:
    """80 ppm for an hour: 288 ms in all; without steps the lips would be gone after eight minutes."""
    clock = ClockMap()
    worst = 0
    for index in range(36_000):
        captured_ns = ORIGIN + round(index * BLOCK_NS * (1 + 80e-6))
        clock.add(index * BLOCK_NS, (index + 1) * BLOCK_NS, captured_ns, captured_ns + BLOCK_NS)
        clock.correct()
        if clock.origin_ns is not None:
            worst = max(worst, abs(clock.origin_ns + index * BLOCK_NS - captured_ns))
    assert worst <= SLIP_NS + NS_PER_MS
