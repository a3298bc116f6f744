"""A stored chunk moved to where it is shown: the decode time of its fragments is rewritten, nothing else. Pure.

DESIGN: a clip refers to chunks of another recording, whose own times are not its own. A player believes the times that
a fragment states (`tfdt`, ISO/IEC 14496-12, 8.8.12), so they are made those of the session that is played.
"""

import struct
from collections.abc import Iterator

from reeld_proto.errors import StoreCorrupt

_HEADER = 8
_WIDE = 1


def placed(chunk: bytes, shift_ticks: int) -> bytes:
    """The chunk, `shift_ticks` later (earlier if negative) by its track's timescale. Raises StoreCorrupt.

    What would begin before 0 begins at 0: a player knows no negative decode time.
    """
    if shift_ticks == 0:
        return chunk
    moved = bytearray(chunk)
    found = False
    for kind, at, end in _boxes(moved, 0, len(moved)):
        if kind != b"moof":
            continue
        for inner, inner_at, inner_end in _boxes(moved, at, end):
            if inner == b"traf":
                for last, last_at, _ in _boxes(moved, inner_at, inner_end):
                    if last == b"tfdt":
                        _move(moved, last_at, shift_ticks)
                        found = True
    if not found:
        raise StoreCorrupt("a chunk without a decode time")
    return bytes(moved)


def _boxes(data: bytearray, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes between two places: kind, where the content begins and ends. Raises StoreCorrupt."""
    while at < end:
        if at + _HEADER > end:
            raise StoreCorrupt("a chunk ends in the middle of a box")
        size = int.from_bytes(data[at : at + 4], "big")
        if size < _HEADER or at + size > end:
            raise StoreCorrupt(f"a box of {size} bytes does not fit into its chunk")
        yield bytes(data[at + 4 : at + 8]), at + _HEADER, at + size
        at += size


def _move(data: bytearray, at: int, shift_ticks: int) -> None:
    layout = ">Q" if data[at] == _WIDE else ">I"
    try:
        (decode_time,) = struct.unpack_from(layout, data, at + 4)
        struct.pack_into(layout, data, at + 4, max(0, decode_time + shift_ticks))
    except struct.error as error:
        raise StoreCorrupt(f"a chunk cannot begin {shift_ticks} ticks later") from error
