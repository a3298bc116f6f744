"""Which stored picture is meant by a time: one that can be decoded without all that came before it. Reads only."""

from dataclasses import dataclass

from reeld.store.api import Segment, SessionOutline, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import TrackKind


@dataclass(frozen=True, slots=True)
class Meant:
    """A stored picture. at_ns: since when it is on view. settled: nothing that is recorded later will be meant instead.

    chunk, init: digests. still: it is a picture file.
    """

    at_ns: int
    chunk: bytes
    init: bytes
    settled: bool
    still: bool = False


def meant(reader: StoreReader, session: str, track: str, at_ns: int) -> Meant:
    """The nearest picture at or before `at_ns` that can be decoded alone; before the first one, the first.

    track: its id; empty for the first with pictures, or else with snapshots. Raises RequestRejected (NOT_FOUND).
    """
    outline = reader.outline(session)
    seen = [each for each in outline.tracks if each.kind is not TrackKind.AUDIO and track in ("", each.id)]
    for each in sorted(seen, key=lambda each: each.kind is TrackKind.SNAPSHOT):
        found = _meant_of(reader, outline, each, at_ns)
        if found is not None:
            return found
    among = f" in track {track}" if track else ""
    raise RequestRejected(f"session {session} has no pictures{among}", code=ErrorCode.NOT_FOUND)


def _meant_of(reader: StoreReader, outline: SessionOutline, track: TrackOutline, at_ns: int) -> Meant | None:
    still = track.kind is TrackKind.SNAPSHOT
    before = reader.segment_before if still else reader.keyframe_before
    segment: Segment | None = before(outline.id, track.id, at_ns) or next(reader.segments(outline.id, track.id), None)
    while segment is not None:
        needed = None if still or segment.keyframe else reader.preroll(outline.id, track.id, segment.start_ns)
        chunk, init = needed[0] if needed else (segment.chunk, segment.init)
        settled = not outline.lasts or at_ns < track.end_ns
        if still or segment.keyframe or needed:
            return Meant(segment.start_ns, chunk, init, settled, still)
        # What it builds on is lost.
        segment = before(outline.id, track.id, segment.start_ns - 1) if segment.start_ns else None
    return None
