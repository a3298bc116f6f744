"""A circuit breaker: a service that does not answer is left alone for a while, by all jobs. Pure.

DESIGN: after some failures in a row it opens; nobody asks until its time is up. Then one asks: an answer closes it,
another failure opens it for twice as long.
"""

from dataclasses import dataclass

from reeld_proto.units import NS_PER_S

FAILURES_MAX = 3
FIRST_S, LONGEST_S = 30.0, 900.0


@dataclass
class Breaker:
    """Belongs to one service. Times are monotonic."""

    failures: int = 0
    open_until_ns: int = 0

    def failed(self, now_ns: int, after_s: float) -> None:
        """It did not answer. after_s: for so long it wants to be left alone at least."""
        self.failures += 1
        wait_s = after_s
        if self.failures >= FAILURES_MAX:
            wait_s = max(after_s, min(LONGEST_S, FIRST_S * 2 ** (self.failures - FAILURES_MAX)))
        self.open_until_ns = now_ns + round(wait_s * NS_PER_S)

    def answered(self) -> None:
        """It works."""
        self.failures, self.open_until_ns = 0, 0

    def is_open(self, now_ns: int) -> bool:
        """Whether it is to be left alone."""
        return now_ns < self.open_until_ns
