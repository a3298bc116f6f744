"""Where a stream's line begins on the session's clock, and when it jumps. Pure.

DESIGN: a stream is a line: what it holds at its own time t was captured at origin + t. Its own time counts its frames
at the speed at which they are taken, so that drift, which `clockfit` measures and `varispeed` takes out, is not in it.
Every block states a time for its first frame and so votes for an origin.

Where the line begins: votes may at first be wrong by up to 2 s, in perfect agreement. PulseAudio asks itself for its
latency ever more seldom (every 10, 20, 40 ms and at last every 1.5 s) and believes an idle output's first answer until
then. Therefore the line is laid only when a stream is `SETTLE_NS` old, through the median of recent votes that agree.

Whether it moves: votes also wander by 20 ms over some seconds where a server smooths its latency (measured on a
remapped source), while the rhythm of the deliveries stays within a millisecond; and deliveries shift when a server
changes its buffers, while the votes stay. Lost and repeated sound move both. So the line moves only by an error above
`SLIP_NS` on which votes and deliveries agree.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median_low

from reeld_proto.units import NS_PER_MS, NS_PER_S

SETTLE_NS = 1700 * NS_PER_MS
"""Age of a stream from which on its votes are believed. Measured: wrong ones are corrected within 1.5 s."""
SETTLE_MAX_NS = 2300 * NS_PER_MS
"""By then the line is laid with what there is."""
WINDOW_NS = NS_PER_S
"""Votes this recent count for corrections: lost sound is noticed so late."""
RECENT_NS = 400 * NS_PER_MS
"""Votes this recent must agree before anything is decided."""
AGREE_NS = 4 * NS_PER_MS
"""How far apart votes may be and still agree. Measured jitter of settled votes: under 1 ms."""
SLIP_NS = 15 * NS_PER_MS
"""The line is left alone up to this error; well under the 40 ms at which lips and voice part."""
STEADY_NS = 5 * NS_PER_MS
"""While the votes are this close to the line, it is right, and the deliveries are as they should be."""
LATE_NS_MAX = 300 * NS_PER_MS
"""Longest credible time between capture and delivery: a Bluetooth microphone (200 ms) and a block (100 ms)."""


@dataclass(frozen=True)
class _Vote:
    """origin_ns: where time 0 is by the block's own time; latest_ns: where it would be, had delivery been instant."""

    arrived_ns: int
    origin_ns: int
    latest_ns: int

    @property
    def credible(self) -> bool:
        return self.latest_ns - self.origin_ns <= LATE_NS_MAX


class ClockMap:
    """The line of one opened stream. Used by one thread. All times are nanoseconds, monotonic or the stream's own."""

    def __init__(self) -> None:
        self._votes: deque[_Vote] = deque()
        self._first_ns: int | None = None
        self._origin_ns: int | None = None
        self._delivery_ns = 0  # where deliveries alone put time 0 while the line is right

    @property
    def origin_ns(self) -> int | None:
        """When the stream's time 0 was; None until settled."""
        return self._origin_ns

    def add(self, start_ns: int, end_ns: int, adc_ns: int, arrived_ns: int) -> None:
        """A block of the stream's time [start_ns, end_ns) was delivered at `arrived_ns`, captured at `adc_ns`.

        Blocks come in order; none is added twice.
        """
        if self._first_ns is None:
            self._first_ns = arrived_ns
        self._votes.append(_Vote(arrived_ns, adc_ns - start_ns, arrived_ns - end_ns))
        while self._votes[0].arrived_ns < arrived_ns - WINDOW_NS:
            self._votes.popleft()
        if self._origin_ns is None:
            age_ns = arrived_ns - self._first_ns
            if age_ns >= SETTLE_MAX_NS or (age_ns >= SETTLE_NS and self._agreed() is not None):
                self.settle()

    def settle(self) -> None:
        """Lay the line now with what is known, as at the end of a recording; without any block it changes nothing."""
        if self._origin_ns is not None or not self._votes:
            return
        agreed = self._agreed()
        if agreed is None and self._votes[-1].credible:
            agreed = self._votes[-1].origin_ns
        # Without credible times, the tightest bound from delivery: off by a block at most.
        self._origin_ns = agreed if agreed is not None else min(vote.latest_ns for vote in self._votes)
        self._delivery_ns = self._earliest_delivery()

    def correct(self) -> int:
        """Move the line if it is off by more than `SLIP_NS`; the move in ns, positive if sound was missing, else 0."""
        if self._origin_ns is None or self._votes[-1].arrived_ns - self._votes[0].arrived_ns < WINDOW_NS // 2:
            return 0
        agreed = self._agreed()
        if agreed is None:
            return 0
        error_ns = agreed - self._origin_ns
        delivery_error_ns = self._earliest_delivery() - self._delivery_ns
        if abs(error_ns) <= STEADY_NS:
            self._delivery_ns += delivery_error_ns
        # Half, because deliveries are followed until the votes leave the line.
        confirmed = abs(delivery_error_ns) > SLIP_NS // 2 and (delivery_error_ns > 0) == (error_ns > 0)
        if abs(error_ns) <= SLIP_NS or not confirmed:
            return 0
        self._origin_ns = agreed
        self._delivery_ns += delivery_error_ns
        return error_ns

    def _earliest_delivery(self) -> int:
        # Of the whole window: a block that is late by 300 ms holds up those behind it, too.
        return min(vote.latest_ns for vote in self._votes)

    def _recent(self) -> list[_Vote]:
        newest_ns = self._votes[-1].arrived_ns
        return [vote for vote in self._votes if vote.arrived_ns >= newest_ns - RECENT_NS]

    def _agreed(self) -> int | None:
        """Median of the recent votes if they agree and are credible."""
        recent = self._recent()
        origins = sorted(vote.origin_ns for vote in recent)
        # The outermost tenth may be off: a delayed thread, a preempted server.
        trim = len(origins) // 10
        inner = origins[trim : len(origins) - trim]
        if len(inner) < 2 or inner[-1] - inner[0] > AGREE_NS or not recent[-1].credible:
            return None
        return median_low(origins)
