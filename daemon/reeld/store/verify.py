"""Checks everything the store promises: digests, cover of every track, counters, references.

What it reads is described by the index in one read transaction; the bytes are hashed afterwards, one short
transaction each, so that a long check neither sees a recording half-way nor keeps old pages from being used again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reeld.store import sessions
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment, Table, Transaction, decode
from reeld.store.ingest import count
from reeld.store.keys import number_of, track_prefix
from reeld.store.reader import gaps_of
from reeld.store.records import ChunkEntry, References, SessionRecord, TrackState
from reeld.store.timeline import Span, cover_faults
from reeld_proto.commands import Verified
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import Fault
from reeld_proto.units import seconds

FAULTS_MAX = 1000
"""Faults listed at most; a store with more is beyond reading them one by one."""

Progress = Callable[[int, int], bool]
"""Called with (bytes checked, bytes in all); returns False to stop."""


@dataclass
class _Survey:
    """What one look at the index gave."""

    faults: list[Fault] = field(default_factory=list)
    needed: Counter[bytes] = field(default_factory=Counter)
    sizes: dict[bytes, int] = field(default_factory=dict)
    users: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    """One session and track that needs the chunk, for the message."""


def verify(store: StoreEnvironment, session: str | None, progress: Progress = lambda _done, _all: True) -> Verified:
    """Check the whole store, or what one session needs. Raises RequestRejected (NOT_FOUND) for an unknown session.

    Faults: `chunk-damaged`, `chunk-missing`, `record-damaged`, `hole`, `overlap`, `counter`, `refcount`.
    """
    survey = _Survey()
    with store.read() as txn:
        for record in _records(txn, session, survey):
            for track in record.tracks:
                _survey_track(txn, record, track, survey)
        _compare_references(txn, survey, whole=session is None)
    checked_bytes, checked = 0, 0
    total = sum(survey.sizes.values())
    for digest, size in survey.sizes.items():
        fault = _chunk_fault(store, digest, survey.users.get(digest, ("", "")))
        if fault is not None:
            survey.faults.append(fault)
        checked += 1
        checked_bytes += size
        if not progress(checked_bytes, total):
            break
    return Verified(
        ok=not survey.faults,
        checked_chunks=checked,
        checked_bytes=checked_bytes,
        faults=survey.faults[:FAULTS_MAX],
    )


def _records(txn: Transaction, session: str | None, survey: _Survey) -> Iterator[SessionRecord]:
    if session is not None:
        yield sessions.load(txn, session)
        return
    for key, value in txn.scan(Table.SESSIONS):
        try:
            record = decode(value, SessionRecord)
        except StoreCorrupt as error:
            survey.faults.append(Fault(kind="record-damaged", session=key.decode(errors="replace"), detail=str(error)))
            continue
        yield record


def _survey_track(txn: Transaction, record: SessionRecord, track: TrackState, survey: _Survey) -> None:
    prefix = track_prefix(record.id, track.id)
    recount = TrackState(id=track.id, kind=track.kind, codec=track.codec, label=track.label, source=track.source)
    try:
        spans = gaps_of(txn, record.id, track.id)
        for key, value in txn.scan(Table.TIMELINE, prefix):
            entry = decode(value, ChunkEntry)
            spans.append(Span(number_of(key, prefix), entry.end_ns))
            count(recount, entry)
            for digest in (entry.chunk, entry.init):
                survey.needed[digest] += 1
                survey.users.setdefault(digest, (record.id, track.id))
    except StoreCorrupt as error:
        survey.faults.append(Fault(kind="record-damaged", session=record.id, track=track.id, detail=str(error)))
        return
    end_ns = track.end_ns if record.end_ns is None else record.end_ns
    for fault in cover_faults(spans, end_ns):
        detail = f"{seconds(fault.start_ns)} s to {seconds(fault.end_ns)} s of {seconds(end_ns)} s"
        survey.faults.append(Fault(kind=fault.kind, session=record.id, track=track.id, detail=detail))
    for name in ("chunks", "bytes", "frames", "dropped", "unchanged", "silence_ns"):
        kept, counted = getattr(track, name), getattr(recount, name)
        if kept != counted:
            detail = f"{name}: {kept} in the session's record, {counted} on the timeline"
            survey.faults.append(Fault(kind="counter", session=record.id, track=track.id, detail=detail))


def _compare_references(txn: Transaction, survey: _Survey, *, whole: bool) -> None:
    """Compare counted references with kept ones; in a check of one session others may hold more."""
    for digest, needed in survey.needed.items():
        kept = txn.record(Table.REFERENCES, digest, References) or References(0, 0)
        survey.sizes[digest] = kept.size
        if kept.count < needed or (whole and kept.count != needed):
            survey.faults.append(_refcount(digest, kept.count, needed, survey.users[digest]))
    if not whole:
        return
    for digest, value in txn.scan(Table.REFERENCES):
        if digest not in survey.needed:
            survey.faults.append(_refcount(digest, decode(value, References).count, 0, ("", "")))
    if txn.count(Table.CHUNKS) > txn.count(Table.REFERENCES):
        surplus = txn.count(Table.CHUNKS) - txn.count(Table.REFERENCES)
        survey.faults.append(Fault(kind="refcount", detail=f"{surplus} chunks have no reference count"))


def _refcount(digest: bytes, kept: int, needed: int, user: tuple[str, str]) -> Fault:
    detail = f"{kept} references kept, {needed} on the timelines"
    return Fault(kind="refcount", session=user[0], track=user[1], chunk=digest.hex(), detail=detail)


def _chunk_fault(store: StoreEnvironment, digest: bytes, user: tuple[str, str]) -> Fault | None:
    with store.read() as txn:
        data = txn.get(Table.CHUNKS, digest)
    if data is None:
        kind, detail = "chunk-missing", "the bytes are not in the store"
    elif digest_of(data) != digest:
        kind, detail = "chunk-damaged", "the bytes have another digest"
    else:
        return None
    return Fault(kind=kind, session=user[0], track=user[1], chunk=digest.hex(), detail=detail)
