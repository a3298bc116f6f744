"""Harm guarded against: a denoiser that makes sound late by more than it says, or takes the voice with the noise."""

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.denoiser import Denoiser
from reeld_proto.sound_graph import DenoiserNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw
from tests.daemon.audio.dsp.speech import speech

NODE = DenoiserNode(name="d")


@pytest.mark.parametrize(("rate", "latency"), [(48_000, 1023), (44_100, 939), (16_000, 341), (192_000, 4095)])
def test_an_impulse_comes_out_where_it_went_in(rate: int, latency: int) -> None:
    kernel = Denoiser(NODE, rate, 2)
    assert kernel.latency == latency
    samples = impulse(rate, rate // 2, 0.9)
    out = aligned(kernel, [samples])
    assert np.argmax(np.abs(out[:, 0])) == rate // 2
    assert out.shape == samples.shape


@pytest.mark.parametrize(("level_db", "settles_s"), [(-70, 3), (-45, 3), (-35, 5)])
def test_steady_noise_is_taken_off_and_a_voice_stays(level_db: float, settles_s: int) -> None:
    rate = 16_000
    hiss = noise(rate * (settles_s + 3), 10 ** (level_db / 20))
    voice = np.zeros_like(hiss)
    voice[-2 * rate :] = speech(2, rate, 0.5)
    out = aligned(Denoiser(NODE, rate, 2), [hiss + voice])
    settled = slice(settles_s * rate, (settles_s + 1) * rate)
    assert 20 * np.log10(np.std(out[settled]) / np.std(hiss[settled])) == pytest.approx(-12, abs=1.5)
    left = out[-2 * rate :] - voice[-2 * rate :]
    assert np.std(left) < max(np.std(hiss), 0.02 * np.std(voice[-2 * rate :]))


def test_sound_without_noise_is_left_alone() -> None:
    voice = speech(3, 48_000, 0.5)
    out = aligned(Denoiser(DenoiserNode(name="d", floor_db=-80), 48_000, 2), [voice])
    assert np.std(out - voice) < 0.01 * np.std(voice)


def test_what_is_no_number_goes_no_further() -> None:
    samples = noise(20_000, 0.1)
    samples[5000], samples[6000] = np.nan, np.inf
    out = aligned(Denoiser(NODE, 48_000, 2), [samples])
    assert np.isfinite(out).all()
    assert np.std(out[10_000:]) > 0.01


@settings(max_examples=15, deadline=None)
@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(6000)
    outs = [raw(Denoiser(NODE, 48_000, 2), [samples], cut) for cut in ([6000], sizes)]
    assert np.array_equal(outs[0], outs[1])


def test_another_reduction_counts_from_now_on_and_does_not_click() -> None:
    rate = 48_000
    kernel = Denoiser(DenoiserNode(name="d", reduction_db=0.1), rate, 2)
    hiss = noise(rate * 6, 10 ** (-45 / 20))
    before = kernel.process([hiss[: rate * 3]])
    assert kernel.adjust(DenoiserNode(name="d", reduction_db=20.0))
    after = kernel.process([hiss[rate * 3 :]])
    assert np.std(after[rate:]) < 0.2 * np.std(before[rate:])
    assert np.abs(after[:2048]).max() <= np.abs(before).max()
    assert not kernel.adjust(VolumeNode(name="v"))
