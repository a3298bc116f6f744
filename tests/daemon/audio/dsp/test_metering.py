"""Harm guarded against: a level told of the wrong moment, channel or size."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given

from reeld.audio.dsp.metering import Meter
from reeld.audio.dsp.observations import Level
from tests.daemon.audio.dsp.blocks import cut_sizes, impulse, noise, observed, sine

RATE = 48_000


def levels(samples: np.ndarray, sizes: list[int] | tuple[int, ...] = (480,), rate: int = RATE) -> list[Level]:
    said = observed(Meter(rate, samples.shape[1]), samples, sizes)
    assert all(isinstance(level, Level) for level in said)
    return [level for level in said if isinstance(level, Level)]


def test_a_sine_has_its_peak_and_three_decibels_less() -> None:
    for level in levels(sine(1000, 48_000, 0.5)):
        assert level.peak_db == pytest.approx([-6.02] * 2, abs=0.01)
        assert level.rms_db == pytest.approx([-9.03] * 2, abs=0.01)


def test_a_peak_is_told_of_its_window_and_channel_alone() -> None:
    samples = impulse(48_000, 14_400)
    samples[:, 1] = 0
    said = levels(samples)
    assert [index for index, level in enumerate(said) if level.peak_db[0] > -120] == [3]
    assert said[3].peak_db == pytest.approx((-6.02, -120.0), abs=0.01)


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000, 22_055, 1_001])
def test_windows_follow_each_other_without_a_hole_or_drift(rate: int) -> None:
    said = levels(noise(rate * 3 + 7), rate=rate)
    assert said[0].start_frame == 0
    assert all(one.end_frame == other.start_frame for one, other in pairwise(said))
    assert said[-1].end_frame == rate * 3 + 7
    assert said[29].end_frame == rate * 3
    assert len(said) == 31


def test_no_sound_no_level() -> None:
    assert Meter(RATE, 2).finish() == []


@given(cut_sizes)
def test_any_split_says_the_same(sizes: list[int]) -> None:
    samples = noise(12_000)
    for one, other in zip(levels(samples, [12_000]), levels(samples, sizes), strict=True):
        assert (one.start_frame, one.end_frame, one.peak_db) == (other.start_frame, other.end_frame, other.peak_db)
        assert one.rms_db == pytest.approx(other.rms_db, abs=0.001)


def test_root_mean_squares_are_those_of_double_precision() -> None:
    samples = noise(4800)
    (level,) = levels(samples)
    exact = [
        20 * math.log10(math.sqrt(float(np.mean(samples[:, channel].astype(np.float64) ** 2)))) for channel in (0, 1)
    ]
    assert level.rms_db == pytest.approx(exact, abs=0.001)
