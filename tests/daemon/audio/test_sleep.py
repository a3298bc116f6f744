"""Harm guarded against: after a night's sleep a recording that waits for a dead stream, or reopens a sound one."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.sleep import SLEPT_NS_MIN, SleepSensor
from reeld_proto.units import NS_PER_S


class Clocks:
    """How far the clock that counts sleep is ahead."""

    def __init__(self) -> None:
        self.ahead_ns = 3 * NS_PER_S

    def __call__(self) -> int:
        return self.ahead_ns


def test_a_sleep_is_told_once() -> None:
    clocks = Clocks()
    sensor = SleepSensor(clocks)
    assert sensor.slept_ns() == 0
    clocks.ahead_ns += 60 * NS_PER_S
    assert sensor.slept_ns() == 60 * NS_PER_S
    assert sensor.slept_ns() == 0


def test_a_machine_that_is_awake_never_slept() -> None:
    sensor = SleepSensor()
    assert [sensor.slept_ns() for _ in range(1000)] == [0] * 1000


@given(st.lists(st.integers(0, 10 * NS_PER_S)))
def test_no_sleep_is_told_twice_or_forgotten_however_short_its_parts(steps: list[int]) -> None:
    clocks = Clocks()
    sensor = SleepSensor(clocks)
    told = 0
    for step_ns in steps:
        clocks.ahead_ns += step_ns
        told += sensor.slept_ns()
        assert 0 <= clocks.ahead_ns - 3 * NS_PER_S - told < SLEPT_NS_MIN


def test_a_clock_that_was_put_back_is_no_sleep_and_hides_none() -> None:
    clocks = Clocks()
    sensor = SleepSensor(clocks)
    clocks.ahead_ns -= 5 * NS_PER_S
    assert sensor.slept_ns() == 0
    clocks.ahead_ns += 2 * NS_PER_S
    assert sensor.slept_ns() == 2 * NS_PER_S
