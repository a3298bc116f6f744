"""Harm guarded against: a library that drops or adds frames, channels it leaves alone, and sound it never recovers from."""

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.filterchain import FilterChain
from reeld_proto.sound_graph import VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw

RATE = 48_000
DECAY = ("biquad", "a0=1:a1=-0.5:b0=0.5:precision=f64")


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 9, 31, 32])
def test_every_channel_is_filtered(channels: int) -> None:
    out = raw(FilterChain([DECAY], RATE, channels), [impulse(100, 10, channels=channels)])
    assert out[9:12].tolist() == [[0.0] * channels, [0.25] * channels, [0.125] * channels]


@settings(max_examples=30)
@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(3000)
    chains = [FilterChain([DECAY, DECAY], RATE, 2) for _ in range(2)]
    assert np.array_equal(raw(chains[0], [samples], [3000]), raw(chains[1], [samples], sizes))


@settings(max_examples=20, deadline=None)
@given(cut_sizes)
def test_a_filter_that_gives_frames_in_steps_gives_as_many_as_it_takes(sizes: list[int]) -> None:
    samples = noise(5000)
    outs = [raw(FilterChain([("afftdn", "")], RATE, 2, lag=1200, step=600), [samples], cut) for cut in ([5000], sizes)]
    assert np.array_equal(outs[0], outs[1])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_it_recovers_from_what_is_no_number(bad: float) -> None:
    samples = noise(2000)
    samples[500] = bad
    out = aligned(FilterChain([DECAY], RATE, 2), [samples])
    assert np.isfinite(out).all()
    clean = samples.copy()
    clean[500] = 0 if np.isnan(bad) else 1
    assert np.array_equal(out, aligned(FilterChain([DECAY], RATE, 2), [clean]))


def test_no_frames_are_no_work() -> None:
    chain = FilterChain([DECAY], RATE, 2)
    assert not len(chain.process([noise(0)]))
    assert not chain.adjust(VolumeNode(name="v"))
