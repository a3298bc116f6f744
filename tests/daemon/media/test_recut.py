"""Pictures encoded again, and sound cut between packets. Harm guarded against: a stretch that cannot be decoded beside
what was not encoded again, chunks too long to lose, sound of the range in a packet next to it."""

import io
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.encoder import encoder_for
from reeld.media.cmaf import CmafEncoder
from reeld.media.decode import open_init, pictures
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.fragments import Sample, pack_chunk, parse_chunk, parse_init
from reeld.media.presets import settings_for
from reeld.media.recut import PictureEncoder, Seen, whole_packets
from reeld_proto.records import Quality, VideoCodec
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.export.recording import number_in, picture

RATE = 48_000


def frame(number: int, width: int = 160, height: int = 96) -> Any:
    return av.VideoFrame.from_ndarray(picture(number, width, height), format="yuv420p")


def extradata(init: bytes) -> bytes:
    with open_init(init) as container:
        return bytes(container.streams[0].codec_context.extradata)


@pytest.mark.parametrize(
    ("codec", "fps", "quality"),
    [
        (VideoCodec.H264, 30, Quality.MEDIUM),
        (VideoCodec.H264, 60, Quality.LOSSLESS),
        (VideoCodec.H264, 7, Quality.LOW),
        (VideoCodec.H264, 25, Quality.HIGH),
        (VideoCodec.HEVC, 30, Quality.MEDIUM),
        (VideoCodec.HEVC, 12, Quality.LOSSLESS),
        (VideoCodec.AV1, 24, Quality.LOW),
    ],
)
def test_settings_of_the_capture_encoder_are_found_again(codec: VideoCodec, fps: int, quality: Quality) -> None:
    original = VideoEncoder(160, 96, fps, settings_for(codec, quality))
    found = PictureEncoder.like(original.init)
    assert found.exact
    assert found.codec is codec
    assert extradata(found.init) == extradata(original.init)
    found.close()
    original.close()


def test_for_pictures_of_another_encoder_there_is_one_of_the_same_size() -> None:
    def configure(stream: Any) -> None:
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuv420p"

    foreign = CmafEncoder("libx264", timescale=90_000, options={"preset": "fast", "bf": "2"}, configure=configure)
    found = PictureEncoder.like(foreign.init)
    assert not found.exact
    with open_init(found.init) as container:
        context = container.streams[0].codec_context
        assert (context.width, context.height) == (192, 96)
    found.close()
    foreign.close()


def encoder() -> PictureEncoder:
    made = VideoEncoder(160, 96, 30, settings_for(VideoCodec.H264, Quality.HIGH))
    found = PictureEncoder.like(made.init)
    made.close()
    return found


@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=12), st.integers(1, 500_000))
def test_chunks_are_short_without_holes_and_begin_decodable(steps: list[int], tail: int) -> None:
    made = encoder()
    times = [1000 + sum(steps[:index]) for index in range(len(steps))]
    end = times[-1] + tail
    chunks = list(made.chunks((Seen(frame(index), at) for index, at in enumerate(times)), TIMESCALE, end))
    assert chunks[0].keyframe
    assert (chunks[0].start, chunks[-1].end) == (times[0], end)
    for before, after in pairwise(chunks):
        assert before.end == after.start
    assert all(0 < chunk.end - chunk.start <= 2 * TIMESCALE for chunk in chunks)
    init = parse_init(made.init)
    samples = [sample for chunk in chunks for sample in parse_chunk(chunk.data, init)]
    assert set(times) <= {sample.pts for sample in samples}
    shown = {picture.pts: number_in(picture) for picture in pictures(made.init, samples, TIMESCALE)}
    assert [shown[at] for at in times] == list(range(len(times)))
    made.close()


def test_motion_for_long_gets_key_frames_and_every_stretch_begins_with_one() -> None:
    made = encoder()
    for _ in range(2):
        seen = (Seen(frame(index % 40), index * TIMESCALE // 5) for index in range(110))
        keys = [chunk.start / TIMESCALE for chunk in made.chunks(seen, TIMESCALE, 22 * TIMESCALE) if chunk.keyframe]
        assert keys[0] == 0
        assert all(after - before <= 10.2 for before, after in pairwise(keys))
    made.close()


def test_single_samples_keep_times_of_another_timescale() -> None:
    made = encoder()
    samples = list(made.samples((Seen(frame(index), index * 512) for index in range(5)), 15_360))
    assert [sample.pts for sample in samples] == [0, 512, 1024, 1536, 2048]
    assert [sample.sync for sample in samples] == [True, False, False, False, False]
    made.close()


def test_a_packet_whose_transform_reaches_into_the_range_goes() -> None:
    def packet(index: int) -> Sample:
        return Sample(index * 1024, index * 1024, 1024, True, memoryview(b""))

    def is_removed(start: int, end: int) -> bool:
        return start < 6000 and end > 5000

    runs = whole_packets([packet(index) for index in range(10)], is_removed)
    assert [[sample.pts // 1024 for sample in run] for run in runs] == [[0, 1, 2], [6, 7, 8, 9]]


def test_nothing_of_a_sound_is_heard_in_the_packets_that_stay() -> None:
    noise = np.zeros((RATE, 2), np.float32)
    noise[20_000:24_000] = np.random.default_rng(1).uniform(-0.5, 0.5, (4000, 2))
    aac = encoder_for(SoundCodec.AAC)
    chunks = aac.write(noise) + aac.finish(RATE, 10**9)
    init = parse_init(aac.init)
    samples = [sample for chunk in chunks for sample in parse_chunk(chunk.data, init)]
    runs = whole_packets(samples, lambda start, end: start < 24_000 and end > 20_000)
    assert len(samples) - sum(len(run) for run in runs) <= 4000 // 1024 + 3
    aac.close()
    for run in runs:
        with av.open(io.BytesIO(aac.init + pack_chunk(run)), "r") as container:
            loudest = max(float(np.abs(each.to_ndarray()).max()) for each in container.decode(audio=0))
        assert loudest < 1e-3
