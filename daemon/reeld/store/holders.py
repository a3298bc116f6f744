"""Everything that holds a range of a recording, read out of the store: which sessions, and what of each must go.

DESIGN: a session may hold a stretch without showing it, in a chunk whose entry shows only a part, or in a preroll. So
the samples of every chunk near the range are looked at, by parsing its boxes, and those of every preroll. Two nets are
used. Lines (`lineage`) find the range by time, however it was encoded; digests find chunks that hold it in sessions
that came without lines. Reads only, within the caller's transaction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.still_header import parse_header
from reeld.store import roster, sessions
from reeld.store.forgetting import (
    Held,
    TrackPlan,
    joined,
    overlap,
    plan_pictures,
    plan_sounds,
    plan_stills,
    without,
)
from reeld.store.keys import at, number_of, track_prefix
from reeld.store.lineage import Line, lines_of
from reeld.store.records import ChunkEntry, PrerollEntry, SessionRecord, TrackState
from reeld.store.timeline import ROUNDING_NS, Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S, seconds

NEAR_NS = 30 * NS_PER_S
"""No chunk holds samples further than this from what its entry shows: chunks are at most about 2 s long."""

Native = dict[bytes, list[Span]]
"""By digest of a chunk: what must go of it, in the chunk's own time."""


@dataclass
class SessionPlan:
    """What must go from one session. entries: of each track that loses something, in order, with their starts."""

    record: SessionRecord
    tracks: dict[str, TrackPlan] = field(default_factory=dict)
    entries: dict[str, list[tuple[int, ChunkEntry]]] = field(default_factory=dict)
    cleared: list[Span] = field(default_factory=list)
    """The range in this session's time, where it shows it."""


def checked_range(record: SessionRecord, from_ns: int, to_ns: int) -> Span:
    """The range within the session. Raises RequestRejected (INVALID_REQUEST) with every fault, WRONG_STATE."""
    if record.end_ns is None:
        raise running(record)
    end_ns = record.end_ns
    faults = []
    if end_ns <= 0:
        faults.append(f"nothing was recorded in session {record.id}")
    elif not 0 <= from_ns < end_ns:
        faults.append(f"the range begins at {seconds(from_ns)} s, outside the session")
    if to_ns > end_ns + ROUNDING_NS:
        faults.append(f"the range ends at {seconds(to_ns)} s, after the session")
    if to_ns <= from_ns:
        faults.append(f"the range ends at {seconds(to_ns)} s, not after its start at {seconds(from_ns)} s")
    if faults:
        raise RequestRejected(
            f"session {record.id} lasts from 0 to {seconds(end_ns)} s: {'; '.join(faults)}",
            remedy=f"Choose --from and --to between 0 and {seconds(end_ns)}.",
            faults=tuple(faults),
        )
    return Span(from_ns, min(to_ns, end_ns))


def running(record: SessionRecord) -> RequestRejected:
    """The error for a session that is being recorded."""
    return RequestRejected(
        f"session {record.id} is being recorded", code=ErrorCode.WRONG_STATE, remedy="Stop it first: `reelctl stop`."
    )


def plan_of_one(txn: Transaction, session: str, from_ns: int, to_ns: int) -> SessionPlan:
    """What must go from this session alone. Raises RequestRejected (NOT_FOUND and as `checked_range`), StoreCorrupt."""
    record = sessions.load(txn, session)
    span = checked_range(record, from_ns, to_ns)
    return _plan(txn, record, [(Span(0, record.media_end_ns()), span)], {})


def plans_of_all(txn: Transaction, session: str, from_ns: int, to_ns: int) -> list[SessionPlan]:
    """What must go from every session that holds the range, this one first.

    Raises RequestRejected: as `plan_of_one`, and WRONG_STATE if a recording that goes on holds it; StoreCorrupt.
    """
    record = sessions.load(txn, session)
    span = checked_range(record, from_ns, to_ns)
    roots = set(record.origins or [record.id])
    lines = lines_of(txn, record)
    removed = [(line.root, shown) for line in lines if (shown := line.to_root(span)) is not None]
    # A session may show a recording twice: what is removed of it goes from wherever it is shown.
    whole = Span(0, record.media_end_ns())
    cuts = list(_cuts(lines, removed))
    cuts += ((whole, rest) for rest in without([span], [Span(each.start_ns, each.end_ns) for each in lines]))
    plans = [_plan(txn, record, cuts, {})]
    relatives = [each for each in roster.every(txn) if each.id != record.id and roots & {each.id, *each.origins}]
    strangers = []
    for each in relatives:
        lines = lines_of(txn, each)
        if not lines:
            strangers.append(each)
            continue
        plans.append(_plan(txn, each, list(_cuts(lines, removed)), {}))
    native: Native = {}
    for plan in plans:
        _collect(plan, native)
    # Digests last: they find what came without lines, and once more what has some.
    plans = [plan if plan.tracks else _plan(txn, plan.record, [], native) for plan in plans]
    plans += [_plan(txn, each, [], native) for each in strangers]
    found = [plan for plan in plans if plan.tracks or plan.record.id == record.id]
    for plan in found:
        if plan.record.end_ns is None and not plan.record.buffer:
            raise running(plan.record)
    return found


def _cuts(lines: Iterable[Line], removed: Iterable[tuple[str, Span]]) -> Iterator[tuple[Span, Span]]:
    """For each line the range as it lies there, or would if the line went on."""
    for line in lines:
        for root, span in removed:
            if root == line.root:
                yield Span(line.start_ns, line.end_ns), line.from_root(span)


