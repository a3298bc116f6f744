"""Keeping the last minutes: a finished session of what the rolling buffer and recordings hold of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec import structs

from reeld.runtime.clock import monotonic_ns
from reeld.store import buffer, derive, keeping, lineage, roster, sessions
from reeld.store.api import Circumstances
from reeld.store.keys import name_key
from reeld.store.records import SessionRecord
from reeld.store.revisions import touch
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction
from reeld.store.wording import word_faults
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.replay_orders import FillKept, KeepLast, Kept, LastKept
from reeld_proto.store_orders import DeriveSession, SessionPart
from reeld_proto.units import NS_PER_MS

PART_NS_MIN = NS_PER_MS
"""Less than this of a session is no part: where one session ends as the next begins, they overlap by a moment."""

CLOSE_NS = 300 * NS_PER_MS
"""Where the newest media is durable up to this long before now, nobody waits for the rest: sound comes in blocks of
100 ms, and so much was meant by nobody who typed a command."""

PATIENCE_NS = 3_000 * NS_PER_MS
"""How long the last chunks are waited for. No chunk is longer; a track that is later has lost its source."""


FILL_ENTRIES_MAX = 600
"""Entries that are filled in before the answer. Each changes a reference count, and those lie scattered: a commit of
more would keep the answer waiting for the disk, whereas the promise to fill in is one small commit for any length."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """About how much there is to be filled in."""

    entries: int = 0
    size_bytes: int = 0


def keep(txn: Transaction, order: KeepLast, _circumstances: Circumstances) -> LastKept:
    """Make the session. Raises RequestRejected (INVALID_REQUEST; WRONG_STATE if nothing was recorded), StoreCorrupt."""
    is_new = txn.get(Table.SESSIONS, name_key(order.session)) is None
    expected = _make(txn, order) if is_new else _Expected()
    complete = expected.entries <= FILL_ENTRIES_MAX and keeping.fill(
        txn, order.session, within(order.work_ms), monotonic_ns()
    )
    record = sessions.load(txn, order.session)
    duration_ns = record.media_end_ns()
    filled_bytes = sum(track.bytes for track in record.tracks)
    return LastKept(
        duration_ns=duration_ns,
        bytes=filled_bytes if complete else max(filled_bytes, expected.size_bytes),
        missing_ns=max(0, order.last_ns - duration_ns),
        complete=complete,
    )


def go_on(txn: Transaction, order: FillKept, _circumstances: Circumstances) -> Kept:
    """Fill what earlier orders left, the oldest first; what a damaged record hinders waits for `reelctl repair`.

    Raises StoreCorrupt for media that is not there.
    """
    may_go_on = within(order.work_ms)
    waiting = [session for session in keeping.pending(txn) if keeping.is_readable(txn, session)]
    for session in list(waiting):
        if keeping.fill(txn, session, may_go_on, monotonic_ns()):
            waiting.remove(session)
        if not may_go_on():
            break
    return Kept(waiting=waiting)


def complete_all(txn: Transaction) -> None:
    """Fill every session to its end, as far as records can be read: for orders that work on sessions as they are."""
    for session in keeping.pending(txn):
        if keeping.is_readable(txn, session):
            keeping.fill(txn, session, lambda: True)


def within(work_ms: float) -> Callable[[], bool]:
    """Whether less than so much time has passed since this was called."""
    deadline_ns = monotonic_ns() + round(work_ms * NS_PER_MS)
    return lambda: monotonic_ns() < deadline_ns


def _make(txn: Transaction, order: KeepLast) -> _Expected:
    faults = tuple(word_faults(name=order.name))
    if faults:
        raise RequestRejected("; ".join(faults), faults=faults)
    parts = parts_of(txn, order)
    if not any(_holds_media(part) for part in parts):
        raise RequestRejected(
            "nothing was recorded in that time", code=ErrorCode.WRONG_STATE, remedy="Ask for a longer time."
        )
    wanted = DeriveSession(session=order.session, name=order.name, tags=[], parts=[part.asked for part in parts])
    record = derive.described(txn, wanted, parts)
    record.state = SessionState.PERSISTING
    sessions.check_size(record)
    derive.carry_over(txn, record, parts)
    lineage.inherit(txn, record.id, [(_whole(part), part.within, part.base_ns) for part in parts])
    ranges = [
        keeping.KeptRange(part.asked.session, part.within.start_ns, part.within.end_ns, part.base_ns) for part in parts
    ]
    keeping.begin(txn, record, ranges, order.now.mono_ns + PATIENCE_NS)
    touch(txn, record)
    return _expected(txn, parts)


def _expected(txn: Transaction, parts: list[derive.Part]) -> _Expected:
    """From how much each session holds, and how much of its time is kept."""
    entries = size = 0.0
    for part in parts:
        source = part.source
        held_ns = source.media_end_ns() - (buffer.front_ns(txn, source) if source.buffer else 0)
        share = min(1.0, (part.within.end_ns - part.within.start_ns) / max(1, held_ns))
        entries += share * sum(track.chunks for track in source.tracks)
        size += share * sum(track.bytes for track in source.tracks)
    return _Expected(round(entries), round(size))


def parts_of(txn: Transaction, order: KeepLast) -> list[derive.Part]:
    """What was recorded in the last `last_ns`, oldest first; no instant twice."""
    until_ns = order.now.mono_ns
    since_ns = until_ns - order.last_ns
    found: list[tuple[SessionRecord, Span]] = []
    for record in _candidates(txn, order, since_ns):
        stretch = buffer.stretch_of(txn, record, order.now)
        first_ns = buffer.front_ns(txn, record) if record.buffer else 0
        from_ns = max(first_ns, stretch.media_ns(since_ns), 0)
        to_ns = min(_end_ns(record, stretch.media_ns(order.now.mono_ns)), stretch.media_ns(until_ns))
        if to_ns - from_ns < PART_NS_MIN:
            continue
        found.append((record, Span(from_ns, to_ns)))
        until_ns = min(until_ns, stretch.mono_ns(from_ns))
    parts: list[derive.Part] = []
    base_ns = 0
    for record, within in found[::-1]:
        asked = SessionPart(session=record.id, from_ns=within.start_ns, to_ns=within.end_ns)
        parts.append(derive.Part(asked, record, within, base_ns))
        base_ns += within.end_ns - within.start_ns
    return parts


def _end_ns(record: SessionRecord, now_ns: int) -> int:
    """Where what is to be kept of it ends; `now_ns` of its media time is now.

    While it is recorded: where no track has ended yet if that is close enough, else now, and the rest is waited for.
    """
    if record.end_ns is not None:
        return record.end_ns
    least_ns = min((track.end_ns for track in record.tracks), default=0)
    return least_ns if least_ns > now_ns - CLOSE_NS else max(now_ns, least_ns)


def _holds_media(part: derive.Part) -> bool:
    return part.source.media_end_ns() > part.within.start_ns


def _whole(part: derive.Part) -> SessionRecord:
    """The session as it will be when what is kept of it has arrived."""
    if part.source.end_ns is not None:
        return part.source
    return structs.replace(part.source, end_ns=max(part.source.media_end_ns(), part.within.end_ns))


def _candidates(txn: Transaction, order: KeepLast, since_ns: int) -> Iterator[SessionRecord]:
    """The buffer's sessions and recordings that reach into the time, the newest first."""
    found = [(buffer.stretch_of(txn, record, order.now).start_mono_ns, record) for record in buffer.members(txn)]
    for record in roster.readable(txn.scan_back(Table.SESSIONS)):
        if record.buffer or record.origins:
            continue
        stretch = buffer.stretch_of(txn, record, order.now)
        if stretch.mono_ns(record.media_end_ns()) < since_ns and record.id != order.now.live:
            # One is recorded at a time, and ids sort by start: those before it ended earlier.
            break
        found.append((stretch.start_mono_ns, record))
    found.sort(key=lambda each: each[0], reverse=True)
    for _, record in found:
        yield record
