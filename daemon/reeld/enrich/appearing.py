"""How long before a still was taken its picture may have appeared. Reads the store; decodes nothing.

DESIGN: a still is taken when its time has come, up to some seconds after the screen changed. But a frame is recorded
exactly when the screen changes, so the frames between two stills tell more: the last burst of them is when the newer
picture came to be. Where the screen never rests nothing can be told, and the middle is the smallest error.
"""

from collections.abc import Iterable, Sequence

from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.still_header import parse_header
from reeld.store.api import Footage
from reeld_proto.errors import RequestRejected, StoreCorrupt
from reeld_proto.units import NS_PER_MS, NS_PER_S

REST_NS = 500 * NS_PER_MS
"""The screen rests when nothing changes for so long."""
REPEAT_BYTES_MAX = 40
"""A frame that only says that nothing has changed takes some 12 bytes; the recorder sends one now and then."""
LOOK_NS_MAX = 60 * NS_PER_S
MIDDLE_NS_MAX = 2 * NS_PER_S


def lead_ns(reader: Footage, session: str, header: bytes, before_ns: int, taken_ns: int) -> int:
    """Nanoseconds by which the picture of a still is older than the still.

    header: digest of its description. before_ns, taken_ns: when the still before and it itself came on view, in media
    time of the session. 0 if nothing is known. Raises TransportError where the footage is elsewhere and cannot be had.
    """
    if not 0 < taken_ns - before_ns <= LOOK_NS_MAX:
        return 0
    try:
        video = parse_header(reader.chunk(header)).of
        frames = _frames(reader, session, video, before_ns, taken_ns)
    except (StoreCorrupt, RequestRejected):
        return 0
    return appeared_before(frames, before_ns, taken_ns)


def appeared_before(frames: Sequence[int], before_ns: int, taken_ns: int) -> int:
    """The same, of the times at which the screen changed, in order. Pure."""
    changes = [each for each in frames if before_ns < each <= taken_ns]
    if not changes:
        return 0
    began_ns = changes[-1]
    for at_ns in reversed(changes):
        if began_ns - at_ns > REST_NS:
            return taken_ns - began_ns
        began_ns = at_ns
    if began_ns - before_ns > REST_NS:
        return taken_ns - began_ns
    return min((taken_ns - before_ns) // 2, MIDDLE_NS_MAX)


def _frames(reader: Footage, session: str, track: str, from_ns: int, to_ns: int) -> list[int]:
    """When the frames of a video track in (from_ns, to_ns] are shown, in order. Raises ReeldError."""
    first = reader.segment_before(session, track, from_ns)
    found: list[int] = []
    for segment in reader.segments(session, track, from_ns if first is None else first.start_ns):
        if segment.start_ns > to_ns:
            break
        init = parse_init(reader.chunk(segment.init))
        times = [
            sample.pts * NS_PER_S // init.timescale + segment.shift_ns
            for sample in parse_chunk(reader.chunk(segment.chunk), init)
            if len(sample.data) > REPEAT_BYTES_MAX
        ]
        found += shown_times(times, segment.start_ns, segment.end_ns, NS_PER_S // init.timescale + 1)
    return sorted(each for each in found if from_ns < each <= to_ns)


def shown_times(times: Iterable[int], start_ns: int, end_ns: int, tick_ns: int) -> list[int]:
    """Those of the frames of a chunk that are on view, as the timeline has it.

    tick_ns: by so much a time within the chunk may be less than the one it was made of.
    """
    return [max(each, start_ns) for each in times if start_ns - tick_ns <= each < end_ns]