def _plan(txn: Transaction, record: SessionRecord, cuts: list[tuple[Span, Span]], native: Native) -> SessionPlan:
    """cuts: of each line its time and what must go there."""
    plan = SessionPlan(record)
    if not cuts and not native:
        return plan
    plan.cleared = joined(
        Span(max(cut.start_ns, line.start_ns), min(cut.end_ns, line.end_ns)) for line, cut in cuts if overlap(cut, line)
    )
    for track in record.tracks:
        entries = _entries(txn, record.id, track)
        held = [_held(txn, record.id, track, start_ns, entry, cuts, native) for start_ns, entry in entries]
        redos = _PLANNERS[track.kind](held)
        if redos or plan.cleared:
            shown = [part for redo in redos for part in _shown_cuts(held[redo.index])]
            plan.tracks[track.id] = TrackPlan(redos, joined([*plan.cleared, *shown]))
            plan.entries[track.id] = entries
    return plan


_PLANNERS = {TrackKind.VIDEO: plan_pictures, TrackKind.AUDIO: plan_sounds, TrackKind.SNAPSHOT: plan_stills}


def _shown_cuts(held: Held) -> Iterator[Span]:
    for cut in held.cuts:
        if overlap(cut, held.shown):
            yield Span(max(cut.start_ns, held.shown.start_ns), min(cut.end_ns, held.shown.end_ns))


def _entries(txn: Transaction, session: str, track: TrackState) -> list[tuple[int, ChunkEntry]]:
    prefix = track_prefix(session, track.id)
    return [(number_of(key, prefix), decode(value, ChunkEntry)) for key, value in txn.scan(Table.TIMELINE, prefix)]


def _held(
    txn: Transaction,
    session: str,
    track: TrackState,
    start_ns: int,
    entry: ChunkEntry,
    lines: list[tuple[Span, Span]],
    native: Native,
) -> Held:
    shown = Span(start_ns, entry.end_ns)
    cuts = [cut for line, cut in lines if line.start_ns <= start_ns < line.end_ns]
    own = [_moved(span, entry.shift_ns) for span in native.get(entry.chunk, ())]
    if track.kind is TrackKind.SNAPSHOT:
        # A picture may be on view again long after it was taken.
        taken = content_of(txn, track, entry.chunk, entry.init, entry.shift_ns) if cuts or own else None
        return Held(shown=shown, content=taken or shown, keyframe=True, cuts=(*cuts, *own))
    preroll = txn.record(Table.PREROLL, at(track_prefix(session, track.id), start_ns), PrerollEntry)
    contents: list[Span] | None = None
    if preroll is not None:
        contents = []
        for chunk, init in preroll.chunks if cuts or native else ():
            content = content_of(txn, track, chunk, init, entry.shift_ns)
            # One that cannot be read is no use to a decoder, and might hold anything.
            contents.append(content or Span(-(2**62), start_ns))
            cuts += [_moved(span, entry.shift_ns) for span in native.get(chunk, ())]
    near = Span(shown.start_ns - NEAR_NS, shown.end_ns + NEAR_NS)
    content = None
    if own or any(overlap(cut, near) for cut in cuts):
        content = content_of(txn, track, entry.chunk, entry.init, entry.shift_ns)
    return Held(
        shown=shown,
        content=_around(shown, content),
        keyframe=entry.keyframe,
        cuts=(*cuts, *own),
        preroll=None if contents is None else tuple(contents),
    )


def content_of(txn: Transaction, track: TrackState, chunk: bytes, init: bytes, shift_ns: int) -> Span | None:
    """From the first to the end of the last sample of a chunk, in the session's time; None if it cannot be read.

    The transform of sound reaches one packet further: see `reeld.media.recut.whole_packets`.
    """
    data, head = txn.get(Table.CHUNKS, chunk), txn.get(Table.CHUNKS, init)
    if data is None or head is None:
        return None
    try:
        if track.kind is TrackKind.SNAPSHOT:
            taken_ns = parse_header(head).taken_ns + shift_ns
            return Span(taken_ns, taken_ns + 1)
        described = parse_init(head)
        samples = parse_chunk(data, described)
    except StoreCorrupt:
        return None
    factor = 1 if track.kind is TrackKind.VIDEO else 2
    first = min(sample.pts for sample in samples)
    last = max(sample.pts + factor * sample.duration for sample in samples)
    scale = described.timescale
    return Span(first * NS_PER_S // scale + shift_ns, -(-last * NS_PER_S // scale) + shift_ns)


def _around(shown: Span, content: Span | None) -> Span:
    if content is None:
        return shown
    return Span(min(shown.start_ns, content.start_ns), max(shown.end_ns, content.end_ns))


def _moved(span: Span, shift_ns: int) -> Span:
    return Span(span.start_ns + shift_ns, span.end_ns + shift_ns)


def _collect(plan: SessionPlan, native: Native) -> None:
    """What must go of each chunk that this plan takes out, in the chunk's own time."""
    for track, planned in plan.tracks.items():
        entries = plan.entries[track]
        for redo in planned.redos:
            _, entry = entries[redo.index]
            if redo.dirty:
                spans = native.setdefault(entry.chunk, [])
                spans += [each for cut in planned.cleared if (each := _moved(cut, -entry.shift_ns)) not in spans]
