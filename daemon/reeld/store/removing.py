"""The order to forget a range: everything that holds it gives it up, in the caller's one write transaction.

DESIGN: nothing of the plan depends on what was staged. What the plan takes out goes; staged media lands only in the
time of what went and outside the range, and what nothing landed on is a `forgotten` gap.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import structs

from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.still_header import parse_header
from reeld.runtime.clock import wall_ns
from reeld.store import automation, chunks, enrichment, heard, results
from reeld.store.api import Circumstances
from reeld.store.aside import forget_set_aside
from reeld.store.forgetting import TrackPlan, joined, overlap, without
from reeld.store.holders import SessionPlan, plans_of_all
from reeld.store.ingest import count
from reeld.store.keys import NUMBER_BYTES, at, number_of, session_prefix, track_prefix
from reeld.store.reader import gaps_of
from reeld.store.records import ChunkEntry, GapEntry, PrerollEntry, References, TrackState
from reeld.store.revisions import touch
from reeld.store.staging import StagedChunk, read_staged
from reeld.store.timeline import Span, merged_gaps
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.edits import Forgotten, GoneChunk, HeldChunk
from reeld_proto.errors import InternalError
from reeld_proto.findings import SpokenWords, Stage
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.store_orders import ForgetMedia
from reeld_proto.units import NS_PER_S, seconds

REASON = "a range was forgotten"


def forget(txn: Transaction, order: ForgetMedia, circumstances: Circumstances) -> Forgotten:
    """Remove the range everywhere. Asked again after it was done, it gives the same receipt.

    Raises RequestRejected: NOT_FOUND, INVALID_REQUEST for a bad range, WRONG_STATE while a recording goes on that holds
    it; StoreCorrupt; InternalError for staged media that itself holds something of the range.
    """
    plans = plans_of_all(txn, order.session, order.from_ns, order.to_ns)
    if not any(redo.dirty for plan in plans for track in plan.tracks.values() for redo in track.redos):
        known = _receipt(txn, order)
        if known is not None:
            return known
    now_wall_ns = wall_ns()
    derived = txn.count(Table.RESULTS) + txn.count(Table.FINDINGS)
    staged: dict[tuple[str, str], list[StagedChunk]] = {}
    if order.staged:
        for chunk in read_staged(circumstances.store_dir, order.staged):
            staged.setdefault((chunk.session, chunk.track), []).append(chunk)
    given_up: Counter[bytes] = Counter()
    dirty: set[bytes] = set()
    markers = new_bytes = 0
    for plan in plans:
        for track in plan.record.tracks:
            planned = plan.tracks.get(track.id)
            if planned is not None:
                new = staged.get((plan.record.id, track.id), [])
                new_bytes += _apply(txn, plan, track, planned, new, given_up, dirty)
        markers += _remove_markers(txn, plan)
        heard.remove(txn, plan.record, plan.cleared)
        automation.forget(txn, plan.record, plan.cleared)
        enrichment.drop_findings(txn, plan.record.id)
        touch(txn, plan.record)
    for plan in plans:
        _forget_beside(txn, plan)
    given_up += forget_set_aside(txn, {plan.record.id: plan.cleared for plan in plans})
    for digest, times in given_up.items():
        chunks.release(txn, digest, reason=REASON, now_wall_ns=now_wall_ns, times=times)
    derived -= txn.count(Table.RESULTS) + txn.count(Table.FINDINGS)
    receipt = _written(order, plans, now_wall_ns, *_fates(txn, given_up, dirty), markers, new_bytes, derived)
    txn.put(Table.RECEIPTS, _free_key(txn, now_wall_ns), codec.pack_record(receipt))
    return receipt


def receipts(txn: Transaction) -> list[Forgotten]:
    """Every receipt, oldest first."""
    return [decode(value, Forgotten) for _, value in txn.scan(Table.RECEIPTS)]


def _apply(
    txn: Transaction,
    plan: SessionPlan,
    track: TrackState,
    planned: TrackPlan,
    staged: Sequence[StagedChunk],
    given_up: Counter[bytes],
    dirty: set[bytes],
) -> int:
    """Change one track; bytes of new media on it."""
    prefix = track_prefix(plan.record.id, track.id)
    entries = plan.entries[track.id]
    freed: list[tuple[Span, tuple[Span, ...]]] = []
    prerolls: dict[int, PrerollEntry] = {}
    for redo in planned.redos:
        start_ns, entry = entries[redo.index]
        freed.append((Span(start_ns, entry.end_ns), redo.cuts))
        key = at(prefix, start_ns)
        preroll = txn.record(Table.PREROLL, key, PrerollEntry)
        if preroll is not None:
            txn.delete(Table.PREROLL, key)
            given_up.update(digest for pair in preroll.chunks for digest in pair)
            if redo.clean_preroll:
                prerolls[start_ns] = preroll
        txn.delete(Table.TIMELINE, key)
        given_up.update((entry.chunk, entry.init))
        dirty.update([entry.chunk] if redo.dirty else [])
        _discount(track, entry)
    went = joined(span for span, _ in freed)
    free = without(went, planned.cleared)
    landed: list[Span] = []
    new_bytes = 0
    for chunk in staged:
        place = Span(chunk.start_ns, chunk.end_ns)
        if not any(each.start_ns <= place.start_ns and place.end_ns <= each.end_ns for each in free):
            continue
        _check_clean(track, chunk, [cut for span, cuts in freed if overlap(span, place) for cut in cuts])
        entry = _entry(txn, track, chunk)
        key = at(prefix, place.start_ns)
        txn.put_record(Table.TIMELINE, key, entry)
        count(track, entry)
        kept = prerolls.get(place.start_ns)
        if kept is not None and not chunk.keyframe:
            txn.put_record(Table.PREROLL, key, kept)
            for digest, times in Counter(digest for pair in kept.chunks for digest in pair).items():
                chunks.hold(txn, digest, times)
        new_bytes += len(chunk.payload)
        landed.append(place)
        free = without(free, [place])
    _settle_gaps(txn, plan.record.id, track.id, joined([*went, *planned.cleared]), landed)
    return new_bytes


def _entry(txn: Transaction, track: TrackState, chunk: StagedChunk) -> ChunkEntry:
    return ChunkEntry(
        end_ns=chunk.end_ns,
        chunk=chunks.add(txn, chunk.payload),
        init=chunks.add(txn, chunk.init),
        size=len(chunk.payload),
        frames=chunk.frames,
        keyframe=chunk.keyframe,
        epoch=track.epoch or 0,
        dropped=chunk.dropped,
        unchanged=chunk.unchanged,
        silence_ns=chunk.silence_ns,
        shift_ns=chunk.shift_ns,
    )


def _check_clean(track: TrackState, chunk: StagedChunk, cuts: Sequence[Span]) -> None:
    """The other half of the promise: no new chunk begins a sample in the range. Raises InternalError, StoreCorrupt.

    cuts: what must go of the entries that it comes in the place of, in the time of these entries' own line.
    """
    if track.kind is TrackKind.SNAPSHOT:
        begins = [parse_header(chunk.init).taken_ns]
    else:
        init = parse_init(chunk.init)
        begins = [sample.pts * NS_PER_S // init.timescale for sample in parse_chunk(chunk.payload, init)]
    for own_ns in begins:
        at_ns = own_ns + chunk.shift_ns
        # A tick is up to 0.1 ms and was rounded both ways.
        if any(cut.start_ns + _TICK_NS < at_ns < cut.end_ns - _TICK_NS for cut in cuts):
            raise InternalError(f"new media of session {chunk.session} holds what is to be forgotten")


_TICK_NS = 100_000


def _discount(track: TrackState, entry: ChunkEntry) -> None:
    numbers = ("frames", "dropped", "unchanged", "silence_ns")
    negative = structs.replace(entry, size=-entry.size, **{name: -getattr(entry, name) for name in numbers})
    count(track, negative)
    track.chunks -= 2  # `count` took it for one more


def _settle_gaps(txn: Transaction, session: str, track: str, freed: list[Span], landed: list[Span]) -> None:
    """In the time that was freed, what did not land becomes a gap; gaps in the range itself change their reason."""
    prefix = track_prefix(session, track)
    before = gaps_of(txn, session, track)
    empty = [Span(each.start_ns, each.end_ns, GapReason.FORGOTTEN) for each in without(freed, landed)]
    after = merged_gaps([*without(before, freed), *empty])
    for gap in before:
        if gap not in after:
            txn.delete(Table.GAPS, at(prefix, gap.start_ns))
    for gap in after:
        if gap not in before and gap.reason is not None:
            txn.put_record(Table.GAPS, at(prefix, gap.start_ns), GapEntry(gap.end_ns, gap.reason, gap.detail))


def _remove_markers(txn: Transaction, plan: SessionPlan) -> int:
    prefix = session_prefix(plan.record.id)
    doomed = [
        key
        for key, _ in txn.scan(Table.MARKERS, prefix)
        if any(each.start_ns <= number_of(key, prefix) < each.end_ns for each in plan.cleared)
    ]
    for key in doomed:
        txn.delete(Table.MARKERS, key)
    return len(doomed)


def _forget_beside(txn: Transaction, plan: SessionPlan) -> None:
    """Results of the sounds that lie beside what goes: their last words may be said in it."""
    removed = 0
    for track in plan.record.tracks:
        planned = plan.tracks.get(track.id)
        if planned is None or track.kind is not TrackKind.AUDIO:
            continue
        entries = plan.entries[track.id]
        for redo in planned.redos:
            start_ns = entries[redo.index][0]
            for place, (_, entry) in enumerate(entries[: redo.index + 2]):
                if abs(place - redo.index) <= 1 or _reaches(txn, entry, start_ns):
                    removed += results.drop(txn, entry.chunk)
    if removed:
        enrichment.touch_all(txn, plan.record)


def _reaches(txn: Transaction, entry: ChunkEntry, at_ns: int) -> bool:
    """Whether a word that begins in a chunk ends behind an instant."""
    spoken = results.payload(txn, entry.chunk, Stage.SPEECH, SpokenWords)
    return spoken is not None and any(word.end_ns + entry.shift_ns > at_ns for word in spoken.words)


def _fates(txn: Transaction, given_up: Counter[bytes], dirty: set[bytes]) -> tuple[list[GoneChunk], list[HeldChunk]]:
    """What nothing refers to any more, and what of the range somebody else still holds."""
    gone, kept = [], []
    for digest in sorted(given_up):
        known = txn.record(Table.REFERENCES, digest, References) or References(0, 0)
        if known.count == 0:
            gone.append(GoneChunk(chunk=digest.hex(), bytes=known.size))
        elif digest in dirty:
            kept.append((digest, known.size))
    holders = _holders(txn, {digest for digest, _ in kept})
    return gone, [
        HeldChunk(chunk=digest.hex(), bytes=size, held_by=sorted(holders.get(digest, ()))) for digest, size in kept
    ]


def _holders(txn: Transaction, wanted: set[bytes]) -> dict[bytes, set[str]]:
    """Ids of the sessions that hold these chunks. Reads every timeline, so only asked when there are any."""
    found: dict[bytes, set[str]] = {}
    for table in (Table.TIMELINE, Table.PREROLL) if wanted else ():
        for key, value in txn.scan(table):
            if table is Table.TIMELINE:
                digests = [decode(value, ChunkEntry).chunk]
            else:
                digests = [chunk for chunk, _ in decode(value, PrerollEntry).chunks]
            for digest in wanted.intersection(digests):
                session = key[: -NUMBER_BYTES - 1].split(b"\0", 1)[0].decode(errors="replace")
                found.setdefault(digest, set()).add(session)
    return found


def _written(
    order: ForgetMedia,
    plans: Sequence[SessionPlan],
    now_wall_ns: int,
    gone: list[GoneChunk],
    kept: list[HeldChunk],
    markers: int,
    new_bytes: int,
    derived: int,
) -> Forgotten:
    at_ = datetime.fromtimestamp(now_wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")
    return Forgotten(
        session=order.session,
        from_s=seconds(order.from_ns),
        to_s=seconds(order.to_ns),
        at=at_,
        sessions=[plan.record.id for plan in plans],
        gone=gone,
        kept=kept,
        gone_bytes=sum(each.bytes for each in gone),
        markers=markers,
        new_bytes=new_bytes,
        results=derived,
    )


def _receipt(txn: Transaction, order: ForgetMedia) -> Forgotten | None:
    """The newest receipt for exactly this."""
    wanted = (order.session, seconds(order.from_ns), seconds(order.to_ns))
    for _, value in txn.scan_back(Table.RECEIPTS):
        receipt = decode(value, Forgotten)
        if (receipt.session, receipt.from_s, receipt.to_s) == wanted:
            return receipt
    return None


def _free_key(txn: Transaction, now_wall_ns: int) -> bytes:
    """The clock may have been set back: a receipt never takes another one's place."""
    while txn.get(Table.RECEIPTS, at(b"", now_wall_ns)) is not None:
        now_wall_ns += 1
    return at(b"", now_wall_ns)
