"""The rolling buffer: which sessions are its parts, and where they lie on the clock.

Age is that of the monotonic clock, which stands still while the machine sleeps and begins anew when it starts; for what
is not being recorded also that of the civil clock. What is too old by either is too old.
"""

from dataclasses import dataclass

from reeld.store import roster
from reeld.store.civil import pauses_of
from reeld.store.keys import at, name_key, track_prefix
from reeld.store.records import GapEntry, SessionRecord
from reeld.store.timeline import PauseMap
from reeld.store.transaction import Table, Transaction
from reeld_proto.records import GapReason
from reeld_proto.replay_orders import BufferMoment

_MEMBERS = b"buffer\0"
"""Prefix of keys of `meta`: one for each session of the buffer."""


def enrol(txn: Transaction, session: str) -> None:
    """The session is part of the buffer."""
    txn.put(Table.META, _MEMBERS + name_key(session), b"")


def strike_off(txn: Transaction, session: str) -> None:
    """The session is gone."""
    txn.delete(Table.META, _MEMBERS + name_key(session))


def keys(txn: Transaction) -> set[bytes]:
    """Keys of the sessions that are or were part of the buffer, without reading one."""
    return {key[len(_MEMBERS) :] for key, _ in txn.scan(Table.META, _MEMBERS)}


def members(txn: Transaction) -> list[SessionRecord]:
    """Records of the buffer's sessions, oldest first; damaged ones are left alone."""
    found = []
    for key, _ in list(txn.scan(Table.META, _MEMBERS)):
        name = key[len(_MEMBERS) :]
        value = txn.get(Table.SESSIONS, name)
        if value is None:
            txn.delete(Table.META, key)
            continue
        record = roster.readable_one(name, value)
        if record is not None and record.buffer:
            found.append(record)
    return found


@dataclass(frozen=True, slots=True)
class Stretch:
    """A session on the monotonic clock: where its media time 0 is, and its pauses."""

    start_mono_ns: int
    pauses: PauseMap

    def mono_ns(self, media_ns: int) -> int:
        """When this instant was; where a pause lies there, before it."""
        return self.start_mono_ns + self.pauses.clock_ns(media_ns, before_pause=True)

    def media_ns(self, mono_ns: int) -> int:
        """Media time at an instant; negative before the start, and beyond the end after it."""
        clock_ns = mono_ns - self.start_mono_ns
        return clock_ns if clock_ns < 0 else self.pauses.media_ns(clock_ns)


def stretch_of(txn: Transaction, record: SessionRecord, now: BufferMoment) -> Stretch:
    """Where a session lies on the monotonic clock as it runs now."""
    by_wall_ns = record.started_wall_ns - (now.wall_ns - now.mono_ns)
    if record.id == now.live:
        start_ns = record.started_mono_ns
    elif record.started_mono_ns > now.mono_ns:
        start_ns = by_wall_ns  # of another run of the machine
    else:
        start_ns = min(record.started_mono_ns, by_wall_ns)
    return Stretch(start_ns, PauseMap(pauses_of(txn, record.id)))


def front_ns(txn: Transaction, record: SessionRecord) -> int:
    """Media time from which on no track has lost anything to recycling."""
    fronts = (track_front_ns(txn, track_prefix(record.id, track.id)) for track in record.tracks)
    return max(fronts, default=0)


def track_front_ns(txn: Transaction, prefix: bytes) -> int:
    """Where the track's `recycled` gap ends."""
    gap = txn.record(Table.GAPS, at(prefix, 0), GapEntry)
    return gap.end_ns if gap is not None and gap.reason is GapReason.RECYCLED else 0
