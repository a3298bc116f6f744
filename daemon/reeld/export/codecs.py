"""What two parts of a track must have in common, and silence in a track's own format."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.audio.codecs.recipes import recipe_for
from reeld.media.decode import open_init
from reeld_proto.sound_graph import SoundCodec

_SETTLED_S = {"aac": 0.2, "opus": 0.2}
"""An encoder's first packets carry its start; from here on silence repeats itself."""


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


@dataclass(frozen=True, slots=True)
class Silence:
    """A packet of silence, which may be repeated. frames: how many it has, at the rate of its track's format."""

    packet: bytes
    frames: int


def silence_of(form: Format) -> Silence | None:
    """Silence in the format of a track of AAC or Opus; None for others."""
    if form.codec not in _SETTLED_S:
        return None
    rate, channels = form.shape
    recipe = recipe_for(SoundCodec(form.codec), rate, channels, None)
    encoder: Any = av.CodecContext.create(recipe.encoder, "w")
    encoder.sample_rate = rate
    encoder.layout = recipe.layout
    encoder.format = recipe.sample_format
    encoder.time_base = Fraction(1, rate)
    encoder.options = recipe.options
    packets: list[Any] = []
    nothing = np.zeros((recipe.packet_frames, channels), np.float32)
    for index in range(2 + int(_SETTLED_S[form.codec] * rate / recipe.packet_frames)):
        frame: Any = av.AudioFrame.from_ndarray(
            recipe.shaped(nothing), format=recipe.sample_format, layout=recipe.layout
        )
        frame.sample_rate = rate
        frame.pts = index * recipe.packet_frames
        packets += encoder.encode(frame)
    return Silence(bytes(packets[-1]), recipe.packet_frames)
