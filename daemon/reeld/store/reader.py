"""Read-only views of the store, for the daemon, the exporter and verification. Imports neither av nor numpy.

Every method is one short read transaction and sees one committed state. Used from one thread at a time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from reeld.store import chunks, sessions
from reeld.store.api import Segment, SessionOutline, TrackOutline
from reeld.store.environment import StoreEnvironment, Table, Transaction, decode
from reeld.store.keys import NUMBER_BYTES, at, number_of, session_prefix, track_prefix
from reeld.store.records import (
    ChunkEntry,
    GapEntry,
    MarkerEntry,
    PauseEntry,
    SessionRecord,
    TrackState,
    WarningEntry,
)
from reeld.store.timeline import Pause, PauseMap, Span, public_gaps
from reeld_proto.records import GapInfo, MarkerInfo, SessionInfo, SessionState, TrackInfo
from reeld_proto.units import NS_PER_S, seconds

SEGMENTS_PER_READ = 500
"""Timeline entries fetched at a time: a quarter of an hour, well under a millisecond."""


class StoreReader:
    """Views of one open store."""

    def __init__(self, store: StoreEnvironment) -> None:
        self._store = store

    @classmethod
    def open(cls, path: Path) -> "StoreReader":
        """Open the store in `path` read-only. Raises RequestRejected (NOT_FOUND) or StoreCorrupt."""
        return cls(StoreEnvironment.open_read(path))

    def close(self) -> None:
        """Close the store. May be called twice."""
        self._store.close()

    def list_sessions(
        self, status: SessionState | None = None, tag: str | None = None, text: str | None = None
    ) -> list[SessionInfo]:
        """Sessions that pass every filter given, newest first.

        text: found, whatever its case, in the name, a tag or a marker.
        """
        wanted = text.casefold() if text else ""
        found = []
        with self._store.read() as txn:
            for _, value in txn.scan_back(Table.SESSIONS):
                record = decode(value, SessionRecord)
                if status is not None and record.state is not status:
                    continue
                if tag is not None and tag not in record.tags:
                    continue
                if wanted and not _mentions(txn, record, wanted):
                    continue
                found.append(_info(txn, record))
        return found

    def show(self, session: str) -> SessionInfo:
        """One session. Raises RequestRejected (NOT_FOUND)."""
        with self._store.read() as txn:
            return _info(txn, sessions.load(txn, session))

    def outline(self, session: str) -> SessionOutline:
        """What an exporter must know of a session. Raises RequestRejected (NOT_FOUND)."""
        with self._store.read() as txn:
            record = sessions.load(txn, session)
        tracks = tuple(
            TrackOutline(track.id, track.kind, track.codec, track.label, track.end_ns) for track in record.tracks
        )
        return SessionOutline(record.id, record.name, record.media_end_ns(), tracks)

    def segments(self, session: str, track: str, from_ns: int = 0) -> Iterator[Segment]:
        """The chunks of a track that begin at or after `from_ns`, in order.

        Reads in portions, so what is committed meanwhile appears at the end.
        """
        prefix = track_prefix(session, track)
        while True:
            portion = []
            with self._store.read() as txn:
                for key, value in txn.scan(Table.TIMELINE, prefix, at(prefix, from_ns)):
                    portion.append(_segment(number_of(key, prefix), decode(value, ChunkEntry)))
                    if len(portion) == SEGMENTS_PER_READ:
                        break
            yield from portion
            if len(portion) < SEGMENTS_PER_READ:
                return
            from_ns = portion[-1].start_ns + 1

    def keyframe_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last chunk that begins at or before `at_ns` and whose first sample can be decoded alone."""
        prefix = track_prefix(session, track)
        with self._store.read() as txn:
            for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, at_ns)):
                entry = decode(value, ChunkEntry)
                if entry.keyframe:
                    return _segment(number_of(key, prefix), entry)
        return None

    def gaps(self, session: str, track: str) -> list[Span]:
        """The gaps of a track in media time, pauses not among them."""
        with self._store.read() as txn:
            return gaps_of(txn, session, track)

    def chunk(self, digest: bytes) -> bytes:
        """Bytes of a chunk or init segment, checked. Raises StoreCorrupt if missing or damaged."""
        with self._store.read() as txn:
            return chunks.load(txn, digest)


def gaps_of(txn: Transaction, session: str, track: str) -> list[Span]:
    """The gaps of a track in media time."""
    prefix = track_prefix(session, track)
    spans = []
    for key, value in txn.scan(Table.GAPS, prefix):
        gap = decode(value, GapEntry)
        spans.append(Span(number_of(key, prefix), gap.end_ns, gap.reason))
    return spans


def _segment(start_ns: int, entry: ChunkEntry) -> Segment:
    return Segment(
        start_ns=start_ns,
        end_ns=entry.end_ns,
        chunk=entry.chunk,
        init=entry.init,
        size=entry.size,
        frames=entry.frames,
        keyframe=entry.keyframe,
        epoch=entry.epoch,
    )


def _mentions(txn: Transaction, record: SessionRecord, wanted: str) -> bool:
    texts = [record.name, *record.tags]
    if any(wanted in text.casefold() for text in texts):
        return True
    return any(wanted in marker.text.casefold() for marker in _markers(txn, session_prefix(record.id)))


def _info(txn: Transaction, record: SessionRecord) -> SessionInfo:
    prefix = session_prefix(record.id)
    return SessionInfo(
        session=record.id,
        name=record.name,
        state=record.state,
        started_at=_local_time(record.started_wall_ns),
        duration_s=seconds(record.media_end_ns()),
        bytes=sum(track.bytes for track in record.tracks),
        tags=record.tags,
        tracks=[_track_info(track) for track in record.tracks],
        gaps=_gaps(txn, record, prefix),
        markers=_markers(txn, prefix),
        warnings=[decode(value, WarningEntry).text for _, value in txn.scan(Table.WARNINGS, prefix)],
    )


def _local_time(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")


def _track_info(track: TrackState) -> TrackInfo:
    return TrackInfo(
        id=track.id,
        kind=track.kind,
        codec=track.codec,
        label=track.label,
        chunks=track.chunks,
        bytes=track.bytes,
        frames=track.frames,
        dropped=track.dropped,
        unchanged=track.unchanged,
        silence_s=seconds(track.silence_ns),
    )


def _gaps(txn: Transaction, record: SessionRecord, prefix: bytes) -> list[GapInfo]:
    pauses = []
    for key, value in txn.scan(Table.PAUSES, prefix):
        start_ns, pause = number_of(key, prefix), decode(value, PauseEntry)
        if pause.end_ns is not None and pause.end_ns > start_ns:
            pauses.append(Pause(start_ns, pause.end_ns))
    spans: dict[str, list[Span]] = {}
    for key, value in txn.scan(Table.GAPS, prefix):
        track = key[len(prefix) : -NUMBER_BYTES - 1]
        gap = decode(value, GapEntry)
        span = Span(number_of(key, key[:-NUMBER_BYTES]), gap.end_ns, gap.reason)
        spans.setdefault(track.decode(), []).append(span)
    pause_map = PauseMap(pauses)
    return [
        gap
        for track in record.tracks
        if pauses or track.id in spans
        for gap in public_gaps(track.id, spans.get(track.id, []), pause_map)
    ]


def _markers(txn: Transaction, prefix: bytes) -> list[MarkerInfo]:
    return [
        MarkerInfo(at_s=seconds(number_of(key, prefix)), text=decode(value, MarkerEntry).text)
        for key, value in txn.scan(Table.MARKERS, prefix)
    ]
