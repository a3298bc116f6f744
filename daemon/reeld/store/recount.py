"""Makes what is derived agree with what is there: session records, track counters, covers, reference counts.

Everything here follows from the rows of timelines, prerolls and the quarantine; a store that `verify` finds clean is
not changed. One write transaction over the whole index: seconds for a very large store, and asked for by a person.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator

from reeld.media.still_header import parse_header
from reeld.store import keeping, revisions, roster
from reeld.store.ingest import apply_gaps, count, spans_around
from reeld.store.keys import NUMBER_BYTES, at, number_of, track_prefix
from reeld.store.records import (
    AutomationEntry,
    ChunkEntry,
    ClockJumpEntry,
    FindingEntry,
    GapEntry,
    GarbageEntry,
    HeardEntry,
    MarkerEntry,
    NoteEntry,
    PauseEntry,
    PrerollEntry,
    QuarantineEntry,
    References,
    ResultEntry,
    SessionRecord,
    SoundGraphEntry,
    TrackState,
    WarningEntry,
)
from reeld.store.said import KINDS
from reeld.store.timeline import Span, cover_faults, settle_gap
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.enrich import EnrichJob
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import GapReason, SessionState, TrackKind

LEFT_OVER = "nothing referred to it when the store was repaired"


def recount(txn: Transaction, now_wall_ns: int) -> tuple[int, int]:
    """Set everything derived right; (gaps added, other things changed). Every row must be readable."""
    fixed = rebuild_records(txn)
    gaps = 0
    for record in list(roster.every(txn)):
        added, changed = _recount_session(txn, record)
        gaps += added
        fixed += changed
    return gaps, fixed + _recount_references(txn, now_wall_ns)


def rows_of(table: str, value: bytes) -> list[bytes]:
    """The digests that one row refers to, with repetition."""
    if table == Table.TIMELINE:
        entry = decode(value, ChunkEntry)
        return [entry.chunk, entry.init]
    return [digest for pair in decode(value, PrerollEntry).chunks for digest in pair]


def needed_references(txn: Transaction) -> Counter[bytes]:
    """How often each digest is referred to, by what is shown, by prerolls and by what is set aside."""
    needed: Counter[bytes] = Counter()
    for table in (Table.TIMELINE, Table.PREROLL):
        for _, value in txn.scan(table):
            needed.update(rows_of(table, value))
    for _, value in txn.scan(Table.QUARANTINE):
        for name, _, row in decode(value, QuarantineEntry).rows:
            needed.update(rows_of(name, row))
    return needed


def drop_unreadable(txn: Transaction) -> list[tuple[Table, bytes]]:
    """Set rows aside that cannot be read; which. What they covered becomes a gap by `recount`, called after it."""
    dropped = []
    kinds: tuple[tuple[Table, type], ...] = (
        (Table.TIMELINE, ChunkEntry),
        (Table.GAPS, GapEntry),
        (Table.PREROLL, PrerollEntry),
        (Table.SESSIONS, SessionRecord),
        (Table.REFERENCES, References),
        (Table.GARBAGE, GarbageEntry),
        (Table.PAUSES, PauseEntry),
        (Table.MARKERS, MarkerEntry),
        (Table.CLOCK_JUMPS, ClockJumpEntry),
        (Table.WARNINGS, WarningEntry),
        (Table.NOTES, NoteEntry),
        (Table.HEARD, HeardEntry),
        (Table.AUTOMATION, AutomationEntry),
        (Table.SOUND_GRAPHS, SoundGraphEntry),
        (Table.RESULTS, ResultEntry),
        (Table.FINDINGS, FindingEntry),
        (Table.ENRICH_JOBS, EnrichJob),
    )
    for table, kind in kinds:
        for key, value in list(_unreadable(txn, table, kind)):
            reason = f"a row of {table} that cannot be read"
            txn.put_record(Table.QUARANTINE, row_key(table, key), QuarantineEntry(reason, 0, value, []))
            txn.delete(table, key)
            dropped.append((table, key))
    for table, key in dropped:
        if table is Table.SESSIONS:
            # What the record alone made sense of goes with it.
            txn.delete(Table.UNFINISHED, key)
            keeping.give_up(txn, key)
            revisions.bury_unreadable(txn, key)
    for name in {key.partition(b"\0")[0] for table, key in dropped if table in KINDS}:
        record = roster.readable_one(name, txn.get(Table.SESSIONS, name))
        if record is not None:
            revisions.touch(txn, record)
    return dropped


def row_key(table: Table, key: bytes) -> bytes:
    """Where a row that cannot be read is set aside; never as long as a digest alone."""
    return b"a row that cannot be read, of " + table.encode() + b"\0" + key


def _unreadable(txn: Transaction, table: Table, kind: type) -> Iterator[tuple[bytes, bytes]]:
    for key, value in txn.scan(table):
        try:
            if table is Table.SESSIONS:
                roster.read(key, value)
            else:
                decode(value, kind)
        except StoreCorrupt:
            yield key, value


def rebuild_records(txn: Transaction) -> int:
    """A session whose record is gone, but whose media is there, gets a record of what the media tells."""
    known = {record.id: record for record in roster.every(txn)}
    found: dict[str, set[str]] = {}
    for key, _ in txn.scan(Table.TIMELINE):
        session, track = (part.decode(errors="replace") for part in key[: -NUMBER_BYTES - 1].split(b"\0", 1))
        found.setdefault(session, set()).add(track)
    rebuilt = 0
    for session, tracks in found.items():
        record = known.get(session)
        if record is not None and tracks <= {track.id for track in record.tracks}:
            continue
        if record is None:
            record = SessionRecord(
                id=session, name="", tags=[], state=SessionState.INTERRUPTED, started_wall_ns=0, started_mono_ns=0
            )
            record.name = f"recovered {session}"
            txn.put(Table.UNFINISHED, session.encode(), b"")
        for track in sorted(tracks - {each.id for each in record.tracks}):
            record.tracks.append(_track_from_media(txn, session, track))
        record.end_ns = max([record.end_ns or 0, *(track.end_ns for track in record.tracks)])
        txn.delete(Table.UNFINISHED, session.encode())
        revisions.adopt(txn, record)
        rebuilt += 1
    return rebuilt


def _track_from_media(txn: Transaction, session: str, track: str) -> TrackState:
    end_ns, kind = 0, TrackKind.VIDEO
    for _, value in txn.scan(Table.TIMELINE, track_prefix(session, track)):
        entry = decode(value, ChunkEntry)
        end_ns = max(end_ns, entry.end_ns)
        kind = _kind_of(txn.get(Table.CHUNKS, entry.init) or b"") or kind
    return TrackState(id=track, kind=kind, codec="", label=track, source="", end_ns=end_ns)


def _kind_of(init: bytes) -> TrackKind | None:
    """What an init segment says its track holds; None for pictures, and where it is missing."""
    # The handler box names the kind (ISO/IEC 14496-12, `hdlr`); a still has a header of our own.
    if b"soun" in init:
        return TrackKind.AUDIO
    with contextlib.suppress(StoreCorrupt):
        parse_header(init)
        return TrackKind.SNAPSHOT
    return None


def _recount_session(txn: Transaction, record: SessionRecord) -> tuple[int, int]:
    gaps, before = 0, codec.pack_record(record)
    for track in record.tracks:
        end_ns = track.end_ns if record.end_ns is None else record.end_ns
        gaps += _cover(txn, record.id, track, end_ns)
        track.end_ns = end_ns
        for name in ("chunks", "bytes", "frames", "dropped", "unchanged", "silence_ns"):
            setattr(track, name, 0)
        for _, value in txn.scan(Table.TIMELINE, track_prefix(record.id, track.id)):
            count(track, decode(value, ChunkEntry))
    changed = codec.pack_record(record) != before
    if changed or gaps:
        revisions.touch(txn, record)
    return gaps, int(changed)


def _cover(txn: Transaction, session: str, track: TrackState, end_ns: int) -> int:
    """Fill every hole of a track with a `damaged` gap, and shorten what overlaps; how many places were mended."""
    prefix = track_prefix(session, track.id)
    spans = sorted(_spans(txn, prefix))
    covered_ns = mended = 0
    for span in spans:
        if span.start_ns < covered_ns or span.end_ns > end_ns:
            mended += 1
            _move(txn, prefix, span, max(span.start_ns, covered_ns), min(span.end_ns, end_ns))
        covered_ns = max(covered_ns, min(span.end_ns, end_ns))
    for fault in cover_faults(_spans(txn, prefix), end_ns):
        around = spans_around(txn, prefix, fault.start_ns, fault.end_ns)
        reason = GapReason.DAMAGED
        apply_gaps(txn, prefix, settle_gap(around, end_ns, fault.start_ns, fault.end_ns, reason, reason))
        mended += 1
    return mended


def _spans(txn: Transaction, prefix: bytes) -> Iterator[Span]:
    for key, value in txn.scan(Table.TIMELINE, prefix):
        yield Span(number_of(key, prefix), decode(value, ChunkEntry).end_ns)
    for key, value in txn.scan(Table.GAPS, prefix):
        gap = decode(value, GapEntry)
        yield Span(number_of(key, prefix), gap.end_ns, gap.reason, gap.detail)


def _move(txn: Transaction, prefix: bytes, span: Span, start_ns: int, end_ns: int) -> None:
    table = Table.TIMELINE if span.reason is None else Table.GAPS
    value = txn.get(table, at(prefix, span.start_ns))
    txn.delete(table, at(prefix, span.start_ns))
    if value is None or end_ns <= start_ns:
        return
    if span.reason is not None:
        txn.put_record(Table.GAPS, at(prefix, start_ns), GapEntry(end_ns, span.reason, span.detail))
        return
    entry = decode(value, ChunkEntry)
    values = [end_ns, *(getattr(entry, name) for name in entry.__struct_fields__[1:])]
    txn.put_record(Table.TIMELINE, at(prefix, start_ns), ChunkEntry(*values))


def _recount_references(txn: Transaction, now_wall_ns: int) -> int:
    needed = needed_references(txn)
    changed = 0
    kept = {key: decode(value, References) for key, value in txn.scan(Table.REFERENCES)}
    garbage = {key for key, _ in txn.scan(Table.GARBAGE)}
    for digest in list(_keys(txn, Table.CHUNKS)):
        if digest not in kept:
            kept[digest] = References(-1, len(txn.get(Table.CHUNKS, digest) or b""))
    for digest in needed.keys() | kept.keys():
        wanted, known = needed.get(digest, 0), kept.get(digest, References(-1, 0))
        if known.count != wanted:
            txn.put_record(Table.REFERENCES, digest, References(wanted, known.size))
            changed += 1
        if wanted and digest in garbage:
            txn.delete(Table.GARBAGE, digest)
        elif not wanted and digest not in garbage:
            txn.put_record(Table.GARBAGE, digest, GarbageEntry(now_wall_ns, known.size, LEFT_OVER))
    for digest in garbage - needed.keys() - kept.keys():
        txn.delete(Table.GARBAGE, digest)
        changed += 1
    return changed


def _keys(txn: Transaction, table: Table) -> Iterator[bytes]:
    """Keys only: the values of chunks are large."""
    yield from txn.keys(table)
