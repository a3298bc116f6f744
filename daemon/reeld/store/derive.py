"""A new session over chunks that others hold: clips, trims, merges and redactions are manifests, no media is copied.

DESIGN: each track is put together part by part from what `cutting` finds, its entries shifted to their new place; a
chunk that is cut stays whole, and its entry's times say what of it is shown. Counters of a track are of whole chunks,
also where a part of one is shown. Staged media lands last, as if it came from a producer: it takes its time back from
gaps. All in the caller's one transaction.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import structs

from reeld.store import automation, chunks, heard, lineage, sessions
from reeld.store.api import Circumstances, Fate, IngestItem
from reeld.store.civil import CivilClock, put_jumps, put_pauses
from reeld.store.cutting import Piece, cut
from reeld.store.ingest import Batch, count
from reeld.store.keys import NUMBER_BYTES, TIME_NS_MAX, at, name_key, number_of, session_prefix, track_prefix
from reeld.store.records import GapEntry, NoteEntry, SessionRecord, TrackState, WarningEntry
from reeld.store.revisions import touch
from reeld.store.staging import StagedChunk, read_staged
from reeld.store.timeline import ROUNDING_NS, Span, merged_gaps
from reeld.store.transaction import Table, Transaction, decode
from reeld.store.wording import word_faults
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason, SessionState
from reeld_proto.store_orders import DeriveSession, SessionPart
from reeld_proto.units import seconds
from reeld_proto.workers import ChunkCaptured, Done

FULL, KEYFRAMES = "full", "keyframes"


@dataclass(frozen=True, slots=True)
class Part:
    """A part whose session and range were checked. base_ns: its new place."""

    asked: SessionPart
    source: SessionRecord
    within: Span
    base_ns: int

    @property
    def delta_ns(self) -> int:
        """From its source's media time to the new session's."""
        return self.base_ns - self.within.start_ns

    @property
    def end_ns(self) -> int:
        """Where it ends in the new session."""
        return self.base_ns + self.within.end_ns - self.within.start_ns


def derive(txn: Transaction, order: DeriveSession, circumstances: Circumstances) -> Done:
    """Make the session. Raises RequestRejected: NOT_FOUND or INVALID_REQUEST with every fault, TOO_LARGE; StoreCorrupt.

    Idempotent: a session of that id that is there is left as it is.
    """
    key = name_key(order.session)
    if txn.get(Table.SESSIONS, key) is not None:
        return Done()
    parts = checked(txn, order)
    record = described(txn, order, parts)
    sessions.check_size(record)
    held: Counter[bytes] = Counter()
    for track in record.tracks:
        _build_track(txn, record.id, track, parts, held)
    for digest, times in held.items():
        chunks.hold(txn, digest, times)
    carry_over(txn, record, parts)
    lineage.inherit(txn, record.id, [(part.source, part.within, part.base_ns) for part in parts])
    if order.note:
        txn.put_record(Table.NOTES, key, NoteEntry(order.note))
    touch(txn, record)
    _land_staged(txn, record, read_staged(circumstances.store_dir, order.staged))
    return Done()


# -- what is asked for ------------------------------------------------------------------------------------------------


def checked(txn: Transaction, order: DeriveSession) -> list[Part]:
    """The parts with their sessions. Raises RequestRejected with every fault."""
    parts: list[Part] = []
    words = word_faults(name=order.name, tags=order.tags, note=order.note)
    faults = [RequestRejected(word) for word in words]
    base_ns = 0
    for asked in order.parts:
        try:
            source = sessions.load(txn, asked.session)
            within = _range(asked, source)
        except RequestRejected as error:
            faults.append(error)
            continue
        parts.append(Part(asked, source, within, base_ns))
        base_ns = parts[-1].end_ns
    if len(parts) == len(order.parts):
        faults += _contradictions(parts)
    if faults:
        own = [each for each in faults if each.code is ErrorCode.INVALID_REQUEST]
        first = (own or faults)[0]
        messages = tuple(dict.fromkeys(message for each in faults for message in each.faults or (str(each),)))
        remedy = next((each.remedy for each in faults if each.remedy), "")
        raise RequestRejected("; ".join(messages), code=first.code, remedy=remedy, faults=messages)
    return parts


def _range(asked: SessionPart, source: SessionRecord) -> Span:
    """The range of a part within its session. A millisecond beyond the end is the end: what people type is rounded."""
    end_ns = source.media_end_ns()
    to_ns = end_ns if asked.to_ns is None else asked.to_ns
    lasts = f"session {asked.session}, which lasts from 0 to {seconds(end_ns)} s"
    faults = []
    if end_ns <= 0:
        faults.append(f"nothing was recorded in session {asked.session}")
    else:
        if not 0 <= asked.from_ns < end_ns:
            faults.append(f"the range begins at {seconds(asked.from_ns)} s, outside {lasts}")
        if to_ns > end_ns + ROUNDING_NS:
            faults.append(f"the range ends at {seconds(to_ns)} s, after {lasts}")
        if to_ns <= asked.from_ns:
            faults.append(f"the range ends at {seconds(to_ns)} s, not after its start at {seconds(asked.from_ns)} s")
    if faults:
        raise RequestRejected("; ".join(faults), remedy="`reelctl show ID` tells its length.", faults=tuple(faults))
    return Span(asked.from_ns, min(to_ns, end_ns))


def _contradictions(parts: list[Part]) -> list[RequestRejected]:
    """What is wrong with parts that are right one by one."""
    found = []
    if not parts:
        found.append(RequestRejected("no session was named to take media from"))
    if parts and parts[-1].end_ns > TIME_NS_MAX:
        found.append(RequestRejected("the parts together are longer than a session can be"))
    kinds: dict[str, TrackState] = {}
    for part in parts:
        for track in part.source.tracks:
            known = kinds.setdefault(track.id, track)
            if known.kind is not track.kind:
                found.append(
                    RequestRejected(f"track {track.id} is {known.kind} in one session and {track.kind} in another")
                )
    return found


# -- the new session --------------------------------------------------------------------------------------------------


def described(txn: Transaction, order: DeriveSession, parts: list[Part]) -> SessionRecord:
    """Record of the new session, its tracks without a timeline yet. Writes nothing."""
    tracks: dict[str, TrackState] = {}
    origins: dict[str, None] = {}
    tier = FULL
    for part in parts:
        origins |= dict.fromkeys(part.source.origins or [part.source.id])
        tier = KEYFRAMES if part.source.tier != FULL else tier
        for track in part.source.tracks:
            known = tracks.setdefault(
                track.id,
                TrackState(id=track.id, kind=track.kind, codec=track.codec, label=track.label, source=track.source),
            )
            known.codec = known.codec or track.codec
            known.clock = known.clock or track.clock
    first = parts[0].within.start_ns
    source = parts[0].source
    clock = CivilClock(txn, source)
    return SessionRecord(
        id=order.session,
        name=order.name,
        tags=list(dict.fromkeys(order.tags)),
        state=SessionState.COMPLETED,
        started_wall_ns=clock.wall_ns(first),
        started_mono_ns=source.started_mono_ns + clock.session_clock_ns(first),
        tracks=list(tracks.values()),
        end_ns=parts[-1].end_ns,
        origins=list(origins),
        tier=tier,
    )


def _build_track(txn: Transaction, session: str, track: TrackState, parts: list[Part], held: Counter[bytes]) -> None:
    prefix = track_prefix(session, track.id)
    gaps: list[Span] = []
    for part in parts:
        source_track = part.source.track(track.id)
        if source_track is None:
            gaps.append(Span(part.base_ns, part.end_ns, GapReason.ABSENT))
            continue
        left_out = [(each.from_ns, each.to_ns) for each in part.asked.left_out if each.track == track.id]
        found = cut(txn, part.source.id, source_track, part.within, left_out)
        for piece in found.pieces:
            _put_piece(txn, prefix, track, piece, part.delta_ns, held)
        gaps += (_moved(gap, part.delta_ns) for gap in found.gaps)
        track.end_ns = part.end_ns
    for gap in merged_gaps(gaps):
        if gap.reason is not None:
            txn.put_record(Table.GAPS, at(prefix, gap.start_ns), GapEntry(gap.end_ns, gap.reason, gap.detail))
    track.end_ns = parts[-1].end_ns


def _moved(span: Span, delta_ns: int) -> Span:
    return Span(span.start_ns + delta_ns, span.end_ns + delta_ns, span.reason, span.detail)


def _put_piece(
    txn: Transaction, prefix: bytes, track: TrackState, piece: Piece, delta_ns: int, held: Counter[bytes]
) -> None:
    entry = structs.replace(piece.entry, end_ns=piece.end_ns + delta_ns, shift_ns=piece.entry.shift_ns + delta_ns)
    key = at(prefix, piece.start_ns + delta_ns)
    txn.put_record(Table.TIMELINE, key, entry)
    held.update((entry.chunk, entry.init))
    if piece.preroll is not None:
        txn.put_record(Table.PREROLL, key, piece.preroll)
        held.update(digest for pair in piece.preroll.chunks for digest in pair)
    track.epoch = max(entry.epoch, track.epoch or 0)
    count(track, entry)


def carry_over(txn: Transaction, record: SessionRecord, parts: list[Part]) -> None:
    """Write markers, pauses, civil clock, warnings, what was heard and how it was mixed, of the parts."""
    prefix = session_prefix(record.id)
    pauses: list[tuple[int, int]] = []
    jumps: list[tuple[int, int]] = []
    for part in parts:
        start_ns, end_ns, delta_ns = part.within.start_ns, part.within.end_ns, part.delta_ns
        clock = CivilClock(txn, part.source)
        pauses += ((point + delta_ns, length) for point, length in clock.pauses_within(start_ns, end_ns))
        if part.base_ns:
            jumps.append((part.base_ns, clock.wall_ns(start_ns)))
        jumps += ((jump_ns + delta_ns, wall_ns) for jump_ns, wall_ns in clock.jumps_within(start_ns, end_ns))
        source = session_prefix(part.source.id)
        is_last = end_ns >= part.source.media_end_ns()
        for key, value in txn.scan(Table.MARKERS, source, at(source, start_ns)):
            media_ns = number_of(key, source)
            if media_ns > end_ns or (media_ns == end_ns and not is_last):
                break
            txn.put(Table.MARKERS, at(prefix, media_ns + delta_ns) + key[len(source) + NUMBER_BYTES :], value)
        for _, value in txn.scan(Table.WARNINGS, source):
            sessions.add_warning(txn, record.id, decode(value, WarningEntry).text)
        heard.carry(txn, record.id, part.source, part.within, delta_ns)
        automation.carry(txn, record, part.source.id, part.within, delta_ns)
    put_pauses(txn, record.id, pauses)
    put_jumps(txn, record.id, jumps)


def _land_staged(txn: Transaction, record: SessionRecord, staged: Iterator[StagedChunk]) -> None:
    """Put staged media in the place of gaps. Raises RequestRejected for a chunk that can have no place."""
    batch = Batch(txn)
    for chunk in staged:
        if chunk.session != record.id:
            raise RequestRejected(f"a staged chunk is for session {chunk.session}, not {record.id}")
        track = record.track(chunk.track)
        message = ChunkCaptured(
            session=chunk.session,
            track=chunk.track,
            epoch=(track.epoch if track else None) or 0,
            start_ns=chunk.start_ns,
            end_ns=chunk.end_ns,
            frames=chunk.frames,
            keyframe=chunk.keyframe,
            codec=chunk.codec,
            dropped=chunk.dropped,
            unchanged=chunk.unchanged,
            silence_ns=chunk.silence_ns,
            shift_ns=chunk.shift_ns,
        )
        landing = batch.land(IngestItem("", 0, message, chunk.payload, chunk.init))
        if landing.fate is Fate.REFUSED:
            raise RequestRejected(f"staged media has no place: {landing.reason}")
    batch.finish()
