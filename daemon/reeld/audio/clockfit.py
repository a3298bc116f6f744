"""How fast a device's clock really runs, and how far its sound is from where it belongs: a robust fit. Pure.

DESIGN: every block casts two votes for where frame 0 of its stream was: by the time that it states, and by the time at
which it was delivered, less a latency that is not known but steady. Both are gathered to one of each a second; slopes
are medians over pairs (Theil and Sen), places are medians, so that late blocks and single lies weigh nothing.

Neither is true by itself. Measured on PulseAudio: at a monitor both stay within 0.3 ms; at a remapped source the stated
times run away by 600 ppm, in perfect agreement, and after 50 s jump back by 107 ms, while deliveries keep time within
0.3 ms; at a pipe they swing by 6 ms over half a minute while deliveries come 50 ms about; and deliveries jump wherever
a server changes its buffers. Therefore: while the two go side by side, stated times are believed. While they part,
those that lie closer around their line are; if each is sure of another slope, the smaller slope. What no crystal does
is not believed at all, and every estimate says how unsure it is.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median_low

import numpy as np
import numpy.typing as npt

from reeld_proto.units import NS_PER_MS, NS_PER_S

WINDOW_S = 180
"""Seconds whose votes count."""
ENOUGH_S = 20
"""No estimate before there are votes of so many seconds."""
PLACE_S = 30
"""Seconds whose votes count for the place while they are steady; else all do."""
SIDE_BY_SIDE_NS = 1.5 * NS_PER_MS
"""Stated times and deliveries agree while their distance spreads no more than this."""
STEADY_NS = NS_PER_MS
"""Votes that spread no more around their own line are steady."""
UNSURE = 2.0
"""A slope is unsure by so many times the spread over the window: votes swing slowly, so their number helps little."""
CONTRADICT_PPM = 5.0
"""Slopes that differ by more than this and than what they are unsure by contradict each other."""
AGE_PPM_S = 0.05
"""By how much a slope that was found gets less sure each second: crystals follow the temperature."""
JUMP_NS = 3 * NS_PER_MS
"""Deliveries that were steady and are steady again, further away than this, have another latency; it is not drift."""
JUMP_VOTES = 4
"""So many before and after are looked at."""
PPM_MAX = 500.0
"""No crystal is worse."""
BELIEVED_NS = 20 * NS_PER_MS
"""Stated times further from the sound's place than this are one of the lies above; real losses are `clockmap`'s."""
MAD_TO_SIGMA = 1.4826

Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """How the device's clock runs, `at_ns` after its frame 0 as it counts time itself.

    ppm: how much it is fast; unsure_ppm: how far that may be wrong. origin_ns: where frame 0 would be, were all as at
    `at_ns`; spread_ns: robust spread of the votes that say so. residual_ns: that of the stated times around the line.
    """

    ppm: float
    unsure_ppm: float
    origin_ns: float
    at_ns: float
    spread_ns: float
    residual_ns: float


@dataclass(frozen=True)
class _Line:
    """Votes and the line that fits them; slope in ns a ns, spread around it in ns.

    usual_slope: of the three thirds of the votes, the middle one. Drift is in all of them, a single step in one.
    """

    votes: Series
    slope: float
    usual_slope: float
    spread: float
    seconds: int

    @staticmethod
    def fit(at: Series, votes: Series) -> "_Line":
        rise = slope(at, votes)
        rest = votes - rise * at
        thirds = zip(np.array_split(at, 3), np.array_split(votes, 3), strict=True)
        usual = median_low(slope(*third) for third in thirds)
        return _Line(votes, rise, usual, spread(rest - float(np.median(rest))), len(at))

    @property
    def unsure_ppm(self) -> float:
        if abs(self.slope) > PPM_MAX * 1e-6:
            return float("inf")
        swinging = UNSURE * self.spread / (self.seconds * NS_PER_S)
        return max(swinging, abs(self.slope - self.usual_slope)) * 1e6

    def contradicts(self, other: "_Line") -> bool:
        distance_ppm = abs(self.slope - other.slope) * 1e6
        return distance_ppm > CONTRADICT_PPM + self.unsure_ppm + other.unsure_ppm


class ClockFit:
    """The votes of one run of a stream, after its clock map has settled. Used by one thread.

    Device time is what its frames count: frame / rate.
    """

    def __init__(self) -> None:
        self._seconds: deque[tuple[float, float, float]] = deque(maxlen=WINDOW_S)  # device time, stated, delivered
        self._second = -1
        self._stated: list[int] = []
        self._delivered: list[int] = []
        self._latency_ns: float | None = None  # delivered minus stated, while they went side by side
        self._ppm = 0.0
        self._unsure_ppm = float("inf")
        self._found_s = 0.0

    @property
    def seconds(self) -> int:
        """Of how many seconds there are votes."""
        return len(self._seconds)

    def add(self, start_ns: int, end_ns: int, adc_ns: int, arrived_ns: int) -> bool:
        """A block of the device time [start_ns, end_ns) states `adc_ns` for its start; True once a second."""
        second = start_ns // NS_PER_S
        full = second != self._second and len(self._stated) > 0
        if full:
            self._gather()
        self._second = second
        self._stated.append(adc_ns - start_ns)
        self._delivered.append(arrived_ns - end_ns)
        return full

    def shift(self, moved_ns: int) -> None:
        """Sound was lost or came twice: what follows is at an origin `moved_ns` later."""
        moved = [(at, stated + moved_ns, late + moved_ns) for at, stated, late in self._seconds]
        self._seconds = deque(moved, maxlen=WINDOW_S)

    def estimate(self, placed_at: Callable[[float], float]) -> Estimate | None:
        """The line that fits now; None if it is too early.

        placed_at: where the sound of a device time is put, told as the origin which that amounts to.

        About 0.2 ms of work; every few seconds is enough.
        """
        if len(self._seconds) < ENOUGH_S:
            return None
        at, stated, late = np.array(self._seconds, dtype=np.float64).T
        now_ns = float(at[-1])
        if self._latency_ns is None:
            # So that the sound is right where the clock map put it when it settled: that was decided with care.
            self._latency_ns = float(np.median(late[:3])) - placed_at(float(at[0]))
        said, came = _Line.fit(at, stated), _Line.fit(at, late)
        placed = placed_at(now_ns)
        trusted = abs(_place(at, said, said.slope) - placed) < BELIEVED_NS
        latency = late - stated
        middle = float(np.median(latency))
        if trusted and spread(latency - middle) <= SIDE_BY_SIDE_NS:
            self._latency_ns = middle
            line = said
        elif said.contradicts(came):
            line = min(said, came, key=lambda each: abs(each.slope))
        else:
            line = min(said, came, key=lambda each: each.unsure_ppm)
        self._learn(line, now_ns / NS_PER_S)
        rise = -self._ppm * 1e-6 / (1 + self._ppm * 1e-6)
        if line is came:
            origin_ns = _place(at, came, rise) - self._latency_ns
        else:
            origin_ns = _place(at, said, rise) if trusted else placed
        rest = stated - rise * (at - now_ns)
        return Estimate(
            ppm=self._ppm,
            unsure_ppm=self._unsure_ppm,
            origin_ns=origin_ns,
            at_ns=now_ns,
            spread_ns=line.spread,
            residual_ns=spread(rest - float(np.median(rest))),
        )

    def _learn(self, line: _Line, now_s: float) -> None:
        """Take over the slope of `line`, unless a better one is known."""
        self._unsure_ppm += AGE_PPM_S * (now_s - self._found_s)
        self._found_s = now_s
        if line.unsure_ppm <= self._unsure_ppm and line.unsure_ppm < PPM_MAX:
            self._ppm = -line.slope / (1 + line.slope) * 1e6
            self._unsure_ppm = line.unsure_ppm

    def _gather(self) -> None:
        """One vote of each kind for the second that is over."""
        stated = sorted(self._stated)[len(self._stated) // 2]
        # What delays a delivery is behind it, not before it.
        late = min(self._delivered)
        self._stated.clear()
        self._delivered.clear()
        self._seconds.append(((self._second + 0.5) * NS_PER_S, float(stated), float(late)))
        self._level()

    def _level(self) -> None:
        """Take a jump of the deliveries out of what came before it."""
        if len(self._seconds) < 2 * JUMP_VOTES:
            return
        newest = [self._seconds[index][2] for index in range(-2 * JUMP_VOTES, 0)]
        before, after = newest[:JUMP_VOTES], newest[JUMP_VOTES:]
        jump = median_low(after) - median_low(before)
        if abs(jump) < JUMP_NS or max(max(part) - min(part) for part in (before, after)) > JUMP_NS / 2:
            return
        seconds = list(self._seconds)
        levelled = [(at, said, late + jump) for at, said, late in seconds[:-JUMP_VOTES]]
        self._seconds = deque([*levelled, *seconds[-JUMP_VOTES:]], maxlen=WINDOW_S)
        if self._latency_ns is not None:
            self._latency_ns += jump


def slope(at: Series, votes: Series) -> float:
    """Median of the slopes between the first third of the votes and the last: a third of them may be wrong."""
    third = max(1, len(at) // 3)
    rise = np.subtract.outer(votes[-third:], votes[:third])
    run = np.subtract.outer(at[-third:], at[:third])
    return float(np.median(rise / run))


def spread(values: Series) -> float:
    """The standard deviation of `values` around 0, by their median, so that outliers weigh nothing."""
    return MAD_TO_SIGMA * float(np.median(np.abs(values)))


def _place(at: Series, line: _Line, rise: float) -> float:
    """Where the line of slope `rise` through the votes is now."""
    newest = PLACE_S if line.spread <= STEADY_NS else WINDOW_S
    return float(np.median((line.votes - rise * (at - at[-1]))[-newest:]))
