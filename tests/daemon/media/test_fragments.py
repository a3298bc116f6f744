import io
import struct
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.media.cmaf import CmafEncoder
from reeld.media.fragments import Init, Sample, pack_chunk, parse_chunk, parse_init
from reeld_proto.errors import InternalError, StoreCorrupt


def encode(gaps: list[int], options: dict[str, str]) -> tuple[bytes, bytes, list[tuple[int, int, bool, bytes]], int]:
    """Init segment, one chunk, its packets (dts, pts, bytes, key) and its end, of noise at uneven times."""

    def configure(stream: Any) -> None:
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"

    encoder = CmafEncoder("libx264", timescale=90_000, options=options, configure=configure)
    random = np.random.default_rng(1)
    at, packets = 1_000_000, []
    for gap in gaps:
        frame: Any = av.VideoFrame.from_ndarray(random.integers(0, 255, (72, 64), np.uint8), format="yuv420p")
        frame.pts, frame.time_base = at, Fraction(1, 90_000)
        packets += encoder.encode(frame)
        at += gap
    packets += encoder.encode(None)
    times = [(packet.dts, packet.pts, bool(packet.is_keyframe)) for packet in packets]
    chunk = encoder.fragment(packets, at)
    # The muxer turns start codes into lengths, so the bytes to expect are FFmpeg's own reading of the chunk.
    with av.open(io.BytesIO(encoder.init + chunk), "r") as container:
        stored = [bytes(packet) for packet in container.demux() if packet.size]
    return encoder.init, chunk, [(*each, data) for each, data in zip(times, stored, strict=True)], at


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=12))
def test_samples_are_what_the_encoder_gave_at_its_times(gaps: list[int]) -> None:
    init, chunk, wanted, end = encode(gaps, {"preset": "ultrafast", "tune": "zerolatency"})
    samples = parse_chunk(chunk, parse_init(init))
    assert [(each.dts, each.pts, each.sync, bytes(each.data)) for each in samples] == wanted
    assert samples[-1].dts + samples[-1].duration == end


def test_pictures_that_are_stored_out_of_order_keep_both_times() -> None:
    init, chunk, wanted, _ = encode([3000] * 12, {"preset": "fast", "bf": "3"})
    samples = parse_chunk(chunk, parse_init(init))
    assert any(dts != pts for dts, pts, _, _ in wanted)
    assert [each.pts - samples[0].pts for each in samples] == [pts - wanted[0][1] for _, pts, _, _ in wanted]


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def test_what_a_run_leaves_out_comes_from_its_fragment_and_then_from_the_init_segment() -> None:
    # Other muxers write less into each run; imported recordings come from them.
    tfhd = box(b"tfhd", struct.pack(">II", 0x000001 | 0x000002 | 0x000020, 1), bytes(8), bytes(4), struct.pack(">I", 0))
    tfdt = box(b"tfdt", struct.pack(">II", 0, 500))
    trun = box(b"trun", struct.pack(">III", 0x4, 3, 0x10000))
    moof = box(b"moof", box(b"traf", tfhd, tfdt, trun))
    # Without a data offset the data begins where the moof does.
    samples = parse_chunk(moof, Init(timescale=1000, duration=40, size=4, flags=0x10000))
    assert [(each.dts, each.duration, each.sync) for each in samples] == [
        (500, 40, False),
        (540, 40, True),
        (580, 40, True),
    ]
    assert b"".join(bytes(each.data) for each in samples) == moof[:12]


def test_large_sizes_and_boxes_without_end_are_understood() -> None:
    init, chunk, wanted, _ = encode([3000, 3000], {"preset": "ultrafast", "tune": "zerolatency"})
    size = struct.unpack(">I", chunk[:4])[0]
    moof, mdat = chunk[:size], chunk[size:]
    endless = moof + b"\0\0\0\0mdat" + mdat[8:]
    assert len(parse_chunk(endless, parse_init(init))) == len(wanted)
    large = box(b"free") + struct.pack(">I4sQ", 1, b"free", 16) + chunk
    assert [bytes(each.data) for each in parse_chunk(large, parse_init(init))] == [data for *_, data in wanted]


@given(st.data())
def test_damage_is_reported_and_never_a_traceback(data: st.DataObject) -> None:
    init, chunk, _, _ = SAMPLE
    parsed = parse_init(init)
    broken = bytearray(chunk[: data.draw(st.integers(0, len(chunk)))])
    for _ in range(data.draw(st.integers(0, 4)) if broken else 0):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    for read in (lambda: parse_chunk(bytes(broken), parsed), lambda: parse_init(bytes(broken))):
        try:
            read()
        except StoreCorrupt:
            continue


SAMPLE = encode([3000] * 3, {"preset": "ultrafast", "tune": "zerolatency"})


@pytest.mark.parametrize("data", [b"", b"text", box(b"mdat", b"1234"), box(b"moof"), box(b"moof", box(b"traf"))])
def test_bytes_that_are_no_chunk_are_refused(data: bytes) -> None:
    with pytest.raises(StoreCorrupt):
        parse_chunk(data, parse_init(SAMPLE[0]))
    with pytest.raises(StoreCorrupt):
        parse_init(data)


@given(
    st.lists(
        st.tuples(st.integers(1, 2**31), st.integers(-1000, 1000), st.booleans(), st.binary(max_size=40)), min_size=1
    ),
    st.integers(0, 2**40),
)
def test_what_is_packed_is_read_back(rows: list[tuple[int, int, bool, bytes]], start: int) -> None:
    samples, dts = [], start
    for duration, composition, sync, data in rows:
        samples.append(Sample(dts, dts + composition, duration, sync, memoryview(data)))
        dts += duration
    init = Init(timescale=90_000, duration=7, size=7, flags=0x10000)
    found = parse_chunk(pack_chunk(samples, 3), init)
    assert [(each.dts, each.pts, each.duration, each.sync, bytes(each.data)) for each in found] == [
        (each.dts, each.pts, each.duration, each.sync, bytes(each.data)) for each in samples
    ]


def test_ffmpeg_reads_what_is_packed() -> None:
    init, chunk, wanted, end = encode([3000, 5000, 3000, 9000], {"preset": "ultrafast", "tune": "zerolatency"})
    kept = parse_chunk(chunk, parse_init(init))[:3]
    with av.open(io.BytesIO(init + pack_chunk(kept)), "r") as container:
        assert [bytes(packet) for packet in container.demux() if packet.size] == [data for *_, data in wanted[:3]]
    assert end > kept[-1].dts


def test_nothing_and_times_that_do_not_rise_are_no_chunk() -> None:
    sample = Sample(5, 5, 1, True, memoryview(b"x"))
    for samples in ([], [sample, sample], [Sample(5, 5, 0, True, memoryview(b"x"))]):
        with pytest.raises(InternalError):
            pack_chunk(samples)
