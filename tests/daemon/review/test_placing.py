"""Harm guarded against: a clip whose sound and picture are shown at the times of the recording it was cut from."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.media.fragments import Init, Sample, pack_chunk, parse_chunk
from reeld.review.placing import placed
from reeld_proto.errors import StoreCorrupt

INIT = Init(90_000, 0, 0, 0)
MDAT_BYTES = 8 + 2 * len(b"picture")
_CUTS = st.integers(1, 100).filter(lambda cut: cut != MDAT_BYTES)  # that leaves a moof, which is whole


def chunk(dts: int) -> bytes:
    data = memoryview(b"picture")
    return pack_chunk([Sample(dts, dts, 10, True, data), Sample(dts + 10, dts + 10, 5, False, data)])


@given(st.integers(0, 2**50), st.integers(-(2**50), 2**50))
def test_every_sample_moves_by_as_much_and_nothing_else_changes(dts: int, shift: int) -> None:
    before = parse_chunk(chunk(dts), INIT)
    after = parse_chunk(placed(chunk(dts), shift), INIT)
    moved = max(0, dts + shift) - dts
    assert [(each.dts - moved, each.pts - moved, bytes(each.data)) for each in after] == [
        (each.dts, each.pts, bytes(each.data)) for each in before
    ]


def test_what_is_in_its_place_is_the_stored_chunk_itself() -> None:
    stored = chunk(7)
    assert placed(stored, 0) is stored


@given(st.binary(max_size=80) | _CUTS.map(lambda cut: chunk(5)[:-cut]), st.integers(1, 9))
def test_what_is_no_chunk_is_refused(data: bytes, shift: int) -> None:
    with pytest.raises(StoreCorrupt):
        placed(data, shift)


def test_a_narrow_decode_time_that_runs_over_is_refused() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    narrow = box(b"moof", box(b"traf", box(b"tfdt", struct.pack(">II", 0, 2**32 - 1))))
    assert placed(narrow, -5)[-4:] == struct.pack(">I", 2**32 - 6)
    with pytest.raises(StoreCorrupt, match="cannot begin"):
        placed(narrow, 1)
