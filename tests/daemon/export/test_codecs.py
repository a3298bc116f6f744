from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from reeld.audio.encoder import encoder_for
from reeld.export.codecs import Format, format_of, silence_of
from reeld.media.cmaf import CmafEncoder
from reeld.media.decode import open_init
from reeld_proto.errors import StoreCorrupt
from reeld_proto.sound_graph import SoundCodec


def sound_encoder(rate: int = 48_000, layout: str = "stereo") -> CmafEncoder:
    def configure(stream: Any) -> None:
        stream.codec_context.layout = layout

    return CmafEncoder("aac", timescale=rate, options={}, configure=configure, rate=rate)


def picture_encoder(width: int = 64) -> CmafEncoder:
    def configure(stream: Any) -> None:
        stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"

    return CmafEncoder("libx264", timescale=90_000, options={"preset": "ultrafast"}, configure=configure)


def test_a_restarted_worker_with_the_same_settings_has_the_same_format() -> None:
    # Else every restart of a worker would make its session impossible to export.
    assert format_of(picture_encoder().init) == format_of(picture_encoder().init)
    assert format_of(sound_encoder().init) == format_of(sound_encoder().init)


def test_what_one_track_cannot_hold_differs_and_can_be_told_to_people() -> None:
    small, large = format_of(picture_encoder().init), format_of(picture_encoder(80).init)
    assert small != large
    assert (str(small), str(large)) == ("h264 64x48", "h264 80x48")
    assert format_of(sound_encoder().init) != format_of(sound_encoder(layout="mono").init)
    assert str(format_of(sound_encoder(44_100).init)) == "aac 44100x2"


@pytest.mark.parametrize("data", [b"", b"no media at all", bytes(1000)])
def test_bytes_that_are_no_init_segment_are_damage(data: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        open_init(data)


@pytest.mark.parametrize(("rate", "layout"), [(48_000, "stereo"), (48_000, "mono"), (44_100, "stereo")])
def test_silence_decodes_as_silence_with_the_tracks_own_settings(rate: int, layout: str) -> None:
    encoder = sound_encoder(rate, layout)
    assert_silent(encoder.init, 1024, rate, 1 if layout == "mono" else 2)


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_of_opus_is_silent_too(channels: int) -> None:
    encoder = encoder_for(SoundCodec.OPUS, channels=channels)
    assert_silent(encoder.init, 960, 48_000, channels)
    encoder.close()


def assert_silent(init: bytes, frames: int, rate: int, channels: int) -> None:
    silence = silence_of(format_of(init))
    assert silence is not None
    assert silence.frames == frames
    assert len(silence.packet) < 100
    with open_init(init) as container:
        context = container.streams[0].codec_context
        decoder: Any = av.CodecContext.create(context.codec.canonical_name, "r")
        decoder.extradata = context.extradata
        for index in range(5):
            packet: Any = av.Packet(silence.packet)
            packet.pts, packet.time_base = index * frames, Fraction(1, rate)
            for decoded in decoder.decode(packet):
                assert (decoded.samples, decoded.sample_rate) == (frames, rate)
                assert len(decoded.layout.channels) == channels
                assert np.abs(decoded.to_ndarray()).max() < 1e-4


def test_there_is_no_silence_of_what_is_not_known() -> None:
    assert silence_of(Format("mp3", b"", (48_000, 2))) is None
