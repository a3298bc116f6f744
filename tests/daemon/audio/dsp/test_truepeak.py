"""Harm guarded against: sound that clips only once it is played."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.truepeak import WORST, TruePeakLimiter
from reeld.audio.samples import Samples
from tests.daemon.audio.dsp.blocks import ebur128, impulse, noise, pieces

RATE = 48_000


def between(level: float, frames: int = 9600) -> Samples:
    """A quarter of the rate, 45 degrees off: samples 3 dB below the sound's peak."""
    wave = level * np.sin(np.pi / 2 * np.arange(frames) + np.pi / 4)
    fade = np.minimum(1, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / 2000)
    return np.repeat((wave * fade).astype(np.float32)[:, None], 2, axis=1)


def limited(samples: Samples, ceiling_db: float = -1.0, sizes: list[int] | None = None) -> Samples:
    limiter = TruePeakLimiter(ceiling_db, 240, 2400.0, 2)
    padded = np.concatenate([samples, np.zeros((limiter.latency, 2), np.float32)])
    parts = [limiter.process(padded[piece]) for piece in pieces(len(padded), sizes or [480])]
    return np.concatenate(parts)[limiter.latency :]


def test_an_impulse_comes_out_where_it_went_in() -> None:
    out = limited(impulse(3000, 1234, 3.0))
    assert np.flatnonzero(out[:, 0]).tolist() == [1234]


def test_a_peak_between_samples_is_seen() -> None:
    samples = between(1.0)
    assert np.abs(samples).max() < 0.708
    assert ebur128(samples)["Peak"] == pytest.approx(0, abs=0.1)
    assert ebur128(limited(samples, -1.5))["Peak"] <= -1.4


@given(st.integers(0, 2**32), st.floats(0.1, 5), st.floats(-12, 0))
def test_true_peaks_stay_below_the_ceiling(seed: int, level: float, ceiling_db: float) -> None:
    low = scipy.signal.firwin(63, 0.8)[:, None]
    samples = scipy.signal.fftconvolve(noise(3000, level, seed=seed), low, mode="same", axes=0).astype(np.float32)
    fine = scipy.signal.resample_poly(limited(samples, ceiling_db).astype(np.float64), 16, 1, axis=0)
    assert np.abs(fine).max() <= 10 ** ((ceiling_db + 0.45) / 20)
    assert np.abs(fine[::16]).max() <= 10 ** (ceiling_db / 20) * (1 + 1e-3)


def test_what_is_far_below_the_ceiling_is_bit_identical() -> None:
    samples = noise(9600, 0.05)
    assert 1 < WORST < 4
    assert np.array_equal(limited(samples), samples)


@given(st.lists(st.integers(1, 900), max_size=5).map(lambda sizes: [*sizes, 400]))
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(6000, 0.01)
    samples[1500:1700] = noise(200, 1.0, seed=2)
    assert np.abs(limited(samples, sizes=[7000]) - limited(samples, sizes=sizes)).max() <= 1e-6
