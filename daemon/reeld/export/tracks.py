"""A track read out of the store, chunk by chunk: at most one chunk is in memory, however long the session."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reeld.export import codecs
from reeld.export.fragments import Init, parse_chunk, parse_init
from reeld.export.timing import Timed, filled, from_start, rising, with_durations
from reeld.export.window import Window
from reeld.runtime.logs import get_logger
from reeld.store.api import Segment, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.units import NS_PER_S, seconds

_CHAIN_BREAKS = frozenset({GapReason.DROPPED, GapReason.DISK_FULL, GapReason.WORKER_RESTART})
"""Gaps in which pictures may be missing that later ones build on."""


@dataclass
class TrackSource:
    """One track within a window. `open` finds its format; `samples` may then be read once.

    skipped: chunks that were missing or damaged and are left out.
    """

    reader: StoreReader
    session: str
    track: TrackOutline
    window: Window
    first: Segment
    init_bytes: bytes
    init: Init
    format: codecs.Format
    skipped: int = 0
    _known: dict[bytes, Init] = field(default_factory=dict)

    @classmethod
    def open(cls, reader: StoreReader, session: str, track: TrackOutline, window: Window) -> "TrackSource | None":
        """The track's source, or None if it has nothing to show in the window. Raises StoreCorrupt."""
        first = reader.keyframe_before(session, track.id, window.from_ns)
        if first is None:
            first = next(reader.segments(session, track.id), None)
        if first is None or first.start_ns >= window.to_ns:
            return None
        for segment in reader.segments(session, track.id, first.start_ns):
            try:
                init_bytes = reader.chunk(segment.init)
            except StoreCorrupt as error:
                get_logger().warning("export.init_skipped", track=track.id, reason=str(error))
                continue
            source = cls(
                reader, session, track, window, first, init_bytes, parse_init(init_bytes), codecs.format_of(init_bytes)
            )
            source._known[segment.init] = source.init
            return source
        raise StoreCorrupt(f"no init segment of track {track.id} of session {session} is intact")

    @property
    def end(self) -> int:
        """Length of the window in ticks."""
        return self._ticks(self.window.to_ns) - self._ticks(self.window.from_ns)

    def samples(self) -> Iterator[Timed]:
        """The track's samples, laid out for the file, in decoding order."""
        timed = rising(self._timed())
        if self.track.kind is TrackKind.VIDEO:
            timed = from_start(timed)
        elif self.format.codec == "aac":
            rate, channels = self.format.shape
            frame = round(codecs.AAC_FRAME * self.init.timescale / rate)
            timed = filled(timed, self.end, frame, codecs.silent_aac(rate, channels))
        return with_durations(timed, self.end)

    def stored_bytes(self) -> int:
        """Bytes of the chunks in the window, for an estimate of the file's size."""
        return sum(segment.size for segment in self._segments())

    def _ticks(self, media_ns: int) -> int:
        return round(media_ns * self.init.timescale / NS_PER_S)

    def _segments(self) -> Iterable[Segment]:
        for segment in self.reader.segments(self.session, self.track.id, self.first.start_ns):
            if segment.start_ns >= self.window.to_ns:
                return
            yield segment

    def _timed(self) -> Iterator[Timed]:
        offset = self._ticks(self.window.from_ns)
        breaks = {gap.end_ns for gap in self.reader.gaps(self.session, self.track.id) if gap.reason in _CHAIN_BREAKS}
        broken = True
        for segment in self._segments():
            broken = broken or segment.start_ns in breaks
            try:
                init = self._init_of(segment)
                parsed = parse_chunk(self.reader.chunk(segment.chunk), init)
            except StoreCorrupt as error:
                self._skip(segment, error)
                broken = True
                continue
            for sample in parsed:
                if broken and not sample.sync:
                    # Its reference picture is missing: the last good picture is held instead.
                    continue
                broken = False
                dts, pts = (self._rescaled(ticks, init) - offset for ticks in (sample.dts, sample.pts))
                yield Timed(dts, pts, sample.sync, sample.data)

    def _rescaled(self, ticks: int, init: Init) -> int:
        if init.timescale == self.init.timescale:
            return ticks
        return round(ticks * self.init.timescale / init.timescale)

    def _init_of(self, segment: Segment) -> Init:
        """The init segment of a chunk. Raises RequestRejected if it cannot share a track with the first one."""
        known = self._known.get(segment.init)
        if known is not None:
            return known
        data = self.reader.chunk(segment.init)
        found = codecs.format_of(data)
        if found != self.format:
            at_s = seconds(segment.start_ns)
            raise RequestRejected(
                f"track {self.track.id} changes from {self.format} to {found} at {at_s} s (init segment"
                f" {segment.init.hex()[:12]}); one file cannot hold both without encoding again",
                code=ErrorCode.INVALID_REQUEST,
                remedy=f"Export the parts before and after {at_s} s as two files, with --from and --to.",
            )
        self._known[segment.init] = parse_init(data)
        return self._known[segment.init]

    def _skip(self, segment: Segment, error: StoreCorrupt) -> None:
        self.skipped += 1
        get_logger().warning(
            "export.chunk_skipped",
            session_id=self.session,
            track=self.track.id,
            at_s=seconds(segment.start_ns),
            reason=str(error),
        )
