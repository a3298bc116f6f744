"""What takes how much room: by session, track and day, and how much of it is shared.

DESIGN: one ordered pass over the reference counts, which finds what more than one entry refers to, and one over the
timelines, a session at a time. Bytes are a session's own if all references to them come from it. Nothing is remembered
of a chunk that is referred to once, so memory does not grow with the store. Above `ENTRIES_IN_PASSING` it is work for
a process of its own.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import TypeVar

from reeld.store import chunks, roster
from reeld.store.days import DayMap, day_map
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import number_of, session_prefix, track_prefix
from reeld.store.records import (
    ChunkEntry,
    ClockJumpEntry,
    GarbageEntry,
    PauseEntry,
    PrerollEntry,
    References,
    SessionRecord,
)
from reeld.store.timeline import Pause, PauseMap
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.store_orders import KeyRoom, SessionRoom, SharedRoom, Surveyed

T = TypeVar("T")

ENTRIES_IN_PASSING = 5_000
"""Timeline entries that may be surveyed in the daemon itself: about 50 ms."""


@dataclass(slots=True)
class _Room:
    unique_bytes: int = 0
    shared_bytes: int = 0
    duration_ns: int = 0
    label: str = ""


@dataclass(slots=True)
class _Holding:
    """Bytes that more than one entry refers to: how often one session does, and where it did first."""

    track: str
    day: date
    thinnable: bool
    count: int = 0


@dataclass(slots=True)
class _Shared:
    """Bytes that several sessions hold: which, and how many of the references come from each track and day."""

    size: int
    count: int
    sessions: list[str] = field(default_factory=list)
    tracks: Counter[str] = field(default_factory=Counter)
    days: Counter[date] = field(default_factory=Counter)


@dataclass
class _Tally:
    """several: what more than one entry refers to, however many sessions these belong to."""

    live_bytes: int = 0
    several: dict[bytes, References] = field(default_factory=dict)
    sessions: list[SessionRoom] = field(default_factory=list)
    tracks: dict[str, _Room] = field(default_factory=dict)
    days: dict[date, _Room] = field(default_factory=dict)
    shared: dict[bytes, _Shared] = field(default_factory=dict)


@dataclass(slots=True)
class _Own:
    """Bytes of one session so far."""

    unique_bytes: int = 0
    shared_bytes: int = 0
    thinnable_bytes: int = 0

    def add(self, tally: _Tally, track: str, day: date, size: int, *, thinnable: bool) -> None:
        """Bytes that only this session refers to."""
        self.unique_bytes += size
        if thinnable:
            self.thinnable_bytes += size
        tally.tracks[track].unique_bytes += size
        tally.days[day].unique_bytes += size


def is_quick(store: StoreEnvironment) -> bool:
    """Whether a survey of this store is a matter of milliseconds."""
    with store.read() as txn:
        return txn.count(Table.TIMELINE) <= ENTRIES_IN_PASSING


def survey(store: StoreEnvironment) -> Surveyed:
    """What takes how much room, as of one committed state; damaged records are left out, and what only they hold."""
    tally = _Tally()
    with store.read() as txn:
        for digest, known in _readable(txn, Table.REFERENCES, b"", References):
            tally.live_bytes += known.size if known.count else 0
            if known.count > 1:
                tally.several[digest] = known
        for record in roster.readable(txn.scan(Table.SESSIONS)):
            _add_session(txn, record, tally)
        garbage_bytes = sum(entry.size for _, entry in _readable(txn, Table.GARBAGE, b"", GarbageEntry))
        held_bytes = txn.bytes_in_use()
    _settle_shared(tally)
    groups: Counter[tuple[str, ...]] = Counter()
    for shared in tally.shared.values():
        if sum(shared.tracks.values()) == shared.count:
            groups[tuple(sorted(shared.sessions))] += shared.size
        # Else what is set aside, or a session whose record is damaged, holds it too: it would not go with the others.
    return Surveyed(
        held_bytes=held_bytes,
        live_bytes=tally.live_bytes,
        garbage_bytes=garbage_bytes,
        sessions=tally.sessions,
        tracks=[_key_room(key, room) for key, room in sorted(tally.tracks.items())],
        days=[_key_room(day.isoformat(), room) for day, room in sorted(tally.days.items())],
        shared=[SharedRoom(holders=list(holders), bytes=size) for holders, size in sorted(groups.items())],
    )


def _add_session(txn: Transaction, record: SessionRecord, tally: _Tally) -> None:
    days = _days(txn, record)
    for day in days.days:
        tally.days.setdefault(day, _Room())
    for track in record.tracks:
        room = tally.tracks.setdefault(track.id, _Room())
        room.label, room.duration_ns = track.label, room.duration_ns + track.end_ns
    own = _Own()
    for digest, holding in _holdings(txn, record, days, tally, own).items():
        known = tally.several[digest]
        if known.count == holding.count:
            own.add(tally, holding.track, holding.day, known.size, thinnable=holding.thinnable)
            continue
        own.shared_bytes += known.size
        several = tally.shared.setdefault(digest, _Shared(known.size, known.count))
        several.sessions.append(record.id)
        several.tracks[holding.track] += holding.count
        several.days[holding.day] += holding.count
    if not record.origins:
        for day, length_ns in days.lengths_ns(record.media_end_ns()):
            tally.days[day].duration_ns += length_ns
    tally.sessions.append(
        SessionRoom(
            session=record.id,
            name=record.name,
            started_wall_ns=record.started_wall_ns,
            duration_ns=record.media_end_ns(),
            pinned=record.pinned,
            running=record.end_ns is None,
            buffer=record.buffer,
            tier=record.tier,
            unique_bytes=own.unique_bytes,
            shared_bytes=own.shared_bytes,
            thinnable_bytes=own.thinnable_bytes,
        )
    )


def _holdings(txn: Transaction, record: SessionRecord, days: DayMap, tally: _Tally, own: _Own) -> dict[bytes, _Holding]:
    """What others may refer to, too; the rest is added to `own`.

    Of pictures the chunks without a key frame can be spared, of sound all.
    """
    found: dict[bytes, _Holding] = {}
    for track in record.tracks:
        prefix = track_prefix(record.id, track.id)
        audio = track.kind is TrackKind.AUDIO
        for key, entry in _readable(txn, Table.TIMELINE, prefix, ChunkEntry):
            day = days.day_at(number_of(key, prefix))
            thinnable = audio or not entry.keyframe
            if entry.chunk in tally.several:
                _hold(found, entry.chunk, track.id, day, thinnable=thinnable)
            else:
                own.add(tally, track.id, day, entry.size, thinnable=thinnable)
            if entry.init in tally.several:
                _hold(found, entry.init, track.id, day, thinnable=audio)
            else:
                own.add(tally, track.id, day, _size_of(txn, entry.init), thinnable=audio)
        for key, preroll in _readable(txn, Table.PREROLL, prefix, PrerollEntry):
            day = days.day_at(number_of(key, prefix))
            for digest in chain.from_iterable(preroll.chunks):
                if digest in tally.several:
                    _hold(found, digest, track.id, day, thinnable=True)
                else:
                    own.add(tally, track.id, day, _size_of(txn, digest), thinnable=True)
    return found


def _readable(txn: Transaction, table: Table, prefix: bytes, kind: type[T]) -> Iterator[tuple[bytes, T]]:
    """Keys and what is in the rows, those that cannot be read left out."""
    for key, value in txn.scan(table, prefix):
        try:
            entry = decode(value, kind)
        except StoreCorrupt:
            continue
        yield key, entry


def _size_of(txn: Transaction, digest: bytes) -> int:
    with contextlib.suppress(StoreCorrupt):
        return chunks.size_of(txn, digest)
    return 0


def _hold(found: dict[bytes, _Holding], digest: bytes, track: str, day: date, *, thinnable: bool) -> None:
    holding = found.get(digest)
    if holding is None:
        holding = found[digest] = _Holding(track, day, thinnable)
    holding.count += 1
    holding.thinnable &= thinnable


def _days(txn: Transaction, record: SessionRecord) -> DayMap:
    prefix = session_prefix(record.id)
    pauses = [Pause(start_ns, end_ns) for start_ns, end_ns in _finished_pauses(txn, prefix)]
    jumps = [
        (number_of(key, prefix), entry.wall_ns)
        for key, entry in _readable(txn, Table.CLOCK_JUMPS, prefix, ClockJumpEntry)
    ]
    return day_map(record.started_wall_ns, record.media_end_ns(), PauseMap(pauses), jumps)


def _finished_pauses(txn: Transaction, prefix: bytes) -> Iterator[tuple[int, int]]:
    for key, entry in _readable(txn, Table.PAUSES, prefix, PauseEntry):
        start_ns, end_ns = number_of(key, prefix), entry.end_ns
        if end_ns is not None and end_ns > start_ns:
            yield start_ns, end_ns


def _settle_shared(tally: _Tally) -> None:
    """Shared by sessions is not yet shared by tracks or by days: a clip lies on the day of its recording."""
    for shared in tally.shared.values():
        for track, count in shared.tracks.items():
            _settle(tally.tracks[track], shared, count)
        for day, count in shared.days.items():
            _settle(tally.days[day], shared, count)


def _settle(room: _Room, shared: _Shared, count: int) -> None:
    if count == shared.count:
        room.unique_bytes += shared.size
    else:
        room.shared_bytes += shared.size


def _key_room(key: str, room: _Room) -> KeyRoom:
    return KeyRoom(
        key=key,
        label=room.label or key,
        unique_bytes=room.unique_bytes,
        shared_bytes=room.shared_bytes,
        duration_ns=room.duration_ns,
    )
