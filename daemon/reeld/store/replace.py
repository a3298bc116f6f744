"""Other media in the place of what a session's tracks hold: thinned to key frames, or compressed better.

DESIGN: an entry goes as a whole or not at all. What is staged must cover what it replaces, but where a track is
dropped: there the rest becomes a `thinned` gap. The staged file is read twice, once for its times and once for its
bytes, so that no more than one chunk of it is in memory. All in the caller's one transaction.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

from reeld.runtime.clock import wall_ns
from reeld.store import chunks, sessions
from reeld.store.api import Circumstances
from reeld.store.ingest import apply_gaps, count
from reeld.store.keys import at, number_of, track_prefix
from reeld.store.reader import gaps_of
from reeld.store.records import ChunkEntry, PrerollEntry, SessionRecord, TrackState
from reeld.store.revisions import touch
from reeld.store.staging import StagedChunk, read_staged
from reeld.store.timeline import ROUNDING_NS, Settlement, Span, merged_gaps
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.store_orders import ReplaceMedia
from reeld_proto.units import seconds
from reeld_proto.workers import Done


@dataclass
class _Exchange:
    """What happens to one track. places: for each staged chunk, in order, the time it gets."""

    track: TrackState
    prefix: bytes
    dropped: bool
    old: list[tuple[int, ChunkEntry]] = field(default_factory=list)
    places: list[Span] = field(default_factory=list)
    rest: list[Span] = field(default_factory=list)


def replace(txn: Transaction, order: ReplaceMedia, circumstances: Circumstances) -> Done:
    """Put staged media in the place of what it covers. Done again with the same file it changes nothing.

    Raises RequestRejected: NOT_FOUND, WRONG_STATE for a session that is being recorded, INVALID_REQUEST for staged
    media that does not fit; StoreCorrupt for a broken staged file.
    """
    record = sessions.load(txn, order.session)
    if record.end_ns is None:
        raise RequestRejected(f"session {record.id} is being recorded", code=ErrorCode.WRONG_STATE)
    wanted: dict[str, list[Span]] = {track: [] for track in order.drop_tracks}
    for chunk in read_staged(circumstances.store_dir, order.staged):
        if chunk.session != record.id:
            raise RequestRejected(f"a staged chunk is for session {chunk.session}, not {record.id}")
        wanted.setdefault(chunk.track, []).append(Span(chunk.start_ns, chunk.end_ns))
    exchanges = {
        track: _exchange(txn, record, track, spans, dropped=track in order.drop_tracks)
        for track, spans in wanted.items()
    }
    held: Counter[bytes] = Counter()
    for exchange in exchanges.values():
        _take_out(txn, record.id, exchange, held)
    placed = {track: iter(exchange.places) for track, exchange in exchanges.items()}
    for chunk in read_staged(circumstances.store_dir, order.staged):
        exchange = exchanges[chunk.track]
        _put_in(txn, exchange, chunk, next(placed[chunk.track]))
    now_wall_ns = wall_ns()
    for digest, times in held.items():
        chunks.release(txn, digest, reason=order.reason, now_wall_ns=now_wall_ns, times=times)
    for exchange in exchanges.values():
        _recount(txn, exchange)
    record.tier = order.tier or record.tier
    touch(txn, record)
    return Done()


def _exchange(txn: Transaction, record: SessionRecord, name: str, wanted: list[Span], *, dropped: bool) -> _Exchange:
    """What goes and where the new media comes. Raises RequestRejected if it does not fit."""
    track = record.track(name)
    if track is None:
        raise RequestRejected(f"session {record.id} has no track {name}", code=ErrorCode.NOT_FOUND)
    prefix = track_prefix(record.id, name)
    exchange = _Exchange(track, prefix, dropped)
    previous: ChunkEntry | None = None
    for key, value in txn.scan(Table.TIMELINE, prefix):
        start_ns, entry = number_of(key, prefix), decode(value, ChunkEntry)
        if dropped or _overlaps(wanted, start_ns, entry.end_ns):
            exchange.old.append((start_ns, entry))
            previous = entry
            continue
        if previous is not None and not entry.keyframe and txn.get(Table.PREROLL, key) is None:
            raise RequestRejected(f"the chunk at {seconds(start_ns)} s of {name} needs the one before, which would go")
        previous = None
    runs = _runs(exchange.old)
    for span in wanted:
        after_ns = exchange.places[-1].end_ns if exchange.places else 0
        exchange.places.append(_placed(span, runs, after_ns, name))
    exchange.rest = _rest(runs, exchange.places)
    if not dropped and exchange.rest:
        left = exchange.rest[0]
        raise RequestRejected(
            f"the new media of {name} leaves {seconds(left.start_ns)} s to {seconds(left.end_ns)} s uncovered"
        )
    return exchange


def _overlaps(wanted: list[Span], start_ns: int, end_ns: int) -> bool:
    """Whether one of the spans, which are in order, takes more than a rounding of [start_ns, end_ns)."""
    low, high = 0, len(wanted)
    while low < high:
        middle = (low + high) // 2
        if wanted[middle].end_ns <= start_ns + ROUNDING_NS:
            low = middle + 1
        else:
            high = middle
    return low < len(wanted) and min(wanted[low].end_ns, end_ns) - max(wanted[low].start_ns, start_ns) > ROUNDING_NS


def _runs(old: list[tuple[int, ChunkEntry]]) -> list[Span]:
    """The time of the old entries, neighbours joined."""
    runs: list[Span] = []
    for start_ns, entry in old:
        if runs and runs[-1].end_ns == start_ns:
            runs[-1] = Span(runs[-1].start_ns, entry.end_ns)
        else:
            runs.append(Span(start_ns, entry.end_ns))
    return runs


def _placed(span: Span, runs: list[Span], after_ns: int, track: str) -> Span:
    """The time that a staged chunk gets: its own, roundings at the ends of old media and of its neighbour taken up."""
    for run in runs:
        if not run.start_ns - ROUNDING_NS <= span.start_ns < run.end_ns:
            continue
        start_ns = run.start_ns if abs(span.start_ns - run.start_ns) <= ROUNDING_NS else span.start_ns
        if after_ns and abs(span.start_ns - after_ns) <= ROUNDING_NS and after_ns > run.start_ns:
            start_ns = after_ns
        end_ns = run.end_ns if abs(span.end_ns - run.end_ns) <= ROUNDING_NS else span.end_ns
        if after_ns <= start_ns < end_ns <= run.end_ns:
            return Span(start_ns, end_ns)
        break
    raise RequestRejected(
        f"new media of {track} for {seconds(span.start_ns)} s to {seconds(span.end_ns)} s fits no old one"
    )


def _rest(runs: list[Span], places: list[Span]) -> list[Span]:
    """The time of the old entries that nothing new covers."""
    rest: list[Span] = []
    waiting = iter(places)
    place = next(waiting, None)
    for run in runs:
        covered_ns = run.start_ns
        while place is not None and place.start_ns < run.end_ns:
            if place.start_ns > covered_ns:
                rest.append(Span(covered_ns, place.start_ns))
            covered_ns = place.end_ns
            place = next(waiting, None)
        if covered_ns < run.end_ns:
            rest.append(Span(covered_ns, run.end_ns))
    return rest


def _take_out(txn: Transaction, session: str, exchange: _Exchange, held: Counter[bytes]) -> None:
    """Remove the old entries with what they need; their references are counted in `held`, to be given up later."""
    for start_ns, entry in exchange.old:
        key = at(exchange.prefix, start_ns)
        txn.delete(Table.TIMELINE, key)
        held.update((entry.chunk, entry.init))
        preroll = txn.record(Table.PREROLL, key, PrerollEntry)
        if preroll is not None:
            txn.delete(Table.PREROLL, key)
            held.update(chain.from_iterable(preroll.chunks))
    before = gaps_of(txn, session, exchange.track.id)
    thinned = [Span(span.start_ns, span.end_ns, GapReason.THINNED) for span in exchange.rest]
    after = merged_gaps([*before, *thinned])
    removed = tuple(gap for gap in before if gap not in after)
    added = tuple(gap for gap in after if gap not in before)
    apply_gaps(txn, exchange.prefix, Settlement(exchange.track.end_ns, removed, added))


def _put_in(txn: Transaction, exchange: _Exchange, chunk: StagedChunk, place: Span) -> None:
    entry = ChunkEntry(
        end_ns=place.end_ns,
        chunk=chunks.add(txn, chunk.payload),
        init=chunks.add(txn, chunk.init),
        size=len(chunk.payload),
        frames=chunk.frames,
        keyframe=chunk.keyframe,
        epoch=exchange.track.epoch or 0,
        dropped=chunk.dropped,
        unchanged=chunk.unchanged,
        silence_ns=chunk.silence_ns,
        shift_ns=chunk.shift_ns,
    )
    txn.put_record(Table.TIMELINE, at(exchange.prefix, place.start_ns), entry)
    exchange.track.codec = chunk.codec or exchange.track.codec


def _recount(txn: Transaction, exchange: _Exchange) -> None:
    track = exchange.track
    track.chunks = track.bytes = track.frames = track.dropped = track.unchanged = track.silence_ns = 0
    for _, value in txn.scan(Table.TIMELINE, exchange.prefix):
        count(track, decode(value, ChunkEntry))
