"""Sound of entries that show parts of chunks. Harm guarded against: sound that drifts from the picture at joints."""

from reeld.export.sounds import sounds
from reeld.export.timing import filled, rising
from reeld.media.fragments import Sample
from reeld.store.api import Segment
from reeld_proto.errors import StoreCorrupt

RATE = 48_000
NS = 1_000_000_000
PACKET = 1024


def ticks(ns: int) -> int:
    return round(ns * RATE / NS)


def segment(start_s: float, end_s: float, name: bytes, shift_s: float = 0.0) -> Segment:
    start, end, shift = (round(each * NS) for each in (start_s, end_s, shift_s))
    return Segment(start, end, name, b"init", 1, 1, True, 0, shift)


def chunk(_name: bytes, _init: bytes) -> list[Sample]:
    """Two seconds of packets from time 0; the data says which."""
    if _name == b"gone":
        raise StoreCorrupt("missing")
    return [Sample(at, at, PACKET, True, memoryview(b"%d" % at)) for at in range(0, 2 * RATE, PACKET)]


def heard(*segments: Segment, origin_s: float = 0.0) -> list[tuple[int, int]]:
    """(time in the file, time in the chunk) of every packet, in ticks."""
    skipped: list[Segment] = []
    found = sounds(segments, ticks, round(origin_s * RATE), chunk, lambda each, _error: skipped.append(each))
    return [(each.pts, int(bytes(each.data))) for each in rising(found)]


def test_an_entry_gives_its_part_to_within_a_packet() -> None:
    found = heard(segment(5.0, 5.5, b"a", 4.2), origin_s=5.0)
    assert all(at - own == round(-0.8 * RATE) for at, own in found)
    shown = [at for at, _ in found if at >= 0]
    assert min(shown) < PACKET
    assert 0.5 * RATE - PACKET <= max(shown) < 0.5 * RATE


def test_what_comes_before_the_file_is_there_to_build_up_on_and_nothing_before_a_joint_is() -> None:
    found = heard(segment(0.0, 0.5, b"a", -0.8), segment(0.5, 1.0, b"b", -0.2))
    assert min(at for at, _ in found) < 0
    second = [at for at, own in found if at - own == ticks(round(-0.2 * NS))]
    assert min(second) >= 0.5 * RATE - PACKET


def test_no_joint_moves_sound_by_more_than_a_packet_however_many_there_are() -> None:
    segments = [segment(index * 0.1, index * 0.1 + 0.1, b"a", index * 0.1 - 0.03 * (index % 40)) for index in range(60)]
    found = sounds(segments, ticks, 0, chunk, lambda _each, _error: None)
    shifts = {}
    for each in filled(rising(found), 6 * RATE, PACKET, b"-1"):
        own = int(bytes(each.data))
        if own < 0 or each.pts < 0:
            continue
        index = next(
            i for i, one in enumerate(segments) if ticks(one.start_ns) - PACKET <= each.pts < ticks(one.end_ns)
        )
        nearest = min(abs(each.pts - own - ticks(segments[i].shift_ns)) for i in (index, min(index + 1, 59)))
        shifts[each.pts] = nearest
    assert max(shifts.values()) <= PACKET
    assert len(shifts) > 5 * RATE / PACKET


def test_a_damaged_chunk_is_left_out_and_the_rest_comes() -> None:
    assert len(heard(segment(0, 1, b"gone"), segment(1, 2, b"a"))) > 40
