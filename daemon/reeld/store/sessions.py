"""Orders about sessions, each in the caller's write transaction. All may be given twice: the second changes nothing."""

import hashlib

from msgspec import structs

from reeld.store import buffer, roster
from reeld.store.ingest import apply_gaps, hold_still, spans_around
from reeld.store.keys import TIME_NS_MAX, at, name_key, number_of, session_prefix, track_prefix
from reeld.store.records import (
    SESSION_RECORD_BYTES_MAX,
    ChunkEntry,
    ClockJumpEntry,
    GapEntry,
    MarkerEntry,
    PauseEntry,
    SessionRecord,
    SoundGraphEntry,
    TrackState,
    WarningEntry,
)
from reeld.store.revisions import touch
from reeld.store.timeline import settle_gap
from reeld.store.transaction import Table, Transaction
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason, SessionState, TrackKind
from reeld_proto.workers import (
    CreateSession,
    FinishSession,
    RecordClockJump,
    RecordMarker,
    RecordPause,
    RecordState,
)

TRACKS_MAX = 20
NEW_RECORD_BYTES_MAX = SESSION_RECORD_BYTES_MAX - TRACKS_MAX * 190
"""Room is left for the counters: nine numbers of up to nine bytes and a codec's name a track; and for its clock."""

WARNINGS_MAX = 100
"""Warnings kept a session; a source that flaps all day must not fill the store."""


def load(txn: Transaction, session: str) -> SessionRecord:
    """The record of a session. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    key = name_key(session)
    value = txn.get(Table.SESSIONS, key)
    if value is None:
        raise _unknown(session)
    return roster.read(key, value)


def load_shown(txn: Transaction, session: str) -> SessionRecord:
    """The same for people, to whom the parts of the rolling buffer are no sessions."""
    record = load(txn, session)
    if record.buffer:
        raise _unknown(session)
    return record


def _unknown(session: str) -> RequestRejected:
    return RequestRejected(
        f"there is no session {session}", code=ErrorCode.NOT_FOUND, remedy="`reelctl sessions` lists them."
    )


def save(txn: Transaction, record: SessionRecord) -> None:
    """Write a session's record."""
    txn.put_record(Table.SESSIONS, name_key(record.id), record)


def create(txn: Transaction, order: CreateSession) -> None:
    """A session begins. Raises RequestRejected (INVALID_REQUEST, TOO_LARGE)."""
    key = name_key(order.session)
    if txn.get(Table.SESSIONS, key) is not None:
        return
    for track in order.tracks:
        name_key(track.id)
    tracks = [
        TrackState(id=track.id, kind=track.kind, codec=track.codec, label=track.label, source=track.source)
        for track in order.tracks
    ]
    record = SessionRecord(
        id=order.session,
        name=order.name,
        tags=order.tags,
        state=SessionState.ACTIVE,
        started_wall_ns=order.started_wall_ns,
        started_mono_ns=order.started_mono_ns,
        tracks=tracks,
        buffer=order.buffer,
    )
    check_size(record)
    touch(txn, record)
    if order.buffer:
        buffer.enrol(txn, order.session)
    txn.put(Table.UNFINISHED, key, b"")
    if order.sound is not None:
        txn.put_record(Table.SOUND_GRAPHS, at(session_prefix(order.session), 0), SoundGraphEntry(order.sound))
    for warning in order.warnings:
        add_warning(txn, order.session, warning)


def check_size(record: SessionRecord) -> None:
    """Raises RequestRejected (TOO_LARGE) for a record that could grow beyond what can always be loaded."""
    described = structs.replace(record, tracks=[_described(each) for each in record.tracks])
    size = len(codec.pack_record(described))
    if size > NEW_RECORD_BYTES_MAX or len(record.tracks) > TRACKS_MAX:
        raise RequestRejected(
            f"the description of session {record.id} is too large: {size} bytes, {len(record.tracks)} tracks",
            code=ErrorCode.TOO_LARGE,
            remedy=f"At most {NEW_RECORD_BYTES_MAX} bytes and {TRACKS_MAX} tracks: shorter name, fewer tags.",
        )


def _described(track: TrackState) -> TrackState:
    return TrackState(id=track.id, kind=track.kind, codec=track.codec, label=track.label, source=track.source)


def pause(txn: Transaction, order: RecordPause) -> None:
    """A pause began or, with its end, is over."""
    record = load(txn, order.session)
    _check_time(order.start_ns)
    key = at(session_prefix(order.session), order.start_ns)
    known = txn.record(Table.PAUSES, key, PauseEntry)
    if known is not None and (known.end_ns is not None or order.end_ns is None):
        return
    if order.end_ns is not None and not order.start_ns <= order.end_ns <= TIME_NS_MAX:
        raise RequestRejected(f"a pause cannot last from {order.start_ns} to {order.end_ns} ns")
    txn.put_record(Table.PAUSES, key, PauseEntry(order.end_ns))
    touch(txn, record)


