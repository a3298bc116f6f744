"""A session's pauses and civil clock, read and put together anew for a session made of ranges of others."""

from collections.abc import Iterable
from datetime import UTC, datetime

from reeld.store.keys import at, number_of, session_prefix
from reeld.store.records import ClockJumpEntry, PauseEntry, SessionRecord
from reeld.store.timeline import Pause, PauseMap
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.units import NS_PER_S


class CivilClock:
    """What the clock on the wall showed at each instant of a session's media time."""

    def __init__(self, txn: Transaction, record: SessionRecord) -> None:
        prefix = session_prefix(record.id)
        self._start_wall_ns = record.started_wall_ns
        self._map = PauseMap(pauses_of(txn, record.id))
        self._jumps = [
            (number_of(key, prefix), decode(value, ClockJumpEntry).wall_ns)
            for key, value in txn.scan(Table.CLOCK_JUMPS, prefix)
        ]

    def session_clock_ns(self, media_ns: int) -> int:
        """The session's clock at an instant; where a pause lies there, after it."""
        return self._map.clock_ns(media_ns)

    def wall_ns(self, media_ns: int) -> int:
        """The civil clock at an instant; where a pause lies there, after it."""
        wall_ns = self._start_wall_ns + self._map.clock_ns(media_ns)
        for jump_ns, jump_wall_ns in self._jumps:
            if jump_ns <= media_ns:
                wall_ns = jump_wall_ns + self._map.clock_ns(media_ns) - self._map.clock_ns(jump_ns)
        return wall_ns

    def pauses_within(self, from_ns: int, to_ns: int) -> list[tuple[int, int]]:
        """Pauses between two instants of media time, those at the very ends not: (instant, length)."""
        return [(point, length) for point, length in self._map.points if from_ns < point < to_ns and length]

    def jumps_within(self, from_ns: int, to_ns: int) -> list[tuple[int, int]]:
        """Jumps between two instants of media time, those at the very ends not: (instant, civil clock)."""
        return [(jump_ns, wall_ns) for jump_ns, wall_ns in self._jumps if from_ns < jump_ns < to_ns]


def local_time(wall_ns: int) -> str:
    """An instant of the civil clock in ISO 8601, to the millisecond, with the offset of the local time zone."""
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")


def pauses_of(txn: Transaction, session: str) -> list[Pause]:
    """The finished pauses of a session."""
    prefix = session_prefix(session)
    found = []
    for key, value in txn.scan(Table.PAUSES, prefix):
        start_ns, end_ns = number_of(key, prefix), decode(value, PauseEntry).end_ns
        if end_ns is not None and end_ns > start_ns:
            found.append(Pause(start_ns, end_ns))
    return found


def put_pauses(txn: Transaction, session: str, pauses: Iterable[tuple[int, int]]) -> None:
    """Write pauses given as (instant of media time, length), at most one an instant."""
    prefix = session_prefix(session)
    paused_ns = 0
    for point, length in sorted(pauses):
        start_ns = point + paused_ns
        txn.put_record(Table.PAUSES, at(prefix, start_ns), PauseEntry(start_ns + length))
        paused_ns += length


def put_jumps(txn: Transaction, session: str, jumps: Iterable[tuple[int, int]]) -> None:
    """Write jumps given as (instant of media time, civil clock after it)."""
    prefix = session_prefix(session)
    for media_ns, wall_ns in jumps:
        txn.put_record(Table.CLOCK_JUMPS, at(prefix, media_ns), ClockJumpEntry(wall_ns))
