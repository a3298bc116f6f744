"""Harm guarded against: sound that is shifted, shortened or distorted by another rate."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.dsp.resampling import FixedResampler, resampled_frames
from reeld.audio.samples import Samples, join
from tests.daemon.audio.dsp.blocks import cut_sizes, noise, pieces, sine


def resampled(samples: Samples, given_rate: int, wanted: int, sizes: list[int]) -> Samples:
    resampler = FixedResampler(given_rate, wanted, samples.shape[1])
    parts = [resampler.resample(samples[piece]) for piece in pieces(len(samples), sizes)]
    return join([*parts, resampler.resample(samples[:0], last=True)])


rates = st.sampled_from([1_000, 8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])


@settings(max_examples=40)
@given(rates, rates, st.integers(0, 4000), st.sampled_from([1, 2, 32]), cut_sizes)
def test_the_length_is_exact_at_every_rate(
    given_rate: int, wanted: int, frames: int, channels: int, sizes: list[int]
) -> None:
    out = resampled(noise(frames, channels=channels), given_rate, wanted, sizes)
    assert out.shape == (resampled_frames(frames, given_rate, wanted), channels)
    assert abs(len(out) - frames * wanted / given_rate) <= 0.5


@pytest.mark.parametrize(("given_rate", "wanted"), [(48_000, 44_100), (16_000, 48_000), (44_100, 48_000)])
@given(sizes=cut_sizes)
@settings(max_examples=10)
def test_any_split_gives_what_soxr_gives_at_once(given_rate: int, wanted: int, sizes: list[int]) -> None:
    samples = noise(9001)
    at_once = soxr.resample(samples, given_rate, wanted, quality="HQ")
    out = resampled(samples, given_rate, wanted, sizes)
    assert np.abs(out[: len(at_once)] - at_once[: len(out)]).max() <= 1e-6


@pytest.mark.parametrize(("given_rate", "wanted"), [(48_000, 44_100), (16_000, 48_000), (44_100, 48_000)])
def test_a_sine_keeps_its_place_and_has_no_distortion_above_minus_100_db(given_rate: int, wanted: int) -> None:
    out = resampled(sine(997, given_rate * 2, 0.9, given_rate), given_rate, wanted, [4801])[:, 0].astype(np.float64)
    middle = slice(wanted // 4, len(out) - wanted // 4)
    phase = 2 * np.pi * 997 * np.arange(len(out)) / wanted
    basis = np.column_stack([np.sin(phase), np.cos(phase), np.ones(len(out))])[middle]
    (in_phase, quadrature, offset), *_ = np.linalg.lstsq(basis, out[middle], rcond=None)
    rest = out[middle] - basis @ np.array([in_phase, quadrature, offset])
    distortion_db = 10 * np.log10(np.mean(rest**2) / (0.9**2 / 2))
    assert distortion_db < -100
    assert in_phase == pytest.approx(0.9, rel=1e-3)
    frames_off = np.arctan2(quadrature, in_phase) / (2 * np.pi * 997) * wanted
    assert abs(frames_off) < 1e-4


def test_the_same_rate_changes_nothing() -> None:
    samples = noise(480)
    assert FixedResampler(48_000, 48_000, 2).resample(samples) is samples


def test_nothing_comes_after_the_last_frame() -> None:
    resampler = FixedResampler(44_100, 48_000, 2)
    resampler.resample(noise(1000), last=True)
    assert not len(resampler.resample(noise(10), last=True))
