"""Harm guarded against: a click when a gain changes, and a gain that does not arrive."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.ramp import Ramp
from tests.daemon.audio.dsp.blocks import cut_sizes, pieces

gains = st.floats(0, 8, width=32)


@given(gains, gains, st.integers(1, 2000))
def test_a_ramp_never_steps_and_arrives_on_time(start: float, end: float, frames: int) -> None:
    ramp = Ramp([start])
    ramp.start([end], frames)
    curve = ramp.advance(frames + 3)[:, 0].astype(np.float64)
    assert np.array_equal(curve[frames:], np.full(3, end))
    step = abs(end - start) * np.pi / 2 / frames
    assert np.abs(np.diff(curve, prepend=start)).max() <= step * 1.001 + 1e-5
    assert not ramp.moving
    assert ramp.gains == [end]


@given(cut_sizes)
def test_a_ramp_does_not_depend_on_how_it_is_asked_for(sizes: list[int]) -> None:
    whole, cut = Ramp([0.2, 1.0]), Ramp([0.2, 1.0])
    for ramp in (whole, cut):
        ramp.start([1.0, 0.0], 700)
    parts = [cut.advance(piece.stop - piece.start) for piece in pieces(1500, sizes)]
    assert np.array_equal(np.concatenate(parts), whole.advance(1500))


def test_a_ramp_that_is_interrupted_goes_on_from_where_it_is() -> None:
    ramp = Ramp([0.0])
    ramp.start([1.0], 1000)
    before = ramp.advance(300)
    ramp.start([0.0], 1000)
    after = ramp.advance(1000)
    assert abs(float(after[0, 0] - before[-1, 0])) < 0.002
    assert after[-1, 0] < 1e-4


def test_at_rest_it_stays() -> None:
    assert Ramp([0.3]).advance(5).tolist() == [[np.float32(0.3)]] * 5
