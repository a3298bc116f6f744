"""From a producer's message to the store: bytes, timeline, references and counters, in the caller's one transaction.

A message may arrive any number of times; it changes the store once. What can never be stored is refused before
anything is written, so that one bad message does not cost the others of its batch.
"""

from collections.abc import Callable

from msgspec import structs

from reeld.store import chunks, clocks, heard
from reeld.store.api import Fate, IngestItem, Landing
from reeld.store.keys import TIME_NS_MAX, at, name_key, number_of, track_prefix
from reeld.store.records import ChunkEntry, GapEntry, SessionRecord, TrackState
from reeld.store.timeline import ROUNDING_NS, Settlement, Span, settle_gap, settle_media
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import RequestRejected
from reeld_proto.privacy import RULE_NAME_CHARACTERS_MAX
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.workers import ChunkCaptured, ClockFitted, GapFound, SpansHeard

INIT_BYTES_MAX = 1024 * 1024
"""An init segment is about a kilobyte; a megabyte of it is a fault of the producer."""

CODEC_CHARS_MAX = 32

COUNTER_MAX = 1 << 40
"""Far above what one chunk can count, and so low that the sums over a session stay within the 64 bits of a record."""

_STORED = Landing(Fate.STORED)
_DUPLICATE = Landing(Fate.DUPLICATE)


