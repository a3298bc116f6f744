"""Harm guarded against: sound stretched after a server's lie, or left to drift because a server lies."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.clockfit import ENOUGH_S, PPM_MAX, WINDOW_S, ClockFit, Estimate, slope, spread
from reeld.audio.steering import DRIFT_PPM
from reeld_proto.units import NS_PER_MS, NS_PER_S

ORIGIN = 5_000 * NS_PER_S
BLOCK_NS = 100 * NS_PER_MS

Offset = Callable[[float], float]
"""Seconds by which a vote is off, by the age of the stream in seconds."""


class Device:
    """A device `ppm` fast: its votes, off by what the test says, given to a fit; its sound is put where it belongs."""

    def __init__(self, ppm: float = 0.0, *, said: Offset | None = None, came: Offset | None = None) -> None:
        self.fit = ClockFit()
        self.lost_ns = 0.0
        self._ppm = ppm
        self._said = said or (lambda _at: 0.0)
        self._came = came or (lambda _at: 0.0)
        self._chance = random.Random(7)
        self._block = 0

    def run(self, seconds: float, *, jitter_ms: float = 0.3, late: float = 0.01) -> None:
        for _ in range(round(seconds * 10)):
            start, end = self._block * BLOCK_NS, (self._block + 1) * BLOCK_NS
            at_s = start / NS_PER_S
            said = start / (1 + self._ppm * 1e-6) + self._said(at_s) * NS_PER_S
            came = end / (1 + self._ppm * 1e-6) + self._came(at_s) * NS_PER_S
            said += self._chance.uniform(-jitter_ms, jitter_ms) * NS_PER_MS
            came += self._chance.uniform(0, jitter_ms) * NS_PER_MS
            if self._chance.random() < late:
                came += self._chance.uniform(0, 300) * NS_PER_MS
            self.fit.add(start, end, ORIGIN + round(said), ORIGIN + round(came))
            self._block += 1

    def place(self, at_ns: float) -> float:
        """Where the device truly is, told as the origin which that amounts to."""
        return ORIGIN + self.lost_ns - at_ns * self._ppm * 1e-6 / (1 + self._ppm * 1e-6)

    def estimate(self) -> Estimate:
        found = self.fit.estimate(self.place)
        assert found is not None
        return found

    def error_ms(self) -> float:
        """By how much the fitted place differs from where the device truly is."""
        found = self.estimate()
        return (found.origin_ns - self.place(found.at_ns)) / NS_PER_MS


def test_nothing_is_said_before_there_is_enough_to_go_by() -> None:
    device = Device(80)
    device.run(ENOUGH_S - 1)
    assert device.fit.estimate(device.place) is None


@pytest.mark.parametrize("ppm", [-200.0, -50.0, 0.0, 3.0, 80.0, 400.0])
def test_the_drift_of_an_honest_device_is_found_to_a_few_millionths(ppm: float) -> None:
    device = Device(ppm)
    device.run(30)
    assert abs(device.estimate().ppm - ppm) < 20
    device.run(170)
    found = device.estimate()
    assert abs(found.ppm - ppm) < 1
    assert abs(device.error_ms()) < 0.3
    assert found.residual_ns < NS_PER_MS


@given(seed=st.integers(0, 500), ppm=st.integers(-150, 150))
def test_late_blocks_and_single_lies_weigh_nothing(seed: int, ppm: int) -> None:
    chance = random.Random(seed)
    device = Device(ppm, said=lambda _at: chance.uniform(-0.2, 0.2) if chance.random() < 0.05 else 0.0)
    device.run(60, late=0.05)
    assert abs(device.estimate().ppm - ppm) < 10
    assert abs(device.error_ms()) < 1


@pytest.mark.parametrize("ppm", [0.0, 80.0])
def test_stated_times_that_run_away_and_jump_back_do_not_stretch_the_sound(ppm: float) -> None:
    """As measured on a remapped source: 600 ppm for 47 s, then back by 107 ms, and again."""
    device = Device(ppm, said=lambda at: 600e-6 * at - (0.107 if at > 47 else 0))
    for _ in range(20):
        device.run(10)
        found = device.fit.estimate(device.place)
        if found is not None and found.at_ns > 40 * NS_PER_S:
            assert abs(found.ppm - ppm) < 5
            assert abs(device.error_ms()) < 2


def test_stated_times_that_swing_do_not_either() -> None:
    device = Device(80, said=lambda at: 0.02 * float(np.sin(at / 2)))
    device.run(100)
    assert abs(device.estimate().ppm - 80) < 2
    assert abs(device.error_ms()) < 1


def test_deliveries_that_shift_when_a_server_changes_its_buffers_are_not_drift() -> None:
    device = Device(0, came=lambda at: 0.0 if at < 50 else -0.09 if at < 70 else 0.03)
    device.run(120)
    assert abs(device.estimate().ppm) < 1
    assert abs(device.error_ms()) < 0.3


def test_deliveries_that_slide_against_steady_times_are_not_drift() -> None:
    """A server whose own steps are not quite ours delivers ever later, and then a step earlier."""
    device = Device(0, came=lambda at: 830e-6 * at % 0.025)
    device.run(120)
    assert abs(device.estimate().ppm) < 3
    assert abs(device.error_ms()) < 1.5


def test_where_both_swing_what_was_known_stays_in_force() -> None:
    chance = random.Random(5)
    device = Device(40)
    device.run(200)
    assert abs(device.estimate().ppm - 40) < 1
    device._said = lambda _at: chance.uniform(-0.04, 0.04)
    device._came = lambda _at: chance.uniform(0, 0.25)
    device.run(200)
    assert abs(device.estimate().ppm - 40) < 2


def test_what_no_crystal_does_is_not_believed() -> None:
    device = Device(20_000)
    device.run(60)
    assert abs(device.estimate().ppm) <= PPM_MAX


def test_sound_that_was_lost_moves_the_place_and_not_the_slope() -> None:
    lost_s = 0.06
    device = Device(30, said=lambda at: lost_s if at >= 60 else 0.0, came=lambda at: lost_s if at >= 60 else 0.0)
    device.run(60.5)
    device.fit.shift(round(lost_s * NS_PER_S))
    device.lost_ns = lost_s * NS_PER_S
    device.run(60)
    assert abs(device.estimate().ppm - 30) < 3
    assert abs(device.error_ms()) < 1


def test_only_the_newest_minutes_count() -> None:
    device = Device(100)
    device.run(WINDOW_S + 60, jitter_ms=0.1)
    assert device.fit.seconds == WINDOW_S


def test_the_slope_withstands_a_quarter_of_wrong_votes() -> None:
    at = np.arange(60.0)
    votes = 3 * at
    votes[::5] += 1000
    assert abs(slope(at, votes) - 3) < 0.5
    assert spread(np.array([1.0, -1.0, 1.0, 900.0])) == pytest.approx(1.4826)


def test_a_fit_says_how_unsure_it_is() -> None:
    steady, swinging = (
        Device(80),
        Device(80, said=lambda at: 0.006 * float(np.sin(at / 4)), came=lambda at: 0.02 * float(np.sin(at / 5))),
    )
    for device in (steady, swinging):
        device.run(60)
    assert steady.estimate().unsure_ppm < 15
    found = swinging.estimate()
    assert abs(found.ppm - 80) < found.unsure_ppm
    assert found.unsure_ppm > 40
    swinging.run(120)
    later = swinging.estimate()
    assert later.unsure_ppm < found.unsure_ppm, "minutes make it surer"


def test_what_was_sure_is_not_given_up_for_what_is_not() -> None:
    device = Device(80)
    device.run(180)
    sure = device.estimate()
    device._said = device._came = lambda at: 0.02 * float(np.sin(at / 3))
    device.run(60)
    found = device.estimate()
    assert abs(found.ppm - 80) < 2
    assert sure.unsure_ppm < found.unsure_ppm < 10, "it ages"


@pytest.mark.parametrize("at_s", [8, 15, 22])
def test_a_single_step_of_a_servers_clock_is_no_drift(at_s: int) -> None:
    """As measured on a busy machine: a server that woke late moves all its times by some milliseconds."""
    device = Device(0, said=lambda at: 0.0025 * (at >= at_s), came=lambda at: 0.0025 * (at >= at_s))
    device.run(30, jitter_ms=0.1)
    found = device.estimate()
    assert abs(found.ppm) - found.unsure_ppm < DRIFT_PPM
