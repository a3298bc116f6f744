"""The snapshots of a session as people ask for them: each once, those that look the same by the first. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass

from reeld.media.still_header import parse_header
from reeld.runtime.logs import get_logger
from reeld.store.api import Segment, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.snapshots import SnapshotInfo
from reeld_proto.units import seconds


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, and the digest of its picture file."""

    info: SnapshotInfo
    chunk: bytes


def snapshots_of(reader: StoreReader, session: str) -> list[Taken]:
    """Every snapshot of a session, in order of time. Raises RequestRejected (NOT_FOUND).

    One whose description is damaged is left out: `verify` tells of it.
    """
    outline = reader.outline(session)
    found = [
        taken
        for track in outline.tracks
        if track.kind is TrackKind.SNAPSHOT
        for taken in _of_track(reader, session, track)
    ]
    return sorted(found, key=lambda taken: (taken.info.at_s, taken.info.track))


def _of_track(reader: StoreReader, session: str, track: TrackOutline) -> Iterator[Taken]:
    first: dict[bytes, float] = {}
    before: Segment | None = None
    for segment in reader.segments(session, track.id):
        stays = before is not None and before.chunk == segment.chunk and before.end_ns == segment.start_ns
        before = segment
        if stays:
            continue
        try:
            header = parse_header(reader.chunk(segment.init))
        except StoreCorrupt as error:
            get_logger().warning("snapshots.skipped", session_id=session, track=track.id, reason=str(error))
            continue
        at_s = seconds(segment.start_ns)
        yield Taken(
            SnapshotInfo(
                at_s=at_s,
                width=header.width,
                height=header.height,
                bytes=segment.size,
                hash=header.hash,
                duplicate_of=first.get(segment.chunk),
                track=track.id,
                format=header.format,
            ),
            segment.chunk,
        )
        first.setdefault(segment.chunk, at_s)
