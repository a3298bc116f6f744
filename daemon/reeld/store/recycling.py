"""Recycling the rolling buffer from the front.

DESIGN: a buffer's session is an ordinary one whose front goes: what is too old becomes one `recycled` gap from 0 on, in
the same transaction that gives the references up, so cover, counters and references hold at every commit. A track of
pictures keeps what its first picture is decoded with: it is dropped up to a key frame. The recorder makes one often
enough; where it did not, what cannot be decoded any more goes, too. An ended session all of whose time is too old goes
whole. What a kept session is still to be filled with stays.
"""

from collections.abc import Iterator

from reeld.runtime.clock import wall_ns
from reeld.store import chunks, heard, keeping, rows
from reeld.store.api import Circumstances
from reeld.store.buffer import front_ns, members, stretch_of, strike_off, track_front_ns
from reeld.store.ingest import counted_bytes
from reeld.store.keys import at, name_key, number_of, session_prefix, track_prefix
from reeld.store.records import ChunkEntry, GapEntry, PrerollEntry, SessionRecord, TrackState
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.replay_orders import BufferTrimmed, TrimBuffer
from reeld_proto.units import NS_PER_S

REASON = "recycled"

LATE_NS_MAX = 60 * NS_PER_S
"""How much longer than asked for pictures are kept because a key frame is missing."""


def trim(txn: Transaction, order: TrimBuffer, _circumstances: Circumstances) -> BufferTrimmed:
    """Drop what is too old, `entries_max` timeline entries at most. Raises StoreCorrupt."""
    left = order.entries_max
    complete = True
    held_ns, size = 0, 0
    now_wall_ns = wall_ns()
    oldest_ns = order.now.mono_ns - order.keep_ns
    reserved = keeping.needed(txn)
    for record in members(txn):
        before_ns = stretch_of(txn, record, order.now).media_ns(oldest_ns)
        end_ns = record.media_end_ns()
        is_over = record.end_ns is not None and record.id != order.now.live
        if before_ns > 0 and record.id not in reserved:
            left, whole = _trim_session(txn, record, before_ns, left, now_wall_ns, all_of_it=before_ns >= end_ns)
            complete = complete and whole
            if whole and is_over and before_ns >= end_ns:
                rows.erase(txn, record.id, reason=REASON, now_wall_ns=now_wall_ns)
                strike_off(txn, record.id)
                continue
        held_ns += max(0, end_ns - max(front_ns(txn, record), before_ns, 0))
        size += sum(track.bytes for track in record.tracks)
    return BufferTrimmed(held_ns=held_ns, bytes=size, dropped=order.entries_max - left, complete=complete)


def _trim_session(
    txn: Transaction, record: SessionRecord, before_ns: int, left: int, now_wall_ns: int, *, all_of_it: bool
) -> tuple[int, bool]:
    """Drop the front of every track; how many entries may still go, and whether all went that should."""
    changed = False
    whole = True
    for track in record.tracks:
        prefix = track_prefix(record.id, track.id)
        cut_ns = track.end_ns if all_of_it else _cut_ns(txn, prefix, track, before_ns)
        if cut_ns <= track_front_ns(txn, prefix):
            continue
        doomed = list(_entries_before(txn, prefix, cut_ns, left + 1))
        if len(doomed) > left:
            # As far as it goes: the next order continues there.
            cut_ns, doomed, whole = doomed[left][0], doomed[:left], False
        for start_ns, entry in doomed:
            _drop(txn, prefix, track, start_ns, entry, now_wall_ns)
        left -= len(doomed)
        _clear_gaps(txn, prefix, cut_ns)
        changed = True
    if changed:
        _clear_jumps(
            txn, record.id, min(track_front_ns(txn, track_prefix(record.id, track.id)) for track in record.tracks)
        )
        heard.remove(txn, record, [Span(0, before_ns)])
        # Nothing that is said about the session to people changes: they do not see it.
        txn.put_record(Table.SESSIONS, name_key(record.id), record)
    return left, whole


def _cut_ns(txn: Transaction, prefix: bytes, track: TrackState, before_ns: int) -> int:
    """From where on the track is kept: where an entry begins that can be decoded, or a gap lies."""
    known = False
    for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, before_ns)):
        known = True
        start_ns, entry = number_of(key, prefix), decode(value, ChunkEntry)
        if track.kind is not TrackKind.VIDEO and entry.end_ns <= before_ns:
            return min(before_ns, track.end_ns)
        if start_ns < before_ns - LATE_NS_MAX:
            break
        if entry.keyframe:
            return start_ns
    if not known:
        return min(before_ns, track.end_ns)
    # The key frame is missing, or too long ago: nothing up to the next one can be kept.
    for key, value in txn.scan(Table.TIMELINE, prefix, at(prefix, before_ns)):
        if decode(value, ChunkEntry).keyframe:
            return number_of(key, prefix)
    return track.end_ns


def _entries_before(txn: Transaction, prefix: bytes, cut_ns: int, entries_max: int) -> Iterator[tuple[int, ChunkEntry]]:
    for key, value in txn.scan(Table.TIMELINE, prefix):
        start_ns = number_of(key, prefix)
        if start_ns >= cut_ns or entries_max <= 0:
            return
        entries_max -= 1
        yield start_ns, decode(value, ChunkEntry)


def _drop(
    txn: Transaction, prefix: bytes, track: TrackState, start_ns: int, entry: ChunkEntry, now_wall_ns: int
) -> None:
    key = at(prefix, start_ns)
    preroll = txn.record(Table.PREROLL, key, PrerollEntry)
    digests = [entry.chunk, entry.init]
    if preroll is not None:
        digests += [digest for pair in preroll.chunks for digest in pair]
        txn.delete(Table.PREROLL, key)
    for digest in digests:
        chunks.release(txn, digest, reason=REASON, now_wall_ns=now_wall_ns)
    txn.delete(Table.TIMELINE, key)
    track.chunks -= 1
    track.bytes -= counted_bytes(track, entry)
    track.frames -= entry.frames
    track.dropped -= entry.dropped
    track.unchanged -= entry.unchanged
    track.silence_ns -= entry.silence_ns


def _clear_gaps(txn: Transaction, prefix: bytes, cut_ns: int) -> None:
    """One `recycled` gap up to `cut_ns` in the place of all gaps before."""
    for key, value in list(txn.scan(Table.GAPS, prefix)):
        start_ns = number_of(key, prefix)
        if start_ns >= cut_ns:
            break
        gap = decode(value, GapEntry)
        txn.delete(Table.GAPS, key)
        if gap.end_ns > cut_ns:
            txn.put_record(Table.GAPS, at(prefix, cut_ns), gap)
    txn.put_record(Table.GAPS, at(prefix, 0), GapEntry(cut_ns, GapReason.RECYCLED))


def _clear_jumps(txn: Transaction, session: str, before_ns: int) -> None:
    """Of the jumps of the civil clock before `before_ns` only the last still says something."""
    prefix = session_prefix(session)
    old = [key for key, _ in txn.scan(Table.CLOCK_JUMPS, prefix) if number_of(key, prefix) < before_ns]
    for key in old[:-1]:
        txn.delete(Table.CLOCK_JUMPS, key)