def mark(txn: Transaction, order: RecordMarker) -> None:
    """A note at an instant. Two different notes may share one."""
    record = load(txn, order.session)
    _check_time(order.media_ns)
    if put_marker(txn, order.session, order.media_ns, order.text):
        touch(txn, record)


def put_marker(txn: Transaction, session: str, media_ns: int, text: str) -> bool:
    """Write a note at an instant of a session, unless it is there; whether it is new."""
    # The text's digest keeps two notes of one instant apart and one note that is sent twice together.
    key = at(session_prefix(session), media_ns) + hashlib.sha256(text.encode(errors="replace")).digest()[:8]
    if txn.get(Table.MARKERS, key) is not None:
        return False
    txn.put_record(Table.MARKERS, key, MarkerEntry(text))
    return True


def set_state(txn: Transaction, order: RecordState) -> None:
    """The session is now in another state of its life. A finished session keeps the state it ended in."""
    record = load(txn, order.session)
    moves = record.end_ns is None and record.state is not order.state
    if moves:
        record.state = order.state
    warns = bool(order.warning) and add_warning(txn, order.session, order.warning)
    if moves or warns:
        touch(txn, record)


def clock_jump(txn: Transaction, order: RecordClockJump) -> None:
    """The civil clock jumped."""
    load(txn, order.session)
    _check_time(order.media_ns)
    key = at(session_prefix(order.session), order.media_ns)
    txn.put_record(Table.CLOCK_JUMPS, key, ClockJumpEntry(order.wall_ns))


def finish(txn: Transaction, order: FinishSession, tail: GapReason = GapReason.DROPPED) -> None:
    """The session ended: every track is covered up to its end. `tail`: why a track may end earlier.

    Media that begins at or after `end_ns` moves the end; what merely reaches beyond it is shown up to the end.
    """
    record = load(txn, order.session)
    _check_time(order.end_ns)
    if record.end_ns is not None and record.state is not SessionState.INTERRUPTED:
        return
    end_ns = max([order.end_ns, *(_least_end_ns(txn, record, track, order.end_ns) for track in record.tracks)])
    for track in record.tracks:
        if track.kind is TrackKind.SNAPSHOT and track.end_ns < end_ns:
            hold_still(txn, record, track, end_ns)
        _close_track(txn, record.id, track, end_ns, tail)
    record.end_ns = end_ns
    record.state = order.state
    touch(txn, record)
    txn.delete(Table.UNFINISHED, name_key(record.id))


def tail_reason(*, disk_was_full: bool) -> GapReason:
    """Why a track ends before its session, when its producer did not say."""
    return GapReason.DISK_FULL if disk_was_full else GapReason.DROPPED


def _least_end_ns(txn: Transaction, record: SessionRecord, track: TrackState, end_ns: int) -> int:
    """Where the session must end at least, so that no chunk of the track falls outside."""
    prefix = track_prefix(record.id, track.id)
    last = next(txn.scan_back(Table.TIMELINE, prefix), None)
    return track.end_ns if last is not None and number_of(last[0], prefix) >= end_ns else 0


def _close_track(txn: Transaction, session: str, track: TrackState, end_ns: int, tail: GapReason) -> None:
    prefix = track_prefix(session, track.id)
    if track.end_ns < end_ns:
        around = spans_around(txn, prefix, track.end_ns, end_ns)
        apply_gaps(txn, prefix, settle_gap(around, track.end_ns, track.end_ns, end_ns, tail, tail))
    for span in spans_around(txn, prefix, end_ns, track.end_ns) if track.end_ns > end_ns else []:
        if span.end_ns <= end_ns:
            continue
        key = at(prefix, span.start_ns)
        if span.reason is None:
            entry = txn.record(Table.TIMELINE, key, ChunkEntry)
            if entry is not None:
                txn.put_record(Table.TIMELINE, key, structs.replace(entry, end_ns=end_ns))
        elif span.start_ns < end_ns:
            txn.put_record(Table.GAPS, key, GapEntry(end_ns, span.reason, span.detail))
        else:
            txn.delete(Table.GAPS, key)
    track.end_ns = end_ns


def add_warning(txn: Transaction, session: str, text: str) -> bool:
    """Keep a warning, unless it is known or there are too many; whether it is new. The caller touches the session."""
    prefix = session_prefix(session)
    known = [value for _, value in txn.scan(Table.WARNINGS, prefix)]
    value = codec.pack_record(WarningEntry(text))
    if value in known or len(known) >= WARNINGS_MAX:
        return False
    txn.put(Table.WARNINGS, at(prefix, len(known)), value)
    return True


def _check_time(number: int) -> None:
    if not 0 <= number <= TIME_NS_MAX:
        raise RequestRejected(f"impossible time: {number} ns")