class Batch:
    """Messages landing in one write transaction. Call `finish` before the transaction ends.

    disk_was_full: whether messages of this session were thrown away for lack of room, so that a hole is explained.
    """

    def __init__(self, txn: Transaction, disk_was_full: Callable[[str], bool] = lambda _session: False) -> None:
        self._txn = txn
        self._disk_was_full = disk_was_full
        self._sessions: dict[str, SessionRecord | None] = {}
        self._touched: set[str] = set()

    def land(self, item: IngestItem) -> Landing:
        """Store one message."""
        message = item.message
        if isinstance(message, SpansHeard):
            return self._land_spans(message)
        refusal = _refusal(item, message)
        session = None if refusal else self._session(message.session)
        track = session.track(message.track) if session is not None else None
        if not refusal and session is None:
            refusal = f"unknown session {message.session!r}"
        elif not refusal and track is None:
            refusal = f"unknown track {message.track!r} of session {message.session}"
        elif isinstance(message, ChunkCaptured | GapFound) and _came_too_late(session, message):
            refusal = f"session {message.session} had ended before {message.start_ns} ns"
        if refusal or session is None or track is None:
            return Landing(Fate.REFUSED, refusal)
        if isinstance(message, ClockFitted):
            return self._land_clock(session, track, message)
        stop_ns = message.end_ns if session.end_ns is None else min(message.end_ns, session.end_ns)
        if track.kind is TrackKind.SNAPSHOT and message.start_ns > track.end_ns + ROUNDING_NS:
            hold_still(self._txn, session, track, message.start_ns)
        hole = self._hole_reason(session, track, message.epoch)
        if isinstance(message, ChunkCaptured):
            landing = self._land_chunk(session, track, message, item, stop_ns, hole)
        else:
            landing = self._land_gap(session, track, message, stop_ns, hole)
        if landing.fate is Fate.STORED:
            track.epoch = max(message.epoch, track.epoch if track.epoch is not None else message.epoch)
            self._touched.add(session.id)
        return landing

    def _land_spans(self, message: SpansHeard) -> Landing:
        refusal = heard.refusal_of(message)
        session = None if refusal else self._session(message.session)
        if session is None:
            return Landing(Fate.REFUSED, refusal or f"unknown session {message.session!r}")
        return heard.land(self._txn, session, message)

    def finish(self) -> None:
        """Write the sessions' records with their new counters."""
        for session_id in self._touched:
            self._txn.put_record(Table.SESSIONS, name_key(session_id), self._sessions[session_id])
        self._touched.clear()

    def _session(self, session_id: str) -> SessionRecord | None:
        if session_id not in self._sessions:
            self._sessions[session_id] = self._txn.record(Table.SESSIONS, name_key(session_id), SessionRecord)
        return self._sessions[session_id]

    def _hole_reason(self, session: SessionRecord, track: TrackState, epoch: int) -> GapReason:
        if track.epoch is not None and epoch != track.epoch:
            return GapReason.WORKER_RESTART
        return GapReason.DISK_FULL if self._disk_was_full(session.id) else GapReason.DROPPED

    def _land_chunk(
        self,
        session: SessionRecord,
        track: TrackState,
        message: ChunkCaptured,
        item: IngestItem,
        stop_ns: int,
        hole: GapReason,
    ) -> Landing:
        prefix = track_prefix(session.id, track.id)
        around = spans_around(self._txn, prefix, message.start_ns, stop_ns)
        digest = item.digest or chunks.digest_of(item.payload)
        same_time = [span for span in around if _overlap_ns(span, message.start_ns, stop_ns) > ROUNDING_NS]
        if any(self._is_chunk(prefix, span, digest) for span in same_time):
            return _DUPLICATE
        settlement = settle_media(around, track.end_ns, message.start_ns, stop_ns, hole)
        if settlement.media is None:
            track.overlaps += 1
            self._touched.add(session.id)
            return _DUPLICATE
        entry = ChunkEntry(
            end_ns=settlement.media.end_ns,
            chunk=chunks.add(self._txn, item.payload, digest),
            init=chunks.add(self._txn, item.init),
            size=len(item.payload),
            frames=message.frames,
            keyframe=message.keyframe,
            epoch=message.epoch,
            dropped=message.dropped,
            unchanged=message.unchanged,
            silence_ns=message.silence_ns,
            shift_ns=message.shift_ns,
        )
        self._txn.put_record(Table.TIMELINE, at(prefix, settlement.media.start_ns), entry)
        apply_gaps(self._txn, prefix, settlement)
        track.end_ns = settlement.end_ns
        track.overlaps += settlement.shortened
        track.codec = message.codec or track.codec
        count(track, entry)
        return _STORED

    def _is_chunk(self, prefix: bytes, span: Span, digest: bytes) -> bool:
        if span.reason is not None:
            return False
        entry = self._txn.record(Table.TIMELINE, at(prefix, span.start_ns), ChunkEntry)
        return entry is not None and entry.chunk == digest

    def _land_clock(self, session: SessionRecord, track: TrackState, message: ClockFitted) -> Landing:
        if track.kind is not TrackKind.AUDIO:
            return Landing(Fate.REFUSED, f"track {track.id} has no sound")
        if not clocks.is_newer(message, track.clock):
            return _DUPLICATE
        track.clock = clocks.kept(message)
        self._touched.add(session.id)
        return _STORED

    def _land_gap(
        self, session: SessionRecord, track: TrackState, message: GapFound, stop_ns: int, hole: GapReason
    ) -> Landing:
        prefix = track_prefix(session.id, track.id)
        around = spans_around(self._txn, prefix, message.start_ns, stop_ns)
        settlement = settle_gap(
            around, track.end_ns, message.start_ns, stop_ns, message.reason, hole, detail=message.detail
        )
        if not settlement.removed and not settlement.added:
            return _DUPLICATE
        apply_gaps(self._txn, prefix, settlement)
        track.end_ns = settlement.end_ns
        return _STORED


def _came_too_late(session: SessionRecord | None, message: ChunkCaptured | GapFound) -> bool:
    return session is not None and session.end_ns is not None and message.start_ns >= session.end_ns


def _overlap_ns(span: Span, start_ns: int, stop_ns: int) -> int:
    return min(span.end_ns, stop_ns) - max(span.start_ns, start_ns)


def count(track: TrackState, entry: ChunkEntry) -> None:
    """Add a chunk to its track's counters."""
    track.chunks += 1
    track.bytes += counted_bytes(track, entry)
    track.frames += entry.frames
    track.dropped += entry.dropped
    track.unchanged += entry.unchanged
    track.silence_ns += entry.silence_ns


def counted_bytes(track: TrackState, entry: ChunkEntry) -> int:
    """Bytes that an entry adds to its track. A still that stays on view, or is again, is the same bytes: none."""
    return entry.size if entry.frames or track.kind is not TrackKind.SNAPSHOT else 0


