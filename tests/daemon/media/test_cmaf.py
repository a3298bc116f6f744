"""Harm guarded against: chunks that do not play, or play at another time than they were captured."""

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from reeld.media.cmaf import CmafEncoder
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected

SCALE = 90_000


def video_encoder() -> CmafEncoder:
    def configure(stream: Any) -> None:
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"

    options = {"preset": "ultrafast", "tune": "zerolatency"}
    return CmafEncoder("libx264", timescale=SCALE, options=options, configure=configure, rate=30)


@pytest.fixture
def encoder() -> Iterator[CmafEncoder]:
    encoder = video_encoder()
    yield encoder
    encoder.close()


def packets_at(encoder: CmafEncoder, times: list[int]) -> list[Any]:
    packets = []
    for ticks in times:
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), ticks % 200, np.uint8), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = ticks, Fraction(1, SCALE)
        packets += encoder.encode(frame)
    return packets


def boxes(data: bytes) -> list[bytes]:
    found, offset = [], 0
    while offset < len(data):
        found.append(data[offset + 4 : offset + 8])
        offset += int.from_bytes(data[offset : offset + 4], "big")
    return found


def test_a_chunk_is_one_moof_and_one_mdat_and_init_is_a_header(encoder: CmafEncoder) -> None:
    chunk = encoder.fragment(packets_at(encoder, [0, 3000, 6000]), 9000)
    assert boxes(chunk) == [b"moof", b"mdat"]
    assert boxes(encoder.init) == [b"ftyp", b"moov"]


def test_init_and_chunks_concatenated_play_with_every_frame_at_its_time(encoder: CmafEncoder) -> None:
    times = [[12_345, 15_000], [90_001], [180_000, 181_000, 500_000]]
    data = encoder.init
    for index, group in enumerate(times):
        end = times[index + 1][0] if index + 1 < len(times) else 600_000
        data += encoder.fragment(packets_at(encoder, group), end)
    with av.open(io.BytesIO(data), "r") as container:
        shown = [round(frame.time * SCALE) for frame in container.decode(video=0)]
    assert shown == [ticks for group in times for ticks in group]


def test_the_last_frame_of_a_chunk_lasts_to_its_end(encoder: CmafEncoder) -> None:
    chunk = encoder.fragment(packets_at(encoder, [0]), 123_456)
    # ISO/IEC 14496-12 8.8.7 and 8.8.8: the duration is in tfhd when every sample has the same, else in trun.
    assert (123_456).to_bytes(4, "big") in chunk


def test_aac_chunks_keep_exact_sample_times() -> None:
    def configure(stream: Any) -> None:
        stream.codec_context.sample_rate = 48_000
        stream.codec_context.layout = "stereo"

    encoder = CmafEncoder("aac", timescale=48_000, options={}, configure=configure, rate=48_000)
    packets = []
    for index in range(20):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 4096 + index * 1024, Fraction(1, 48_000)
        packets += encoder.encode(frame)
    first = packets[0].dts
    half = packets[10].dts
    data = encoder.init + encoder.fragment(packets[:10], half) + encoder.fragment(packets[10:], half + 9 * 1024)
    encoder.close()
    with av.open(io.BytesIO(data), "r") as container:
        starts = [packet.pts for packet in container.demux(audio=0) if packet.size]
    assert starts == [first + 1024 * index for index in range(len(packets))]


def test_an_encoder_this_machine_lacks_is_named() -> None:
    with pytest.raises(RequestRejected, match="no_such_codec") as caught:
        CmafEncoder("no_such_codec", timescale=1000, options={}, configure=lambda _stream: None)
    assert caught.value.code is ErrorCode.DEVICE_FAILED


def test_an_empty_chunk_and_a_chunk_running_backwards_are_refused(encoder: CmafEncoder) -> None:
    with pytest.raises(InternalError, match="at least one"):
        encoder.fragment([], 10)
    with pytest.raises(InternalError, match="would end"):
        encoder.fragment(packets_at(encoder, [3000]), 3000)
