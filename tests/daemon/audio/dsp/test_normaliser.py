"""Harm guarded against: a peak over the level, a gain that pumps or jumps, noise brought up in pauses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.normaliser import Normaliser
from reeld_proto.sound_graph import NormaliserNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw, sine

RATE = 48_000
NODE = NormaliserNode(name="n")


def test_an_impulse_comes_out_where_it_went_in() -> None:
    kernel = Normaliser(NODE, RATE, 2)
    assert kernel.latency == 960
    out = aligned(kernel, [impulse(5000, 2345)], [97])
    assert np.flatnonzero(out[:, 0]).tolist() == [2345]


@given(st.integers(0, 2**32), st.floats(0.001, 30), st.floats(-40, 0), st.floats(0, 40), cut_sizes)
def test_no_sample_is_ever_over_the_level(
    seed: int, loud: float, peak_db: float, gain: float, sizes: list[int]
) -> None:
    node = NormaliserNode(name="n", peak_db=peak_db, gain_db_max=gain)
    out = aligned(Normaliser(node, RATE, 2), [noise(3000, loud, seed=seed)], sizes)
    assert float(np.abs(out).max()) <= 10 ** (peak_db / 20)


def test_quiet_sound_is_brought_up_to_the_level_in_some_seconds() -> None:
    out = aligned(Normaliser(NODE, RATE, 2), [sine(440, RATE * 20, 10 ** (-12 / 20))])
    peaks_db = [20 * np.log10(np.abs(out[second * RATE : (second + 1) * RATE]).max()) for second in range(20)]
    assert -12 <= peaks_db[0] < -8
    assert (np.diff(peaks_db) > -0.01).all()
    assert peaks_db[-1] == pytest.approx(-3, abs=0.1)


def test_the_gain_is_never_more_than_the_highest() -> None:
    samples = sine(440, RATE * 25, 10 ** (-40 / 20))
    out = aligned(Normaliser(NODE, RATE, 2), [samples])
    assert np.abs(out[-RATE:]).max() == pytest.approx(10 ** (-28 / 20), rel=0.02)


def test_pauses_are_not_brought_up() -> None:
    samples = noise(RATE * 10, 10 ** (-75 / 20))
    samples[: RATE // 2] = sine(440, RATE // 2, 0.7)
    out = aligned(Normaliser(NODE, RATE, 2), [samples])
    gain = [
        float(np.std(out[start : start + RATE]) / np.std(samples[start : start + RATE])) for start in (RATE, RATE * 9)
    ]
    assert gain[1] == pytest.approx(gain[0], rel=0.01)


def test_the_gain_moves_without_a_step() -> None:
    samples = sine(997, RATE, 0.1)
    samples[20_000:30_000] *= 9
    out = aligned(Normaliser(NODE, RATE, 2), [samples])
    heard = np.abs(samples[:, 0]) > 0.03
    gain = np.where(heard, out[:, 0] / np.where(heard, samples[:, 0], 1), np.nan)
    assert np.nanmax(np.abs(np.diff(gain))) < 4 / 960


@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(6000, 0.05)
    samples[2000:3000] = 0
    outs = [raw(Normaliser(NODE, RATE, 2), [samples], cut) for cut in ([6000], sizes)]
    assert np.abs(outs[0] - outs[1]).max() <= 1e-6


def test_what_is_no_number_goes_no_further() -> None:
    samples = noise(6000, 0.1)
    samples[2000] = np.nan
    samples[3000] = np.inf
    out = aligned(Normaliser(NODE, RATE, 2), [samples])
    assert np.isfinite(out).all()
    assert not len(Normaliser(NODE, RATE, 2).process([samples[:0]]))
