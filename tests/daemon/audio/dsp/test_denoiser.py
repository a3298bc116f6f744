"""Harm guarded against: a denoiser that makes sound late by more than it says, or takes the voice with the noise."""

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.denoiser import Denoiser
from reeld_proto.sound_graph import DenoiserNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw, sine

NODE = DenoiserNode(name="d")


@pytest.mark.parametrize(("rate", "latency"), [(48_000, 1799), (44_100, 1652), (16_000, 599), (192_000, 7199)])
def test_an_impulse_comes_out_where_it_went_in(rate: int, latency: int) -> None:
    kernel = Denoiser(NODE, rate, 2)
    assert kernel.latency == latency
    samples = impulse(rate, rate // 2, 0.9)
    out = aligned(kernel, [samples])
    assert np.argmax(np.abs(out[:, 0])) == rate // 2
    assert out.shape == samples.shape


def test_steady_noise_is_taken_off_and_a_voice_stays() -> None:
    rate = 48_000
    hiss = noise(rate * 4, 10 ** (-45 / 20))
    tone = sine(440, rate * 4, 0.1)
    tone[: rate * 3] = 0
    out = aligned(Denoiser(NODE, rate, 2), [hiss + tone])
    before, after = (float(np.sqrt(np.mean(each[rate * 2 : rate * 3] ** 2))) for each in (hiss, out))
    assert 20 * np.log10(after / before) < -6
    voice = out[rate * 3 + 4800 :, 0]
    assert np.sqrt(np.mean(voice**2)) == pytest.approx(0.1 / np.sqrt(2), rel=0.05)


@settings(max_examples=15, deadline=None)
@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(6000)
    outs = [raw(Denoiser(NODE, 48_000, 2), [samples], cut) for cut in ([6000], sizes)]
    assert np.array_equal(outs[0], outs[1])


def test_another_reduction_counts_from_now_on() -> None:
    rate = 48_000
    kernel = Denoiser(DenoiserNode(name="d", reduction_db=0.1), rate, 2)
    hiss = noise(rate * 4, 10 ** (-45 / 20))
    before = kernel.process([hiss[: rate * 2]])
    assert kernel.adjust(DenoiserNode(name="d", reduction_db=20.0))
    after = kernel.process([hiss[rate * 2 :]])
    assert np.std(after[rate:]) < 0.5 * np.std(before[rate:])
    assert not kernel.adjust(VolumeNode(name="v"))
