"""One piece of a track as a player gets it: the stored chunk, moved or cut to what is shown of it."""

from collections.abc import Sequence

from reeld.media.fragments import Init, Sample, pack_chunk, parse_chunk, parse_init
from reeld.review.lead_in import Window, is_whole, shown_pictures, shown_sounds
from reeld.review.placing import placed
from reeld.runtime.logs import get_logger
from reeld.store.api import Segment
from reeld.store.reader import StoreReader
from reeld.store.timeline import ROUNDING_NS
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S, seconds


def is_raw(reader: StoreReader, session: str, track: str, segment: Segment) -> bool:
    """Whether a chunk is decoded and shown at its own times. Loads no chunk.

    What an entry leaves out of its chunk cannot be told without the chunk, or its neighbours: see `are_raw`.
    """
    if segment.shift_ns:
        return False
    # Only what does not begin with a key frame has one.
    return segment.keyframe or reader.preroll(session, track, segment.start_ns) is None


def are_raw(reader: StoreReader, session: str, track: str, segments: Sequence[Segment]) -> list[bool]:
    """Of each of a track's segments in order whether a player may be given the stored chunk itself. Loads no chunk.

    An entry may leave something out of its chunk only where a part of a session begins or ends. So one that does not
    go on from the entry before, or into the one after, is not given as it is, though it may be whole.
    """
    found = []
    for before, segment, after in zip([None, *segments], segments, [*segments[1:], None], strict=False):
        inside = before is not None and after is not None and _go_on(before, segment) and _go_on(segment, after)
        found.append(inside and is_raw(reader, session, track, segment))
    return found


def _go_on(before: Segment, segment: Segment) -> bool:
    joined = abs(segment.start_ns - before.end_ns) <= ROUNDING_NS and segment.chunk != before.chunk
    return joined and segment.shift_ns == before.shift_ns


def segment_bytes(reader: StoreReader, session: str, track: str, start_ns: int) -> bytes:
    """The chunk that begins at exactly `start_ns` of a session, with the times and the pictures that it has there.

    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """
    segment = next(reader.segments(session, track, start_ns), None)
    if segment is None or segment.start_ns != start_ns:
        raise RequestRejected(f"nothing begins at {start_ns} ns of {track}", code=ErrorCode.NOT_FOUND)
    chunk = reader.chunk(segment.chunk)
    init = parse_init(reader.chunk(segment.init))
    own = parse_chunk(chunk, init)
    window = _window(segment, init)
    preroll = reader.preroll(session, track, start_ns)
    if preroll is None and is_whole(own, window):
        return placed(chunk, window.shift)
    kind = next(each.kind for each in reader.outline(session).tracks if each.id == track)
    if kind is TrackKind.AUDIO:
        return pack_chunk(shown_sounds(own, window))
    if preroll is None and not segment.keyframe:
        # What it builds on was played just before: of its beginning, too, if it is the rest of the chunk before.
        first = next((at for at, each in enumerate(own) if each.pts + window.shift >= window.start), 0)
        return pack_chunk(shown_pictures([], own[first:], window))
    return pack_chunk(shown_pictures(_lead(reader, segment, preroll or [], init), own, window))


def _window(segment: Segment, init: Init) -> Window:
    def ticks(time_ns: int) -> int:
        return round(time_ns * init.timescale / NS_PER_S)

    return Window(
        shift=ticks(segment.shift_ns),
        start=ticks(segment.start_ns),
        end=ticks(segment.end_ns),
        tolerance=ticks(ROUNDING_NS),
    )


def _lead(reader: StoreReader, segment: Segment, preroll: list[tuple[bytes, bytes]], init: Init) -> list[Sample]:
    """What a decoder needs before a chunk; nothing where that is not to be had, which may show wrong pictures."""
    if any(digest != segment.init for _, digest in preroll):
        return []  # a player can be given one init segment for this piece, and these need another
    samples: list[Sample] = []
    try:
        for digest, _ in preroll:
            samples += parse_chunk(reader.chunk(digest), init)
    except StoreCorrupt as error:
        get_logger().warning("review.lead_in_skipped", at_s=seconds(segment.start_ns), reason=str(error))
        return []
    return samples
