"""A stored chunk moved to where it is shown: the decode time of its fragments is rewritten, nothing else. Pure.

DESIGN: a clip refers to chunks of another recording, whose own times are not its own. A player believes the times that
a fragment states (`tfdt`, ISO/IEC 14496-12, 8.8.12), so they are made those of the session that is played.
"""

import struct

from reeld.media.fragments import boxes
from reeld_proto.errors import StoreCorrupt

_WIDE = 1


def placed(chunk: bytes, shift_ticks: int) -> bytes:
    """The chunk, `shift_ticks` later (earlier if negative) by its track's timescale. Raises StoreCorrupt.

    What would begin before 0 begins at 0: a player knows no negative decode time.
    """
    if shift_ticks == 0:
        return chunk
    moved = bytearray(chunk)
    found = False
    try:
        for kind, body, _ in boxes(memoryview(moved)):
            if kind == b"tfdt":
                _move(body, shift_ticks)
                found = True
    except (struct.error, IndexError) as error:
        raise StoreCorrupt(f"a chunk cannot begin {shift_ticks} ticks later") from error
    if not found:
        raise StoreCorrupt("a chunk without a decode time")
    return bytes(moved)


def _move(tfdt: memoryview, shift_ticks: int) -> None:
    layout = ">Q" if tfdt[0] == _WIDE else ">I"
    (decode_time,) = struct.unpack_from(layout, tfdt, 4)
    struct.pack_into(layout, tfdt, 4, max(0, decode_time + shift_ticks))
