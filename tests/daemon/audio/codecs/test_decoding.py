"""Decoded frames as float. Harm guarded against: a format of FFmpeg's whose samples come out scaled or interleaved."""

from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.codecs.decoding import in_channels, samples_of

FULL_SCALE = {"u8": 128, "s16": 2**15, "s32": 2**31, "flt": 1, "dbl": 1}


@pytest.mark.parametrize("planar", ["", "p"])
@pytest.mark.parametrize("kind", FULL_SCALE)
def test_every_format_means_the_same_samples(kind: str, planar: str) -> None:
    wanted = np.array([[0.0, 0.5], [-1.0, 0.25], [0.125, -0.5]])
    values = wanted * FULL_SCALE[kind] + (128 if kind == "u8" else 0)
    shaped = values.T if planar else values.reshape(1, -1)
    kinds = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}
    data = np.ascontiguousarray(shaped.astype(kinds[kind]))
    frame: Any = av.AudioFrame.from_ndarray(data, format=kind + planar, layout="stereo")
    found = samples_of(frame)
    assert found.dtype == np.float32
    assert np.array_equal(found, wanted)


@given(value=st.integers(-(2**23), 2**23 - 1))
def test_no_bit_of_24_is_lost(value: int) -> None:
    frame: Any = av.AudioFrame.from_ndarray(np.array([[value << 8]], np.int32), format="s32", layout="mono")
    assert float(samples_of(frame)[0, 0]) * 2**23 == value


def test_channels_are_as_loud_as_they_were_or_their_mean() -> None:
    sound = np.array([[0.5, -0.25]], np.float32)
    assert in_channels(sound, 2) is sound
    assert np.array_equal(in_channels(sound[:, :1], 2), [[0.5, 0.5]])
    assert np.array_equal(in_channels(sound, 1), [[0.125]])
