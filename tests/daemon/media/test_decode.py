"""Pictures out of stored samples. Harm guarded against: a picture held back or out of its time."""

from typing import Any

import av
import pytest

from reeld.media.cmaf import CmafEncoder
from reeld.media.decode import open_init, pictures
from reeld.media.fragments import Sample, parse_chunk, parse_init
from reeld_proto.errors import StoreCorrupt
from tests.daemon.export.recording import number_in, picture


def stored(options: dict[str, str], count: int = 12) -> tuple[bytes, list[Sample]]:
    def configure(stream: Any) -> None:
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"

    encoder = CmafEncoder("libx264", timescale=90_000, options=options, configure=configure)
    packets = []
    for index in range(count):
        frame: Any = av.VideoFrame.from_ndarray(picture(index), format="yuv420p")
        frame.pts = index * 3000
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    samples = parse_chunk(encoder.fragment(packets, count * 3000), parse_init(encoder.init))
    return encoder.init, samples


@pytest.mark.parametrize("options", [{"preset": "ultrafast", "tune": "zerolatency"}, {"preset": "fast", "bf": "3"}])
def test_every_picture_comes_once_in_its_order_and_time(options: dict[str, str]) -> None:
    init, samples = stored(options)
    moved = samples[0].pts - 0
    seen = [(frame.pts - moved, number_in(frame)) for frame in pictures(init, samples, 90_000)]
    assert seen == [(index * 3000, index) for index in range(12)]


def test_times_before_zero_are_times() -> None:
    init, samples = stored({"preset": "ultrafast", "tune": "zerolatency"}, 3)
    early = [Sample(each.dts - 90_000, each.pts - 90_000, 3000, each.sync, each.data) for each in samples]
    assert [frame.pts for frame in pictures(init, early, 90_000)] == [-90_000, -87_000, -84_000]


def test_what_is_no_picture_is_damage() -> None:
    init, _ = stored({"preset": "ultrafast", "tune": "zerolatency"}, 1)
    with pytest.raises(StoreCorrupt):
        list(pictures(init, [Sample(0, 0, 1, True, memoryview(b"\xff" * 50))], 90_000))
    with pytest.raises(StoreCorrupt):
        open_init(b"nothing")