def hold_still(txn: Transaction, session: SessionRecord, track: TrackState, until_ns: int) -> None:
    """Let the last still of a track stay on view up to `until_ns`, as long as its picture was recorded.

    How long a still is on view is told when the next one comes, or now and then; a crash leaves that open. By what a
    still means it is on view until the next: only where nothing was recorded there is a hole.
    """
    prefix = track_prefix(session.id, track.id)
    source = session.track(track.source)
    last = next(txn.scan_back(Table.TIMELINE, prefix), None)
    if source is None or last is None:
        return
    entry = decode(last[1], ChunkEntry)
    ends = [source.end_ns, until_ns]
    source_prefix = track_prefix(session.id, source.id)
    for key, value in txn.scan(Table.GAPS, source_prefix):
        if decode(value, GapEntry).end_ns > track.end_ns:
            ends.append(number_of(key, source_prefix))
            break
    end_ns = min(ends)
    if entry.end_ns != track.end_ns or end_ns <= track.end_ns:
        return
    held = structs.replace(entry, end_ns=end_ns, frames=0, dropped=0, unchanged=0)
    txn.put_record(Table.TIMELINE, at(prefix, track.end_ns), held)
    chunks.hold(txn, entry.chunk)
    chunks.hold(txn, entry.init)
    count(track, held)
    track.end_ns = end_ns


def spans_around(txn: Transaction, prefix: bytes, start_ns: int, stop_ns: int) -> list[Span]:
    """Every span of a track that touches [start_ns, stop_ns], ends included, sorted; besides, the one before it."""
    spans = []
    kinds: tuple[tuple[Table, type[ChunkEntry] | type[GapEntry]], ...] = (
        (Table.TIMELINE, ChunkEntry),
        (Table.GAPS, GapEntry),
    )
    for table, kind in kinds:
        # From just before the start: a span that begins there must not hide the neighbour that ends there.
        first = next(txn.scan_back(table, prefix, at(prefix, max(start_ns - 1, 0))), None)
        for key, value in txn.scan(table, prefix, first[0] if first else at(prefix, start_ns)):
            from_ns = number_of(key, prefix)
            if from_ns > stop_ns:
                break
            entry = decode(value, kind)
            told = (entry.reason, entry.detail) if isinstance(entry, GapEntry) else ()
            spans.append(Span(from_ns, entry.end_ns, *told))
    # Start times are unique over both tables, so reasons are never compared.
    return sorted(spans)


def apply_gaps(txn: Transaction, prefix: bytes, settlement: Settlement) -> None:
    """Write the gaps that a settlement changes."""
    for gap in settlement.removed:
        txn.delete(Table.GAPS, at(prefix, gap.start_ns))
    for gap in settlement.added:
        if gap.reason is not None:
            txn.put_record(Table.GAPS, at(prefix, gap.start_ns), GapEntry(gap.end_ns, gap.reason, gap.detail))


def _refusal(item: IngestItem, message: ChunkCaptured | GapFound | ClockFitted) -> str:
    """Why this message can never be stored; empty if it can, as far as it shows by itself."""
    if isinstance(message, ClockFitted):
        start_ns, end_ns = message.at_ns, message.at_ns + 1
    else:
        start_ns, end_ns = message.start_ns, message.end_ns
    if not 0 <= start_ns < end_ns <= TIME_NS_MAX:
        return f"impossible time: {start_ns} to {end_ns} ns"
    if not 0 <= message.epoch <= TIME_NS_MAX:
        return f"impossible epoch {message.epoch}"
    try:
        track_prefix(message.session, message.track)
    except RequestRejected as error:
        return str(error)
    if isinstance(message, ChunkCaptured):
        return _chunk_refusal(message, item)
    if isinstance(message, ClockFitted):
        return clocks.refusal(message.clock)
    return "" if len(message.detail) <= RULE_NAME_CHARACTERS_MAX else f"a detail of {len(message.detail)} characters"


def _chunk_refusal(message: ChunkCaptured, item: IngestItem) -> str:
    counters = (message.frames, message.dropped, message.unchanged, message.silence_ns)
    if not all(0 <= each <= COUNTER_MAX for each in counters):
        return "impossible counters"
    if len(message.codec) > CODEC_CHARS_MAX:
        return "impossible codec"
    if not item.payload or not item.init:
        return "a chunk without its bytes or its init segment"
    if len(item.init) > INIT_BYTES_MAX:
        return f"an init segment of {len(item.init)} bytes"
    return ""
