"""Harm guarded against: a library that leaves some channels alone, and sound it never recovers from."""

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.biquads import k_weighting
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
    assert np.abs(raw(chains[0], [samples], [3000]) - raw(chains[1], [samples], sizes)).max() <= 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_it_recovers_from_what_is_no_number(bad: float) -> None:
    samples = noise(2000)
    samples[500] = bad
    out = aligned(FilterChain([DECAY], RATE, 2), [samples])
    assert np.isfinite(out).all()
    clean = samples.copy()
    clean[500] = 0 if np.isnan(bad) else 1
    assert np.array_equal(out, aligned(FilterChain([DECAY], RATE, 2), [clean]))


def test_after_a_long_silence_sound_is_filtered_as_at_first() -> None:
    chain = FilterChain([DECAY], RATE, 2)
    samples = noise(4800)
    first = raw(chain, [samples])
    assert not raw(chain, [np.zeros((RATE * 3, 2), np.float32)])[RATE:].any()
    assert np.array_equal(raw(chain, [samples]), first)


def test_what_still_rings_is_not_cut_off_by_silence() -> None:
    ringing = ("biquad", "a0=1:a1=-1.9999:a2=0.99993:b0=0.001:precision=f64")
    samples = np.zeros((RATE * 4, 2), np.float32)
    samples[0] = 1
    for sizes in ([4800], [1, RATE * 2]):
        out = raw(FilterChain([ringing], RATE, 2), [samples], sizes)
        assert all(np.abs(out[start : start + 4800]).max() > 0 for start in range(0, RATE * 4, 4800))


def test_in_silence_nothing_is_computed_with_denormal_numbers() -> None:
    chain = FilterChain([("biquad", stage.arguments()) for stage in k_weighting(RATE)], RATE, 2)
    raw(chain, [noise(4800)])
    raw(chain, [np.zeros((RATE * 2, 2), np.float32)])
    asked = chain._taken
    assert asked < RATE * 1.2
    assert not raw(chain, [np.zeros((RATE * 10, 2), np.float32)]).any()
    assert chain._taken == asked


def test_no_frames_are_no_work() -> None:
    chain = FilterChain([DECAY], RATE, 2)
    assert not len(chain.process([noise(0)]))
    assert not chain.adjust(VolumeNode(name="v"))
