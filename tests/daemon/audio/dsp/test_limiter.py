"""Harm guarded against: one sample over the ceiling, a pumping or clicking gain, sound changed that need not be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.limiter import Limiter, not_over
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import LimiterNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw, sine

RATE = 48_000


def node(ceiling_db: float = -1.0, lookahead_ms: float = 5.0, release_ms: float = 50.0) -> LimiterNode:
    return LimiterNode(name="l", ceiling_db=ceiling_db, lookahead_ms=lookahead_ms, release_ms=release_ms)


def limited_by_hand(samples: Samples, ceiling: float, frames: int, release: float) -> Samples:
    """Frame by frame, as the definition reads."""
    needed = [1 - min(1.0, ceiling / max(1e-30, float(np.abs(frame).max()))) for frame in samples]
    padded = [0.0] * frames + needed + [0.0] * frames
    envelope: list[float] = []
    state = 0.0
    for index in range(frames + len(samples)):
        state = max(*padded[index : index + frames + 1], state * float(np.exp(-1 / release)))
        envelope.append(state if state >= 1e-5 else 0.0)
    gains = [1 - sum(envelope[index : index + frames + 1]) / (frames + 1) for index in range(len(samples))]
    limited: Samples = (samples * np.array(gains)[:, None]).astype(np.float32)
    return limited


def test_an_impulse_comes_out_where_it_went_in() -> None:
    limiter = Limiter(node(), RATE, 2)
    assert limiter.latency == 240
    out = aligned(limiter, [impulse(2000, 700, 4.0)], [97])
    assert np.flatnonzero(out[:, 0]).tolist() == [700]
    assert out[700] == pytest.approx([not_over(-1.0)] * 2, abs=1e-6)


@given(
    st.integers(0, 2**32),
    st.floats(0.01, 40),
    st.floats(-60, 0),
    st.floats(0.1, 20),
    st.floats(0, 200),
    cut_sizes,
)
def test_no_sample_is_ever_over_the_ceiling(
    seed: int, level: float, ceiling_db: float, lookahead_ms: float, release_ms: float, sizes: list[int]
) -> None:
    wanted = node(ceiling_db, lookahead_ms, release_ms)
    out = aligned(Limiter(wanted, RATE, 2), [noise(4000, level, seed=seed)], sizes)
    assert float(np.abs(out).max()) <= 10 ** (ceiling_db / 20)


@given(cut_sizes, st.floats(0.2, 3))
def test_any_split_gives_the_same_samples(sizes: list[int], level: float) -> None:
    samples = noise(6000, 0.01)
    samples[1500:1700] += noise(200, level, seed=2)
    whole = raw(Limiter(node(), RATE, 2), [samples], [6000])
    assert np.abs(whole - raw(Limiter(node(), RATE, 2), [samples], sizes)).max() <= 1e-6


def test_it_is_what_the_definition_says() -> None:
    samples = noise(3000, 0.6)
    out = aligned(Limiter(node(-3.0, 2.0, 30.0), RATE, 2), [samples])
    by_hand = limited_by_hand(samples, 10 ** (-3 / 20), 96, 30.0 * RATE / 1000)
    assert np.abs(out - by_hand).max() <= 1e-6


def test_sound_below_the_ceiling_is_bit_identical_also_after_limiting() -> None:
    samples = noise(96_000, 0.05)
    samples[5000] = 3.0
    out = aligned(Limiter(node(), RATE, 2), [samples])
    assert np.array_equal(out[:4760], samples[:4760])
    assert not np.array_equal(out[4900:5100], samples[4900:5100])
    assert np.array_equal(out[50_000:], samples[50_000:])


def test_the_gain_moves_without_a_step() -> None:
    samples = sine(997, 20_000, 0.3)
    samples[8000:12_000] *= 5
    out = aligned(Limiter(node(), RATE, 2), [samples])
    heard = np.abs(samples[:, 0]) > 0.1
    gain = np.where(heard, out[:, 0] / np.where(heard, samples[:, 0], 1), np.nan)
    assert np.nanmax(np.abs(np.diff(gain))) < 0.41 / 240 + 1e-4


def test_both_channels_get_the_same_gain_so_nothing_moves_to_the_side() -> None:
    samples = np.column_stack([sine(997, 5000, 2.0)[:, 0], sine(997, 5000, 0.5)[:, 0]])
    out = aligned(Limiter(node(), RATE, 2), [samples])
    assert np.allclose(out[:, 0], out[:, 1] * 4, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_goes_no_further(bad: float) -> None:
    samples = noise(4000, 0.1)
    samples[1000:1010, 0] = bad
    out = aligned(Limiter(node(), RATE, 2), [samples])
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= not_over(-1.0)
    assert np.array_equal(out[:760], samples[:760])


@given(st.floats(-40, 0), st.floats(-40, 0), cut_sizes)
def test_a_changed_ceiling_holds_for_all_that_comes_after(before: float, after: float, sizes: list[int]) -> None:
    limiter = Limiter(node(before), RATE, 2)
    samples = noise(3000, 1.0)
    raw(limiter, [samples], sizes)
    assert limiter.adjust(node(after, release_ms=20.0))
    changing = raw(limiter, [samples[:240]], sizes)
    assert np.abs(changing).max() <= 10 ** (max(before, after) / 20)
    assert np.abs(raw(limiter, [samples], sizes)).max() <= 10 ** (after / 20)


def test_another_lookahead_needs_another_kernel() -> None:
    limiter = Limiter(node(), RATE, 2)
    assert not limiter.adjust(node(lookahead_ms=6.0))
    assert not limiter.adjust(VolumeNode(name="v"))
