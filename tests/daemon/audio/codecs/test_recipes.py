"""Encoders' own figures against what we say of them. Harm guarded against: a delay that is off, found by ear."""

from typing import Any

import av
import numpy as np
import pytest

from reeld.audio.codecs.recipes import AAC_RATES, OPUS_RATES, recipe_for, without_pre_skip
from reeld.audio.encoder import encoder_for
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.audio.fakes import tone


def opened(codec: SoundCodec, rate: int, channels: int = 2) -> Any:
    recipe = recipe_for(codec, rate, channels, None)
    context: Any = av.CodecContext.create(recipe.encoder, "w")
    context.sample_rate, context.layout, context.format = rate, recipe.layout, recipe.sample_format
    context.options = recipe.options
    context.open()
    return context


@pytest.mark.parametrize("rate", OPUS_RATES)
def test_the_delay_of_opus_is_what_libopus_says(rate: int) -> None:
    recipe = recipe_for(SoundCodec.OPUS, rate, 2, None)
    context = opened(SoundCodec.OPUS, rate)
    # RFC 7845 5.1: pre-skip at byte 10 of the header, in frames of 48 kHz.
    pre_skip = int.from_bytes(bytes(context.extradata)[10:12], "little")
    assert recipe.delay == pre_skip * rate // 48_000
    assert recipe.packet_frames == context.frame_size


@pytest.mark.parametrize("rate", AAC_RATES)
def test_every_rate_of_aac_is_taken_by_ffmpeg(rate: int) -> None:
    assert opened(SoundCodec.AAC, rate).frame_size == recipe_for(SoundCodec.AAC, rate, 2, None).packet_frames


@pytest.mark.parametrize("rate", [1000, 8000, 44_100, 48_000, 96_000, 192_000])
def test_packets_of_flac_have_the_length_that_was_asked_for(rate: int) -> None:
    assert opened(SoundCodec.FLAC, rate).frame_size == recipe_for(SoundCodec.FLAC, rate, 2, None).packet_frames


def test_bit_rates_follow_the_rate_and_a_wish_is_granted_as_far_as_the_codec_goes() -> None:
    assert "b" not in recipe_for(SoundCodec.AAC, 48_000, 2, None).options
    assert recipe_for(SoundCodec.AAC, 48_000, 2, 192_000).options["b"] == "192000"
    assert recipe_for(SoundCodec.AAC, 8_000, 1, 512_000).options["b"] == "48000"
    assert recipe_for(SoundCodec.OPUS, 48_000, 2, None).options["b"] == "96000"
    assert recipe_for(SoundCodec.OPUS, 16_000, 1, None).options["b"] == "24000"


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "faults"),
    [
        (SoundCodec.OPUS, 44_100, 2, 1),
        (SoundCodec.AAC, 7, 3, 2),
        (SoundCodec.FLAC, 48_000, 9, 1),
        (SoundCodec.AAC, 48_000, 0, 1),
    ],
)
def test_all_that_a_codec_does_not_have_is_told_at_once(
    codec: SoundCodec, rate: int, channels: int, faults: int
) -> None:
    with pytest.raises(RequestRejected) as rejected:
        recipe_for(codec, rate, channels, None)
    assert len(rejected.value.faults) == faults


@pytest.mark.parametrize("codec", list(SoundCodec))
def test_samples_lie_as_the_encoder_takes_them(codec: SoundCodec) -> None:
    sound = np.arange(8, dtype=np.float32).reshape(4, 2) / np.float32(2**23)
    shaped = recipe_for(codec, 48_000, 2, None).shaped(sound)
    expected = {
        SoundCodec.AAC: sound.T,
        SoundCodec.OPUS: sound.reshape(1, 8),
        SoundCodec.FLAC: np.arange(8).reshape(1, 8) << 8,
    }[codec]
    assert np.array_equal(shaped, expected)


def test_only_the_pre_skip_of_opus_is_taken_out() -> None:
    opus = encoder_for(SoundCodec.OPUS)
    raw = opus._cmaf.init
    opus.close()
    changed = [at for at, (one, other) in enumerate(zip(raw, without_pre_skip(raw), strict=True)) if one != other]
    # dOps: version, channels, then the pre-skip of 312 in two bytes.
    assert changed == [raw.index(b"dOps") + 6, raw.index(b"dOps") + 7]
    aac = encoder_for(SoundCodec.AAC)
    assert without_pre_skip(aac.init) == aac.init
    aac.close()


def test_a_tone_in_aac_costs_few_bytes_and_no_search_for_ways_to_spend_more() -> None:
    """Harm: a constant rate takes six times the time for a tone, which a recorder pays for hours."""
    encoder = encoder_for(SoundCodec.AAC)
    chunks = encoder.write(tone(1000, 0, 48_000 * 5)) + encoder.finish(48_000 * 5, 5_000_000_000)
    encoder.close()
    assert sum(len(chunk.data) for chunk in chunks) * 8 / 5 < 60_000
