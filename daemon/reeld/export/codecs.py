"""What two parts of a track must have in common, and silence in a track's own format."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.media.decode import open_init

AAC_FRAME = 1024
"""Samples of a frame of AAC-LC, ISO/IEC 14496-3."""

_SETTLED = 3
"""The encoder's first frames carry its start; from here on silence repeats itself."""


@dataclass(frozen=True, slots=True)
class Format:
    """What two init segments must agree in so that one track can hold the chunks of both."""

    codec: str
    extradata: bytes
    shape: tuple[int, ...]
    """Width and height, or sample rate and channels."""

    def __str__(self) -> str:
        return f"{self.codec} {'x'.join(str(each) for each in self.shape)}"


def format_of(init: bytes) -> Format:
    """The format that an init segment declares. Raises StoreCorrupt."""
    with open_init(init) as container:
        context = container.streams[0].codec_context
        shape = (context.width, context.height) if context.type == "video" else (context.sample_rate, context.channels)
        return Format(context.codec.canonical_name, bytes(context.extradata or b""), shape)


def silent_aac(rate: int, channels: int) -> bytes:
    """One AAC-LC frame of silence, which may be repeated."""
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate = rate
    encoder.layout = "mono" if channels == 1 else "stereo" if channels == 2 else f"{channels}c"
    encoder.format = "fltp"
    encoder.time_base = Fraction(1, rate)
    packets = []
    for index in range(_SETTLED + 2):
        samples = np.zeros((channels, AAC_FRAME), np.float32)
        frame: Any = av.AudioFrame.from_ndarray(samples, format="fltp", layout=encoder.layout.name)
        frame.sample_rate = rate
        frame.pts = index * AAC_FRAME
        packets += encoder.encode(frame)
    return bytes(packets[_SETTLED])
