"""The key frames of a session's pictures, each as a chunk that lasts until the next. Nothing is encoded again.

DESIGN: a key frame can be decoded alone, so it is taken out of its chunk as it is and packed into one of its own; the
picture stands still until the next one. What is shown before a track's first key frame, or after a gap until the next
one, has no picture of its own and is left out; sound is not taken at all. `ReplaceMedia` makes gaps of both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from reeld.media.fragments import Init, Sample, pack_chunk, parse_chunk, parse_init
from reeld.runtime.logs import get_logger
from reeld.store.api import Segment, SessionOutline, TrackOutline
from reeld.store.reader import StoreReader
from reeld.store.staging import StagedChunk, StagingWriter
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.store_orders import MediaStaged, RunThin
from reeld_proto.units import NS_PER_S, seconds

_TICKS_MAX = 2**32 - 1
"""A sample's duration in a chunk is 32 bits; the entry on the timeline says how long it really is shown."""

Progress = Callable[[float, float], bool]
"""Called with (seconds done, seconds in all); returns False to stop."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A key frame that is shown from `start_ns` (media time) on."""

    start_ns: int
    sample: Sample
    timescale: int
    shift_ns: int
    init: bytes


def thin(reader: StoreReader, order: RunThin, progress: Progress = lambda _done, _all: True) -> MediaStaged:
    """Stage the key frames.

    Raises RequestRejected: NOT_FOUND, DISK_FULL, WRONG_STATE when it was stopped; StoreCorrupt for a track of which
    nothing can be read.
    """
    outline = reader.outline(order.session)
    pictures = [track for track in outline.tracks if track.kind is TrackKind.VIDEO]
    total_s = seconds(outline.end_ns) * len(pictures)
    with StagingWriter(Path(order.store)) as writer:
        for index, track in enumerate(pictures):
            before = writer.chunks
            for chunk in key_chunks(reader, outline, track):
                writer.add(chunk)
                if not progress(seconds(index * outline.end_ns + chunk.end_ns), total_s):
                    raise RequestRejected("thinning was stopped", code=ErrorCode.WRONG_STATE)
            if writer.chunks == before and next(reader.segments(order.session, track.id), None) is not None:
                # Else a track that a fault makes unreadable would be lost for good, when it might yet be healed.
                raise StoreCorrupt(f"no key frame of track {track.id} of session {order.session} can be read")
    get_logger().info("thin.staged", session_id=order.session, key_frames=writer.chunks, size_bytes=writer.chunk_bytes)
    return MediaStaged(staged=str(writer.path), new_bytes=writer.chunk_bytes)


def key_chunks(reader: StoreReader, outline: SessionOutline, track: TrackOutline) -> Iterator[StagedChunk]:
    """A chunk for each key frame of a track, in order. At most two chunks of the store are in memory."""
    stops = sorted(gap.start_ns for gap in reader.gaps(outline.id, track.id))
    waiting: _Key | None = None
    for key, from_ns in _keys(reader, outline.id, track.id):
        if waiting is not None:
            end_ns = min([from_ns, *(stop for stop in stops if stop > waiting.start_ns)])
            yield _chunk(outline.id, track, waiting, end_ns)
        waiting = key
    if waiting is not None:
        end_ns = min([track.end_ns, *(stop for stop in stops if stop > waiting.start_ns)])
        yield _chunk(outline.id, track, waiting, end_ns)


def _keys(reader: StoreReader, session: str, track: str) -> Iterator[tuple[_Key | None, int]]:
    """Every key frame that is shown and from when; None for a chunk that cannot be read: no picture may outlast it."""
    inits: dict[bytes, tuple[bytes, Init]] = {}
    for segment in reader.segments(session, track):
        try:
            if segment.init not in inits:
                data = reader.chunk(segment.init)
                inits = {segment.init: (data, parse_init(data))}
            init_bytes, init = inits[segment.init]
            samples = parse_chunk(reader.chunk(segment.chunk), init)
        except StoreCorrupt as error:
            get_logger().warning("thin.chunk_skipped", session_id=session, track=track, reason=str(error))
            yield None, segment.start_ns
            continue
        for sample, start_ns in _shown(segment, samples, init):
            own = Sample(sample.pts, sample.pts, sample.duration, sync=True, data=memoryview(bytes(sample.data)))
            yield _Key(start_ns, own, init.timescale, segment.shift_ns, init_bytes), start_ns


def _shown(segment: Segment, samples: list[Sample], init: Init) -> Iterator[tuple[Sample, int]]:
    """The key frames of a chunk that its entry shows, and from when."""
    for sample, following in zip_longest(samples, samples[1:]):
        start_ns = sample.pts * NS_PER_S // init.timescale + segment.shift_ns
        stop_ns = segment.end_ns
        if following is not None:
            stop_ns = following.pts * NS_PER_S // init.timescale + segment.shift_ns
        if sample.sync and start_ns < segment.end_ns and stop_ns > segment.start_ns:
            yield sample, max(start_ns, segment.start_ns)


def _chunk(session: str, track: TrackOutline, key: _Key, end_ns: int) -> StagedChunk:
    ticks = (end_ns - key.shift_ns) * key.timescale // NS_PER_S - key.sample.pts
    lasting = Sample(key.sample.pts, key.sample.pts, min(max(1, ticks), _TICKS_MAX), sync=True, data=key.sample.data)
    return StagedChunk(
        session=session,
        track=track.id,
        start_ns=key.start_ns,
        end_ns=end_ns,
        shift_ns=key.shift_ns,
        frames=1,
        keyframe=True,
        codec=track.codec,
        dropped=0,
        unchanged=0,
        silence_ns=0,
        payload=pack_chunk([lasting]),
        init=key.init,
    )
