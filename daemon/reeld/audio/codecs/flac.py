"""FLAC frames made shorter, without a bit of what stays being changed."""

from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.audio.codecs.recipes import Recipe


def first_frames(packet: bytes, recipe: Recipe, extradata: bytes, count: int) -> bytes:
    """A packet with the first `count` frames of `packet`. extradata: STREAMINFO of the encoder that made it."""
    decoder: Any = av.CodecContext.create("flac", "r")
    decoder.extradata = extradata
    decoded = [*decoder.decode(av.Packet(packet)), *decoder.decode(None)]
    samples = np.concatenate([frame.to_ndarray() for frame in decoded], axis=1)[:, : count * recipe.channels]
    encoder: Any = av.CodecContext.create("flac", "w")
    encoder.sample_rate = recipe.rate
    encoder.layout = recipe.layout
    encoder.format = recipe.sample_format
    encoder.time_base = Fraction(1, recipe.rate)
    encoder.options = recipe.options
    frame: Any = av.AudioFrame.from_ndarray(samples, format=recipe.sample_format, layout=recipe.layout)
    frame.sample_rate = recipe.rate
    return b"".join(bytes(each) for each in [*encoder.encode(frame), *encoder.encode(None)])
