"""Checks everything the store promises: digests, cover of every track, counters, references.

What it reads is described by the index in one read transaction; the bytes are hashed afterwards, one short
transaction each, so that a long check neither sees a recording half-way nor keeps old pages from being used again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from reeld.runtime.clock import monotonic_ns
from reeld.store import recount, roster, scrub, sessions
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import count
from reeld.store.keys import name_key, number_of, track_prefix
from reeld.store.reader import gaps_of
from reeld.store.records import (
    AutomationEntry,
    ChunkEntry,
    ClockJumpEntry,
    FindingEntry,
    HeardEntry,
    PrerollEntry,
    QuarantineEntry,
    References,
    SessionRecord,
    SoundGraphEntry,
    TrackState,
)
from reeld.store.said import KINDS
from reeld.store.timeline import Span, cover_faults
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.commands import Verified
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import Fault
from reeld_proto.units import NS_PER_S, seconds

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
    quarantined: set[bytes] = field(default_factory=set)
    """Known to be damaged, set aside, and shown by no timeline."""


def verify(
    store: StoreEnvironment,
    session: str | None,
    progress: Progress = lambda _done, _all: True,
    *,
    max_duration_s: float | None = None,
) -> Verified:
    """Check the whole store, or what one session needs. Raises RequestRejected (NOT_FOUND) for an unknown session.

    max_duration_s: hash chunks, least recently checked first, for so long only; the index is always checked whole.
    Faults: `chunk-damaged`, `chunk-missing`, `record-damaged`, `hole`, `overlap`, `counter`, `refcount`.
    """
    survey = _Survey()
    deadline_ns = None if max_duration_s is None else monotonic_ns() + round(max_duration_s * NS_PER_S)
    with store.read() as txn:
        cursor = scrub.place(txn).cursor if max_duration_s is not None else b""
        for record in _records(txn, session, survey):
            for track in record.tracks:
                _survey_track(txn, record, track, survey)
        _survey_said(txn, session, survey)
        _survey_quarantine(txn, survey)
        _compare_references(txn, survey, whole=session is None)
    checked_bytes, checked, last = 0, 0, b""
    total = sum(survey.sizes.values())
    complete = True
    for digest in scrub.in_turn(survey.sizes.keys() - survey.quarantined, cursor):
        if deadline_ns is not None and checked and monotonic_ns() >= deadline_ns:
            complete = False
            break
        last = digest
        fault = _chunk_fault(store, digest, survey.users.get(digest, ("", "")))
        if fault is not None:
            survey.faults.append(fault)
        checked += 1
        checked_bytes += survey.sizes[digest]
        if not progress(checked_bytes, total):
            break
    return Verified(
        ok=not survey.faults,
        checked_chunks=checked,
        checked_bytes=checked_bytes,
        faults=survey.faults[:FAULTS_MAX],
        complete=complete,
        next_chunk=last.hex(),
    )


def _records(txn: Transaction, session: str | None, survey: _Survey) -> Iterator[SessionRecord]:
    if session is not None:
        yield sessions.load(txn, session)
        return
    for key, value in txn.scan(Table.SESSIONS):
        try:
            record = roster.read(key, value)
        except StoreCorrupt as error:
            survey.faults.append(Fault(kind="record-damaged", session=roster.name_of(key), detail=str(error)))
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
            _need(survey, (entry.chunk, entry.init), record, track)
        for key, value in txn.scan(Table.PREROLL, prefix):
            for pair in decode(value, PrerollEntry).chunks:
                _need(survey, pair, record, track)
            if txn.get(Table.TIMELINE, key) is None:
                detail = f"what the chunk at {seconds(number_of(key, prefix))} s needs is there, the chunk is not"
                survey.faults.append(Fault(kind="record-damaged", session=record.id, track=track.id, detail=detail))
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


def _need(survey: _Survey, digests: tuple[bytes, bytes], record: SessionRecord, track: TrackState) -> None:
    for digest in digests:
        survey.needed[digest] += 1
        survey.users.setdefault(digest, (record.id, track.id))


def _survey_said(txn: Transaction, session: str | None, survey: _Survey) -> None:
    """What is kept beside the records; gaps were looked at with their tracks."""
    kinds: dict[Table, type[Any]] = {
        Table.CLOCK_JUMPS: ClockJumpEntry,
        Table.HEARD: HeardEntry,
        Table.AUTOMATION: AutomationEntry,
        Table.SOUND_GRAPHS: SoundGraphEntry,
        Table.FINDINGS: FindingEntry,
        **KINDS,
    }
    for table, kind in kinds.items():
        if table is Table.GAPS:
            continue
        prefix = b"" if session is None else name_key(session)
        for key, value in txn.scan(table, prefix):
            name = key.partition(b"\0")[0]
            try:
                if prefix in (b"", name):
                    decode(value, kind)
            except StoreCorrupt as error:
                fault = Fault(kind="record-damaged", session=roster.name_of(name), detail=f"of {table}: {error}")
                survey.faults.append(fault)


def _survey_quarantine(txn: Transaction, survey: _Survey) -> None:
    """What is set aside still counts its references, so that it can be put back."""
    for key, value in txn.scan(Table.QUARANTINE):
        try:
            entry = decode(value, QuarantineEntry)
            for table, _, row in entry.rows:
                for digest in recount.rows_of(table, row):
                    survey.needed[digest] += 1
                    survey.users.setdefault(digest, ("", ""))
        except StoreCorrupt as error:
            survey.faults.append(Fault(kind="record-damaged", detail=str(error)))
            continue
        if len(key) == scrub.DIGEST_BYTES:
            survey.quarantined.add(key)


def damaged_chunks(store: StoreEnvironment, progress: Progress = lambda _done, _all: True) -> set[bytes]:
    """Digests of bytes that are missing or are not what they were. Raises RequestRejected if `progress` stops it."""
    with store.read() as txn:
        sizes = sizes_in_use(txn)
    damaged, done, total = set(), 0, sum(sizes.values())
    for digest, size in sizes.items():
        if is_damaged(store, digest):
            damaged.add(digest)
        done += size
        if not progress(done, total):
            raise RequestRejected("the check was stopped", code=ErrorCode.WRONG_STATE)
    return damaged


def is_damaged(store: StoreEnvironment, digest: bytes) -> bool:
    """Whether the bytes of a chunk are missing or are not what they were."""
    return _chunk_fault(store, digest, ("", "")) is not None


def sizes_in_use(txn: Transaction) -> dict[bytes, int]:
    """Digest and size of every chunk that something refers to and that is not set aside."""
    sizes = {}
    for key, value in txn.scan(Table.REFERENCES):
        try:
            known = decode(value, References)
        except StoreCorrupt:
            continue
        if known.count > 0 and txn.get(Table.QUARANTINE, key) is None:
            sizes[key] = known.size
    return sizes


def _compare_references(txn: Transaction, survey: _Survey, *, whole: bool) -> None:
    """Compare counted references with kept ones; in a check of one session others may hold more."""
    for digest, needed in survey.needed.items():
        kept = txn.record(Table.REFERENCES, digest, References) or References(0, 0)
        survey.sizes[digest] = kept.size
        if kept.count < needed or (whole and kept.count != needed):
            survey.faults.append(_refcount(digest, kept.count, needed, survey.users[digest]))
    if not whole:
        return
    stored = set(txn.keys(Table.CHUNKS))
    for digest, value in txn.scan(Table.REFERENCES):
        if digest not in survey.needed:
            _check_unneeded(txn, digest, decode(value, References), survey, there=digest in stored)
    for digest, _ in txn.scan(Table.GARBAGE):
        if digest in survey.needed or txn.get(Table.REFERENCES, digest) is None:
            detail = "garbage, but needed" if digest in survey.needed else "garbage, but without a reference count"
            user = survey.users.get(digest, ("", ""))
            fault = Fault(kind="refcount", session=user[0], track=user[1], chunk=digest.hex(), detail=detail)
            survey.faults.append(fault)
    if txn.count(Table.CHUNKS) > txn.count(Table.REFERENCES):
        surplus = txn.count(Table.CHUNKS) - txn.count(Table.REFERENCES)
        survey.faults.append(Fault(kind="refcount", detail=f"{surplus} chunks have no reference count"))


def _check_unneeded(txn: Transaction, digest: bytes, kept: References, survey: _Survey, *, there: bool) -> None:
    """Bytes that nothing needs: they are garbage, are said to be, and are there until they are collected."""
    if kept.count or txn.get(Table.GARBAGE, digest) is None:
        survey.faults.append(_refcount(digest, kept.count, 0, ("", "")))
    elif not there:
        survey.faults.append(Fault(kind="chunk-missing", chunk=digest.hex(), detail="garbage whose bytes are missing"))


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
