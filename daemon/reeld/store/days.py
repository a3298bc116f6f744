"""On which day of the calendar each part of a session was recorded. Pure but for the local time zone."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from reeld.store.timeline import PauseMap
from reeld_proto.units import NS_PER_S


@dataclass(frozen=True, slots=True)
class DayMap:
    """Media times at which a new day begins, sorted, the first one 0; and the days."""

    starts_ns: Sequence[int]
    days: Sequence[date]

    def day_at(self, media_ns: int) -> date:
        """The local day of an instant."""
        return self.days[max(0, bisect_right(self.starts_ns, media_ns) - 1)]

    def lengths_ns(self, end_ns: int) -> Iterable[tuple[date, int]]:
        """How much of [0, end_ns) lies on each day; a day may come twice."""
        for (start, stop), day in zip(pairwise([*self.starts_ns, end_ns]), self.days, strict=True):
            if stop > start:
                yield day, stop - start


def day_map(started_wall_ns: int, end_ns: int, pauses: PauseMap, jumps: Iterable[tuple[int, int]]) -> DayMap:
    """The days of a session.

    jumps: (media time, civil clock after it), sorted: where the clock was set, or where a derived session goes on with
    what was recorded at another time.
    """
    pieces = [(0, started_wall_ns), *((media_ns, wall_ns) for media_ns, wall_ns in jumps if 0 < media_ns < end_ns)]
    starts_ns: list[int] = []
    days: list[date] = []
    for (from_ns, wall_ns), to_ns in zip(pieces, [each[0] for each in pieces[1:]] + [end_ns], strict=True):
        clock_ns = pauses.clock_ns(from_ns, before_pause=from_ns == 0)
        day = local_day(wall_ns)
        at_ns = from_ns
        while True:
            if not days or days[-1] != day:
                starts_ns.append(at_ns)
                days.append(day)
            midnight = datetime.combine(day + timedelta(days=1), time()).astimezone()
            at_ns = pauses.media_ns(clock_ns + round(midnight.timestamp()) * NS_PER_S - wall_ns)
            day = midnight.date()
            if at_ns >= to_ns:
                break
    return DayMap(starts_ns, days)


def local_day(wall_ns: int) -> date:
    """The day on this machine's calendar at `wall_ns` of the civil clock."""
    return datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).astimezone().date()
