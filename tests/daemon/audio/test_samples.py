"""Harm guarded against: rounding that makes sound drift from the picture, or chunks that overlap by a nanosecond."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.samples import CHANNELS, RATE, frames_to_ns, join, nearest_frame, ns_to_frames, silence

HOURS_NS = 100 * 3600 * 10**9
rates = st.sampled_from([8_000, 16_000, 44_100, 48_000, 96_000])


@given(frame=st.integers(0, RATE * 360_000), rate=rates)
def test_a_frame_and_its_instant_name_each_other_over_days(frame: int, rate: int) -> None:
    assert ns_to_frames(frames_to_ns(frame, rate), rate) == frame
    assert nearest_frame(frames_to_ns(frame, rate), rate) == frame


@given(ns=st.integers(0, HOURS_NS), rate=rates)
def test_the_frames_before_an_instant_are_exactly_those_that_begin_before_it(ns: int, rate: int) -> None:
    count = ns_to_frames(ns, rate)
    assert count * 10**9 >= ns * rate
    assert count == 0 or (count - 1) * 10**9 < ns * rate


@given(ns=st.integers(-HOURS_NS, HOURS_NS))
def test_the_nearest_frame_is_never_more_than_half_a_frame_away(ns: int) -> None:
    assert abs(nearest_frame(ns) * 10**9 - ns * RATE) * 2 <= 10**9


def test_silence_has_the_shape_of_sound() -> None:
    quiet = silence(5)
    assert quiet.shape == (5, CHANNELS)
    assert quiet.dtype == np.float32
    assert not quiet.any()


def test_joining_keeps_order_and_copies_a_single_part_not() -> None:
    one, two = silence(2) + 1, silence(3) + 2
    assert join([one, two])[:, 0].tolist() == [1, 1, 2, 2, 2]
    assert join([one]) is one
    assert join([]).shape == (0, CHANNELS)
