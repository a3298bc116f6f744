"""Harm guarded against: sound that is touched without need, that wobbles, or that is never brought back."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.clockfit import Estimate
from reeld.audio.steering import BEGIN_DRIFT_NS, BEGIN_NS, PAUSE_NS, PULL_PPM, STEP_PPM, Steering
from reeld_proto.units import NS_PER_MS, NS_PER_S

STEP_NS = 5 * NS_PER_S


def estimate(ppm: float, at_ns: float = 0.0) -> Estimate:
    return Estimate(ppm=ppm, unsure_ppm=0.0, origin_ns=0.0, at_ns=at_ns, spread_ns=0.0, residual_ns=0.0)


def simulate(ppm: float, error_ns: float, looks: int) -> tuple[list[float], list[float]]:
    """Errors and speeds at each look, of a device `ppm` fast whose sound begins `error_ns` too early."""
    steering = Steering()
    speed, errors, speeds = 0.0, [], []
    for look in range(looks):
        speed = steering.target(estimate(ppm, look * STEP_NS), error_ns, speed)
        error_ns -= (ppm - speed) * 1e-6 * STEP_NS
        errors.append(error_ns)
        speeds.append(speed)
    return errors, speeds


@given(ppm=st.floats(-1.5, 1.5), error_ms=st.floats(-4.9, 4.9))
def test_a_clock_that_agrees_is_not_touched(ppm: float, error_ms: float) -> None:
    assert Steering().target(estimate(ppm), error_ms * NS_PER_MS, 0.0) == 0.0


def test_drift_is_let_be_until_it_is_more_than_an_error_of_the_fit() -> None:
    steering = Steering()
    assert steering.target(estimate(80), -0.9 * BEGIN_DRIFT_NS, 0.0) == 0.0
    assert steering.target(estimate(80), -1.1 * BEGIN_DRIFT_NS, 0.0) > 80


@pytest.mark.parametrize("ppm", [80.0, -50.0, 300.0, 12.0])
@pytest.mark.parametrize("error_ms", [-9.0, 3.0])
def test_a_drifting_device_is_brought_back_and_held(ppm: float, error_ms: float) -> None:
    errors, _ = simulate(ppm, error_ms * NS_PER_MS, 120)
    assert max(abs(error) for error in errors) < abs(error_ms * NS_PER_MS) + 10 * NS_PER_MS
    assert all(abs(error) < NS_PER_MS / 2 for error in errors[60:])


@given(ppm=st.floats(-500, 500), errors_ms=st.lists(st.floats(-30, 30), min_size=1, max_size=60))
def test_no_change_of_speed_can_be_heard_whatever_the_fit_says(ppm: float, errors_ms: list[float]) -> None:
    steering = Steering()
    speed, changed_ns = 0.0, -PAUSE_NS
    for second, error_ms in enumerate(errors_ms):
        new = steering.target(estimate(ppm, second * NS_PER_S), error_ms * NS_PER_MS, speed)
        assert abs(new - speed) <= STEP_PPM + 0.1
        assert abs(new) <= abs(ppm) + PULL_PPM + 0.1
        if new != speed:
            assert second * NS_PER_S - changed_ns >= PAUSE_NS
            changed_ns = second * NS_PER_S
        speed = new


def test_once_all_is_well_the_samples_are_left_alone_again() -> None:
    errors, speeds = simulate(0.0, 1.2 * BEGIN_NS, 120)
    assert speeds[0] != 0
    assert speeds[-1] == 0.0
    assert abs(errors[-1]) < NS_PER_MS


def test_a_steady_drift_is_not_answered_with_a_fade_every_few_seconds() -> None:
    _, speeds = simulate(80.0, 3 * NS_PER_MS, 400)
    changes = sum(before != after for before, after in pairwise(speeds[60:]))
    assert changes * 45 <= 340 * STEP_NS / NS_PER_S, "one in 45 s at most"


def test_what_may_be_no_drift_and_no_error_is_not_acted_upon() -> None:
    unsure = Estimate(
        ppm=90, unsure_ppm=100, origin_ns=0, at_ns=0, spread_ns=16 * NS_PER_MS, residual_ns=16 * NS_PER_MS
    )
    assert Steering().target(unsure, 9 * NS_PER_MS, 0.0) == 0.0
    assert Steering().target(sure_of(unsure), 9 * NS_PER_MS, 0.0) != 0.0


def sure_of(estimate: Estimate) -> Estimate:
    return replace(estimate, unsure_ppm=1.0, spread_ns=0.1 * NS_PER_MS)
