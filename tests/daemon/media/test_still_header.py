"""What is written beside a snapshot. Harm guarded against: a header that comes from anywhere and is believed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.media.still_header import HEADER_VERSION, StillHeader, pack_header, parse_header
from reeld_proto.errors import StoreCorrupt

HEADER = StillHeader(
    version=HEADER_VERSION, format="png", width=1920, height=1080, hash="0" * 64, of="video-1", taken_ns=12_345
)


def test_a_header_comes_back_as_it_was_and_says_what_it_is() -> None:
    data = pack_header(HEADER)
    assert parse_header(data) == HEADER
    assert msgspec.msgpack.decode(data)["type"] == "reeld.still"


@pytest.mark.parametrize("wrong", [{"version": 2}, {"format": "gif"}, {"width": 0}, {"height": 70_000}])
def test_what_no_reader_knows_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(StoreCorrupt):
        parse_header(pack_header(msgspec.structs.replace(HEADER, **wrong)))


@given(st.binary(max_size=200) | st.binary(max_size=20).map(lambda junk: pack_header(HEADER)[:-3] + junk))
def test_any_other_bytes_are_corrupt_and_nothing_else(data: bytes) -> None:
    """An init segment of a video track is asked, too."""
    try:
        parse_header(data)
    except StoreCorrupt:
        return
    assert msgspec.msgpack.decode(data)["type"] == "reeld.still"
