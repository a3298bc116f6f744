"""Changing what people wrote about a session, and removing one. Each order in the caller's one transaction."""

from collections import Counter
from collections.abc import Iterable, Iterator

from reeld.runtime.clock import wall_ns
from reeld.store import chunks, enrichment, sessions
from reeld.store.api import Circumstances
from reeld.store.keys import name_key, session_prefix
from reeld.store.records import ChunkEntry, NoteEntry, PrerollEntry
from reeld.store.revisions import bury, touch
from reeld.store.transaction import Table, Transaction, decode
from reeld.store.wording import NOTE_CHARS_MAX, word_faults
from reeld_proto.commands import Deleted
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.store_orders import EditRecord, NewMarker, RemoveSession
from reeld_proto.units import seconds

_OF_A_SESSION = (
    Table.TIMELINE,
    Table.PREROLL,
    Table.GAPS,
    Table.PAUSES,
    Table.MARKERS,
    Table.CLOCK_JUMPS,
    Table.WARNINGS,
    Table.LINEAGE,
    Table.HEARD,
    Table.AUTOMATION,
    Table.SOUND_GRAPHS,
    Table.FINDINGS,
)
"""Databases whose keys begin with the session's prefix."""


def edit(txn: Transaction, order: EditRecord) -> None:
    """Change name, note, tags or pin. Raises RequestRejected: NOT_FOUND, TOO_LARGE, INVALID_REQUEST (every fault)."""
    record = sessions.load(txn, order.session)
    faults = word_faults(name=order.name, tags=order.add_tags, note=order.note)
    faults += _marker_faults(order.add_markers, record.media_end_ns())
    if faults:
        raise RequestRejected("; ".join(faults), faults=tuple(faults))
    if order.name is not None:
        record.name = order.name
    kept = [tag for tag in record.tags if tag not in order.remove_tags]
    record.tags = list(dict.fromkeys([*kept, *order.add_tags]))
    if order.pinned is not None:
        record.pinned = order.pinned
    sessions.check_size(record)
    if order.note:
        txn.put_record(Table.NOTES, name_key(record.id), NoteEntry(order.note))
    elif order.note is not None:
        txn.delete(Table.NOTES, name_key(record.id))
    for marker in order.add_markers:
        sessions.put_marker(txn, record.id, marker.media_ns, marker.text)
    touch(txn, record)


def _marker_faults(markers: Iterable[NewMarker], end_ns: int) -> Iterator[str]:
    for marker in markers:
        if not marker.text.strip():
            yield "the note of a marker is empty"
        if len(marker.text) > NOTE_CHARS_MAX:
            yield f"the note of a marker has {len(marker.text)} characters, but may have {NOTE_CHARS_MAX} at most"
        if not 0 <= marker.media_ns <= end_ns:
            yield f"a marker at {seconds(marker.media_ns)} s lies outside the session, which lasts {seconds(end_ns)} s"


def remove(txn: Transaction, order: RemoveSession, _circumstances: Circumstances) -> Deleted:
    """Delete everything that belongs to a session and give its chunks up.

    Raises RequestRejected: NOT_FOUND, WRONG_STATE for one that is being recorded. Asked again after it was removed, it
    answers without bytes.
    """
    if txn.get(Table.SESSIONS, name_key(order.session)) is None and _was_removed(txn, order.session):
        return Deleted(session=order.session, freed_bytes=0, shared_bytes=0)
    record = sessions.load(txn, order.session)
    if record.end_ns is None:
        raise RequestRejected(
            f"session {record.id} is being recorded",
            code=ErrorCode.WRONG_STATE,
            remedy="Stop it first: `reelctl stop`.",
        )
    freed_bytes, shared_bytes = _release(txn, _needed(txn, record.id), order.reason)
    prefix = session_prefix(record.id)
    for table in _OF_A_SESSION:
        # Collected first: a cursor must not stand on a key that is removed under it.
        for key in [key for key, _ in txn.scan(table, prefix)]:
            txn.delete(table, key)
    txn.delete(Table.NOTES, name_key(record.id))
    enrichment.drop_jobs(txn, record.id)
    bury(txn, record)
    return Deleted(session=record.id, freed_bytes=freed_bytes, shared_bytes=shared_bytes)


def _was_removed(txn: Transaction, session: str) -> bool:
    return any(value == session.encode() for _, value in txn.scan_back(Table.REVISIONS))


def _needed(txn: Transaction, session: str) -> Counter[bytes]:
    """How often the session refers to each chunk and init segment."""
    needed: Counter[bytes] = Counter()
    prefix = session_prefix(session)
    for _, value in txn.scan(Table.TIMELINE, prefix):
        entry = decode(value, ChunkEntry)
        needed.update((entry.chunk, entry.init))
    for _, value in txn.scan(Table.PREROLL, prefix):
        needed.update(digest for pair in decode(value, PrerollEntry).chunks for digest in pair)
    return needed


def _release(txn: Transaction, needed: Counter[bytes], reason: str) -> tuple[int, int]:
    """Give references up; bytes that became garbage, and bytes that others hold."""
    now_wall_ns = wall_ns()
    freed_bytes, shared_bytes = 0, 0
    for digest, times in needed.items():
        freed = chunks.release(txn, digest, reason=reason, now_wall_ns=now_wall_ns, times=times)
        freed_bytes += freed
        shared_bytes += 0 if freed else chunks.size_of(txn, digest)
    return freed_bytes, shared_bytes
