"""Harm guarded against: a gain that comes a frame too late, or never lets go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.lookahead import Lookahead, released_from, sliding_max, sliding_mean
from tests.daemon.audio.dsp.blocks import cut_sizes, pieces

values = st.lists(st.floats(0, 1), min_size=1, max_size=80).map(np.array)


@given(values, st.integers(1, 40))
def test_windows_are_those_of_counting_by_hand(numbers: np.ndarray, window: int) -> None:
    padded = np.concatenate([np.zeros(window - 1), numbers])
    by_hand = [padded[start : start + window] for start in range(len(numbers))]
    assert sliding_max(padded, window).tolist() == [part.max() for part in by_hand]
    assert sliding_mean(padded, window) == pytest.approx([part.mean() for part in by_hand], abs=1e-12)


@given(values, st.floats(0, 1), st.floats(1, 1000), st.data())
def test_the_closed_form_of_the_release_is_the_recursion(
    numbers: np.ndarray, last: float, time_constant: float, data: st.DataObject
) -> None:
    held = np.array(data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers))))
    envelope, state = [], last
    for value, holds in zip(numbers, held, strict=True):
        state = max(value, state if holds else state * np.exp(-1 / time_constant))
        envelope.append(state)
    assert released_from(numbers, last, time_constant, held) == pytest.approx(envelope, abs=1e-9)


@given(st.integers(1, 60), st.floats(1, 500), cut_sizes, st.integers(0, 2**32))
def test_every_frame_gets_the_reduction_it_needs(frames: int, release: float, sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    needed = np.where(random.random(900) < 0.02, random.random(900), 0.0)
    ahead = Lookahead(frames, release)
    got = np.concatenate([ahead.advance(needed[piece]) for piece in pieces(900, sizes)])
    assert (got[frames:] >= needed[: len(needed) - frames] - 1e-12).all()
    whole = Lookahead(frames, release).advance(needed)
    assert np.abs(got - whole).max() <= 1e-12


def test_it_comes_to_rest_and_moves_in_straight_lines() -> None:
    ahead = Lookahead(100, 50.0)
    assert ahead.resting
    needed = np.zeros(3000)
    needed[1000] = 0.5
    curve = ahead.advance(needed)
    assert not curve[:1000].any()
    assert curve[1100] == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(curve)).max() < 0.5 / 100
    assert ahead.resting
    assert not curve[-1]
