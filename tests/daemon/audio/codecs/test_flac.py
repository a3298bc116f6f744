"""FLAC frames cut. Harm guarded against: a bit that changes because a cut fell into a packet."""

from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.codecs.decoding import samples_of
from reeld.audio.codecs.flac import part_of_packet, silent_packet
from reeld.audio.codecs.recipes import recipe_for
from reeld.audio.encoder import encoder_for
from reeld.audio.samples import Samples, frames_to_ns
from reeld.media.decode import open_init
from reeld.media.fragments import parse_chunk, parse_init
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.audio.fakes import counting

FRAMES = 4608
RECIPE = recipe_for(SoundCodec.FLAC, 48_000, 2, None)


def packet_of(sound: Samples) -> tuple[bytes, bytes]:
    """The one packet of a sound, and STREAMINFO."""
    encoder = encoder_for(SoundCodec.FLAC)
    (chunk,) = encoder.write(sound) + encoder.finish(len(sound), frames_to_ns(len(sound)))
    (sample,) = parse_chunk(chunk.data, parse_init(encoder.init))
    with open_init(encoder.init) as container:
        extradata = bytes(container.streams[0].codec_context.extradata)
    encoder.close()
    return bytes(sample.data), extradata


def decoded(packet: bytes, extradata: bytes) -> Samples:
    decoder: Any = av.CodecContext.create("flac", "r")
    decoder.extradata = extradata
    frames: list[Any] = [*decoder.decode(av.Packet(packet)), *decoder.decode(None)]
    assert len(frames) == 1
    return samples_of(frames[0])


PACKET, EXTRADATA = packet_of(counting(0, FRAMES))


@settings(deadline=None, max_examples=40)
@given(first=st.integers(0, FRAMES - 1), data=st.data())
def test_a_part_has_its_frames_bit_for_bit(first: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, FRAMES - first))
    part = part_of_packet(PACKET, RECIPE, EXTRADATA, first, count)
    assert np.array_equal(decoded(part, EXTRADATA), counting(first, count))


@pytest.mark.parametrize("count", [1, 15, 16, 333, FRAMES])
def test_silence_is_as_long_as_it_is_meant_to_be(count: int) -> None:
    silent = decoded(silent_packet(RECIPE, count), EXTRADATA)
    assert silent.shape == (count, 2)
    assert not silent.any()


def test_what_is_no_packet_is_an_error_and_no_sound() -> None:
    with pytest.raises((av.FFmpegError, ValueError)):
        part_of_packet(b"this is no packet of sound", RECIPE, EXTRADATA, 0, 10)
