"""FLAC frames cut and silent ones made, without a bit of what stays being changed."""

from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.audio.codecs.recipes import Recipe, Shaped


def part_of_packet(packet: bytes, recipe: Recipe, extradata: bytes, first: int, count: int) -> bytes:
    """A packet with `count` frames of `packet` from frame `first` on.

    extradata: STREAMINFO of the encoder that made it. Raises av.FFmpegError for a packet that is none.
    """
    decoder: Any = av.CodecContext.create("flac", "r")
    decoder.extradata = extradata
    decoded = [*decoder.decode(av.Packet(packet)), *decoder.decode(None)]
    samples = np.concatenate([frame.to_ndarray() for frame in decoded], axis=1)
    return _encoded(samples[:, first * recipe.channels : (first + count) * recipe.channels], recipe)


def silent_packet(recipe: Recipe, count: int) -> bytes:
    """A packet of `count` frames of silence, no more than the recipe's."""
    return _encoded(np.zeros((1, count * recipe.channels), np.int32), recipe)


def _encoded(samples: Shaped, recipe: Recipe) -> bytes:
    encoder: Any = av.CodecContext.create("flac", "w")
    encoder.sample_rate = recipe.rate
    encoder.layout = recipe.layout
    encoder.format = recipe.sample_format
    encoder.time_base = Fraction(1, recipe.rate)
    encoder.options = recipe.options
    whole: Any = np.ascontiguousarray(samples)
    frame: Any = av.AudioFrame.from_ndarray(whole, format=recipe.sample_format, layout=recipe.layout)
    frame.sample_rate = recipe.rate
    return b"".join(bytes(each) for each in [*encoder.encode(frame), *encoder.encode(None)])
