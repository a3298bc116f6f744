"""Harm guarded against: levels that are wrong by a factor, a channel that gets another's gain."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.levels import decibels, factor, finite, frames_of, peak, peaks, scaled
from tests.daemon.audio.dsp.blocks import noise


@given(st.floats(-119, 30))
def test_decibels_and_factors_are_each_others_inverse(db: float) -> None:
    assert decibels(factor(db)) == pytest.approx(db)


def test_known_decibels() -> None:
    assert factor(0) == 1
    assert factor(-6.0206) == pytest.approx(0.5, abs=1e-5)
    assert decibels(0.0) == decibels(1e-9) == -120


def test_a_duration_is_never_no_frame() -> None:
    assert frames_of(0.0, 48_000) == 1
    assert frames_of(5.0, 44_100) == 220


def test_peaks_see_negative_samples_and_every_channel() -> None:
    samples = np.zeros((10, 3), np.float32)
    samples[4, 2] = -0.75
    assert peak(samples) == 0.75
    assert peaks(samples).tolist() == [0, 0, 0, 0, 0.75, 0, 0, 0, 0, 0]
    assert peak(samples[:0]) == 0


@pytest.mark.parametrize("gains", [[0.5, 0.5], [0.5, 0.25], [0.0, 1.0], [0.0, 0.0]])
def test_every_channel_gets_its_own_gain(gains: list[float]) -> None:
    samples = noise(100)
    assert np.array_equal(scaled(samples, gains), samples * np.array(gains, np.float32))


def test_sound_at_gain_one_is_not_copied() -> None:
    samples = noise(100)
    assert scaled(samples, [1.0, 1.0]) is samples


def test_what_is_muted_has_no_trace_of_what_it_was() -> None:
    assert not np.signbit(scaled(noise(100), [0.0, 0.0])).any()
    assert not math.isnan(float(scaled(np.full((3, 1), np.inf, np.float32), [0.0])[0, 0]))


def test_what_is_no_number_is_seen_and_taken_out() -> None:
    samples = noise(100)
    for bad in (np.nan, np.inf, -np.inf):
        samples[7, 1] = bad
        assert not math.isfinite(peak(samples))
    clean = finite(samples)
    assert clean[7].tolist() == [samples[7, 0], -1.0]
