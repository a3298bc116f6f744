"""Whether the machine slept: CLOCK_MONOTONIC stood still meanwhile, another clock did not."""

import time
from collections.abc import Callable

from reeld_proto.units import NS_PER_S

SLEPT_NS_MIN = NS_PER_S
"""Shorter differences are those of reading two clocks one after the other on a busy machine."""

_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts on in sleep. On macOS CLOCK_MONOTONIC does, and Python's `time.monotonic` is another clock."""


def _asleep_ns() -> int:
    return time.clock_gettime_ns(_SLEEPLESS) - time.monotonic_ns()


class SleepSensor:
    """Tells once of each sleep. asleep_ns: how long the machine has slept since some instant. Used by one thread."""

    def __init__(self, asleep_ns: Callable[[], int] = _asleep_ns) -> None:
        self._asleep_ns = asleep_ns
        self._known_ns = asleep_ns()

    def slept_ns(self) -> int:
        """How long the machine slept since the last call; 0 if it did not."""
        slept_ns = self._asleep_ns() - self._known_ns
        if abs(slept_ns) < SLEPT_NS_MIN:
            return 0
        self._known_ns += slept_ns
        return max(0, slept_ns)
