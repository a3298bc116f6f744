"""How fast a device's clock really runs, and how far its sound is from where it belongs: a robust fit. Pure.

DESIGN: every block casts two votes for where frame 0 of its stream was: by the time that it states, and by the time at
which it was delivered, less a latency that is not known but steady. Both are gathered to one of each a second; slopes
are medians over pairs (Theil and Sen), places are medians, so that late blocks and single lies weigh nothing.

Neither is true by itself. Measured for three minutes on PulseAudio: at a monitor both stay within 0.3 ms; at a remapped
source the stated times run away by 600 ppm, in perfect agreement, and after 50 s jump back by 107 ms, while deliveries
keep time within 0.3 ms; and deliveries jump whenever a server changes its buffers. Therefore: while the two go side by
side, stated times are believed. While they part, the steady one of them gives the slope (the smaller slope, if both are
steady), and the place goes on by it from where it was. What no crystal does is not believed at all.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reeld_proto.units import NS_PER_MS, NS_PER_S

WINDOW_S = 180
"""Seconds whose votes count for the slope."""
ENOUGH_S = 20
"""No estimate before there are votes of so many seconds: with a jitter of 1 ms it is then within 40 ppm."""
PLACE_S = 30
"""Seconds whose votes count for the place."""
SIDE_BY_SIDE_NS = 1.5 * NS_PER_MS
"""Stated times and deliveries agree while their distance spreads no more than this."""
STEADY_NS = 2 * NS_PER_MS
"""Votes that spread no more around their own line are steady."""
JUMP_NS = 3 * NS_PER_MS
"""A delivery that differs so much from that of the second before is another latency, not drift."""
PPM_MAX = 500.0
"""No crystal is worse."""
BELIEVED_NS = 20 * NS_PER_MS
"""Stated times further from the sound's place than this are one of the lies above; real losses are `clockmap`'s."""
MAD_TO_SIGMA = 1.4826

Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """How the device's clock runs, `at_ns` after its frame 0 as it counts time itself.

    ppm: how much it is fast. origin_ns: where frame 0 would be, were all as at `at_ns`. residual_ns: robust spread of
    the stated times around the line that fits.
    """

    ppm: float
    origin_ns: float
    at_ns: float
    residual_ns: float


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
        self._seconds = deque(((at, stated + moved_ns, late) for at, stated, late in self._seconds), maxlen=WINDOW_S)
        if self._latency_ns is not None:
            # The jump of the deliveries, which went along, is taken for one of the latency.
            self._latency_ns -= moved_ns

    def estimate(self, placed_at: Callable[[float], float]) -> Estimate | None:
        """The line that fits now; None if it is too early.

        placed_at: where the sound of a device time is put, told as the origin which that amounts to.

        About 0.2 ms of work; every few seconds is enough.
        """
        if len(self._seconds) < ENOUGH_S:
            return None
        at, stated, late = np.array(self._seconds, dtype=np.float64).T
        latency = late - stated
        middle = float(np.median(latency))
        if self._latency_ns is None:
            # So that the sound is right where the clock map put it when it settled: that was decided with care.
            self._latency_ns = float(np.median(late[:3])) - placed_at(float(at[0]))
        stated_slope, delivered_slope = slope(at, stated), slope(at, late)
        placed = placed_at(float(at[-1]))
        trusted = abs(_place(at, stated, stated_slope) - placed) < BELIEVED_NS
        believed: Series | None = None
        chosen = None
        if trusted and spread(latency - middle) <= SIDE_BY_SIDE_NS:
            self._latency_ns = middle
            believed, chosen = stated, stated_slope
        elif _is_steady(at, late, delivered_slope):
            believed, chosen = late - self._latency_ns, delivered_slope
        if _is_steady(at, stated, stated_slope) and (chosen is None or abs(stated_slope) < abs(chosen)):
            believed, chosen = stated if trusted else None, stated_slope
        if chosen is not None:
            self._ppm = min(max(-chosen / (1 + chosen) * 1e6, -PPM_MAX), PPM_MAX)
        held = -self._ppm * 1e-6 / (1 + self._ppm * 1e-6)
        rest = stated - held * (at - at[-1])
        return Estimate(
            ppm=self._ppm,
            origin_ns=placed if believed is None else _place(at, believed, held),
            at_ns=float(at[-1]),
            residual_ns=spread(rest - float(np.median(rest))),
        )

    def _gather(self) -> None:
        """One vote of each kind for the second that is over."""
        stated = sorted(self._stated)[len(self._stated) // 2]
        # What delays a delivery is behind it, not before it.
        late = min(self._delivered)
        self._stated.clear()
        self._delivered.clear()
        if self._seconds and abs(late - self._seconds[-1][2]) > JUMP_NS:
            jump = late - self._seconds[-1][2]
            self._seconds = deque(((at, said, came + jump) for at, said, came in self._seconds), maxlen=WINDOW_S)
            if self._latency_ns is not None:
                self._latency_ns += jump
        self._seconds.append(((self._second + 0.5) * NS_PER_S, float(stated), float(late)))


def slope(at: Series, votes: Series) -> float:
    """Median of the slopes between the first third of the votes and the last: a third of them may be wrong."""
    third = max(1, len(at) // 3)
    rise = np.subtract.outer(votes[-third:], votes[:third])
    run = np.subtract.outer(at[-third:], at[:third])
    return float(np.median(rise / run))


def spread(values: Series) -> float:
    """The standard deviation of `values` around 0, by their median, so that outliers weigh nothing."""
    return MAD_TO_SIGMA * float(np.median(np.abs(values)))


def _is_steady(at: Series, votes: Series, rise: float) -> bool:
    """Whether the votes lie close around a line that a crystal could draw."""
    rest = votes - rise * at
    return spread(rest - float(np.median(rest))) <= STEADY_NS and abs(rise) <= PPM_MAX * 1e-6


def _place(at: Series, votes: Series, rise: float) -> float:
    """Where the line of slope `rise` through the newest votes is now."""
    return float(np.median((votes - rise * (at - at[-1]))[-PLACE_S:]))
