"""Filling a session that keeps the last minutes, in transactions of bounded length.

DESIGN: a day of five tracks has half a million timeline entries; nobody shall wait for them to be written. So the
session is made at once, complete but for its media: what is not filled yet is an `absent` gap at the end of each track,
and a row of `meta` says what goes there. From that commit on the media is kept, because what is named there is not
recycled; filling goes on, also after a crash, until the row is gone. At every commit cover, counters and references
hold.

Of a session that is being recorded the last chunk may still be on its way: the range goes on to the instant that was
asked for, and filling waits for it, but not for ever.

Entries are copied whole between their first and last, where `cutting` finds what is shown and what a decoder needs.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct, structs

from reeld.store import chunks, cutting, roster
from reeld.store.ingest import count
from reeld.store.keys import TIME_NS_MAX, at, name_key, number_of, track_prefix
from reeld.store.reader import gaps_of
from reeld.store.records import ChunkEntry, GapEntry, PrerollEntry, SessionRecord, TrackState
from reeld.store.revisions import touch
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.records import GapReason, SessionState

_PENDING = b"keeping\0"
"""Prefix of keys of `meta`: one for each session that is being filled."""

PORTION = 500
"""Entries copied between two looks at the time: some milliseconds."""


class KeptRange(Struct, frozen=True, array_like=True):
    """A range of a session in its media time, and where it goes in the new one."""

    session: str
    from_ns: int
    to_ns: int
    base_ns: int


class Pending(Struct, frozen=True, array_like=True):
    """What is still to be filled. track, part: which is next; at_ns: from where on in it, None: from its start.

    patient_until_ns: monotonic time up to which sessions that are being recorded are waited for.
    """

    parts: list[KeptRange]
    patient_until_ns: int
    track: int = 0
    part: int = 0
    at_ns: int | None = None


def begin(txn: Transaction, record: SessionRecord, parts: list[KeptRange], patient_until_ns: int = 0) -> None:
    """Promise to fill the session, whose tracks are empty; the caller writes its record."""
    for track in record.tracks:
        _put_filler(txn, record, track, 0)
        track.end_ns = record.media_end_ns()
    txn.put_record(Table.META, _PENDING + name_key(record.id), Pending(parts, patient_until_ns))


def pending(txn: Transaction) -> list[str]:
    """Sessions that are being filled, in the order of their ids."""
    return [key[len(_PENDING) :].decode() for key, _ in txn.scan(Table.META, _PENDING)]


def is_readable(txn: Transaction, session: str) -> bool:
    """Whether no damaged record is in the way of filling this session: its own, or one of those it takes from."""
    names = [name_key(session)]
    state = txn.record(Table.META, _PENDING + names[0], Pending)
    names += [name_key(part.session) for part in state.parts] if state is not None else []
    rows = [(name, value) for name in names if (value := txn.get(Table.SESSIONS, name)) is not None]
    return len(list(roster.readable(rows))) == len(rows)


def give_up(txn: Transaction, session: bytes) -> None:
    """What the session was to be filled with is known no more: what it holds is what it is."""
    txn.delete(Table.META, _PENDING + session)


def needed(txn: Transaction) -> set[str]:
    """Sessions whose media is still to be taken."""
    return {part.session for _, value in txn.scan(Table.META, _PENDING) for part in decode(value, Pending).parts}


def fill(txn: Transaction, session: str, go_on: Callable[[], bool], now_ns: int = TIME_NS_MAX) -> bool:
    """Fill on while `go_on` says so, one portion at least; whether the session is complete. Raises StoreCorrupt.

    now_ns: monotonic time, to know whether what is being recorded is still waited for.
    """
    key = _PENDING + name_key(session)
    state = txn.record(Table.META, key, Pending)
    record = txn.record(Table.SESSIONS, name_key(session), SessionRecord)
    if state is None or record is None:
        txn.delete(Table.META, key)
        return True
    held: Counter[bytes] = Counter()
    work = _Work(txn, record, state, held, patient=now_ns < state.patient_until_ns)
    while not work.is_done:
        before = work.state
        work.portion()
        if work.state == before or not go_on():
            break
    chunks.hold_all(txn, held)
    if work.is_done:
        txn.delete(Table.META, key)
        record.state = SessionState.COMPLETED
        touch(txn, record)
    else:
        txn.put_record(Table.META, key, work.state)
        txn.put_record(Table.SESSIONS, name_key(session), record)
    return work.is_done


@dataclass
class _Work:
    """One session being filled, in one transaction."""

    txn: Transaction
    record: SessionRecord
    state: Pending
    held: Counter[bytes]
    patient: bool
    _gaps: dict[tuple[str, str], list[Span]] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.state.track >= len(self.record.tracks)

    def portion(self) -> None:
        """Copy the next entries of one track of one part."""
        state, track = self.state, self.record.tracks[self.state.track]
        part = state.parts[state.part]
        delta_ns = part.base_ns - part.from_ns
        from_ns = part.from_ns if state.at_ns is None else state.at_ns
        prefix = track_prefix(self.record.id, track.id)
        self.txn.delete(Table.GAPS, at(prefix, from_ns + delta_ns))
        source = self.txn.record(Table.SESSIONS, name_key(part.session), SessionRecord)
        source_track = source.track(track.id) if source is not None else None
        waiting = self.patient and source is not None and source.end_ns is None
        if source_track is None:
            _put_gap(self.txn, prefix, Span(from_ns + delta_ns, part.to_ns + delta_ns, GapReason.ABSENT))
            reached_ns = part.to_ns
        else:
            until_ns = min(part.to_ns, source_track.end_ns) if waiting else part.to_ns
            if until_ns <= from_ns:
                _put_filler(self.txn, self.record, track, from_ns + delta_ns)
                return
            now = structs.replace(part, to_ns=until_ns)
            reached_ns = self._copy(now, source_track, prefix, track, from_ns, first=state.at_ns is None)
        if reached_ns < part.to_ns:
            self.state = structs.replace(state, at_ns=reached_ns)
        elif state.part + 1 < len(state.parts):
            self.state = structs.replace(state, part=state.part + 1, at_ns=None)
        else:
            self.state = structs.replace(state, track=state.track + 1, part=0, at_ns=None)
            return
        _put_filler(self.txn, self.record, track, reached_ns + delta_ns)

    def _copy(
        self, part: KeptRange, source: TrackState, prefix: bytes, track: TrackState, from_ns: int, *, first: bool
    ) -> int:
        """Copy from `from_ns` on; up to where everything is there now."""
        delta_ns = part.base_ns - part.from_ns
        origin = track_prefix(part.session, source.id)
        gaps = self._gaps_of(part.session, source.id)
        rows: list[tuple[bytes, bytes]] = []
        reached_ns = from_ns
        if first:
            reached_ns = self._first(part, source, prefix, track)
        finished = True
        for start_ns, entry in _entries(self.txn, origin, reached_ns, part.to_ns):
            if len(rows) == PORTION:
                finished = False
                break
            end_ns = min(entry.end_ns, part.to_ns)
            moved = structs.replace(entry, end_ns=end_ns + delta_ns, shift_ns=entry.shift_ns + delta_ns)
            rows.append((at(prefix, start_ns + delta_ns), codec.pack_record(moved)))
            self._count(track, moved)
            reached_ns = end_ns
        self.txn.put_all(Table.TIMELINE, rows)
        if finished:
            reached_ns = part.to_ns
        self._copy_prerolls(origin, prefix, from_ns, reached_ns, delta_ns)
        for gap in [*gaps, Span(source.end_ns, part.to_ns, GapReason.ABSENT)]:
            start_ns, end_ns = max(gap.start_ns, from_ns), min(gap.end_ns, reached_ns)
            if start_ns < end_ns:
                _put_gap(self.txn, prefix, Span(start_ns + delta_ns, end_ns + delta_ns, gap.reason, gap.detail))
        return reached_ns

    def _first(self, part: KeptRange, source: TrackState, prefix: bytes, track: TrackState) -> int:
        """The entry in whose middle the range begins, with what a decoder needs before it; where it ends."""
        entries = _entries(self.txn, track_prefix(part.session, source.id), part.from_ns, part.to_ns, overlapping=True)
        _, entry = next(entries, (0, None))
        if entry is None:
            return part.from_ns
        delta_ns = part.base_ns - part.from_ns
        end_ns = min(entry.end_ns, part.to_ns)
        for piece in cutting.cut(self.txn, part.session, source, Span(part.from_ns, end_ns)).pieces:
            moved = structs.replace(
                piece.entry, end_ns=piece.end_ns + delta_ns, shift_ns=piece.entry.shift_ns + delta_ns
            )
            key = at(prefix, piece.start_ns + delta_ns)
            self.txn.put_record(Table.TIMELINE, key, moved)
            self._count(track, moved)
            if piece.preroll is not None:
                self.txn.put_record(Table.PREROLL, key, piece.preroll)
                self.held.update(digest for pair in piece.preroll.chunks for digest in pair)
        return end_ns

    def _copy_prerolls(self, origin: bytes, prefix: bytes, from_ns: int, to_ns: int, delta_ns: int) -> None:
        for key, value in self.txn.scan(Table.PREROLL, origin, at(origin, from_ns)):
            start_ns = number_of(key, origin)
            if start_ns >= to_ns:
                return
            target = at(prefix, start_ns + delta_ns)
            if self.txn.get(Table.PREROLL, target) is None:
                self.txn.put(Table.PREROLL, target, value)
                self.held.update(digest for pair in decode(value, PrerollEntry).chunks for digest in pair)

    def _gaps_of(self, session: str, track: str) -> list[Span]:
        key = (session, track)
        if key not in self._gaps:
            self._gaps[key] = gaps_of(self.txn, session, track)
        return self._gaps[key]

    def _count(self, track: TrackState, entry: ChunkEntry) -> None:
        self.held[entry.chunk] += 1
        self.held[entry.init] += 1
        track.epoch = max(entry.epoch, track.epoch or 0)
        count(track, entry)


def _entries(
    txn: Transaction, prefix: bytes, from_ns: int, to_ns: int, *, overlapping: bool = False
) -> Iterator[tuple[int, ChunkEntry]]:
    """Entries that begin in the range; with `overlapping` also the one that began before it and reaches into it."""
    if overlapping:
        for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, from_ns)):
            entry = decode(value, ChunkEntry)
            if number_of(key, prefix) < from_ns < entry.end_ns:
                yield number_of(key, prefix), entry
            break
    for key, value in txn.scan(Table.TIMELINE, prefix, at(prefix, from_ns)):
        start_ns = number_of(key, prefix)
        if start_ns >= to_ns:
            return
        yield start_ns, decode(value, ChunkEntry)


def _put_gap(txn: Transaction, prefix: bytes, gap: Span) -> None:
    """Write a gap behind all others of the track, as one with its neighbour if that has the same reason and detail."""
    if gap.reason is None:
        return
    before = next(txn.scan_back(Table.GAPS, prefix, at(prefix, gap.start_ns)), None)
    start_ns = gap.start_ns
    if before is not None:
        known = decode(before[1], GapEntry)
        if (known.end_ns, known.reason, known.detail) == (gap.start_ns, gap.reason, gap.detail):
            start_ns = number_of(before[0], prefix)
    txn.put_record(Table.GAPS, at(prefix, start_ns), GapEntry(gap.end_ns, gap.reason, gap.detail))


def _put_filler(txn: Transaction, record: SessionRecord, track: TrackState, from_ns: int) -> None:
    """The gap in the place of what comes later."""
    if from_ns < record.media_end_ns():
        prefix = track_prefix(record.id, track.id)
        txn.put_record(Table.GAPS, at(prefix, from_ns), GapEntry(record.media_end_ns(), GapReason.ABSENT))
