"""When the next frame may be taken. Pure.

The rule is the generic cell rate algorithm (ITU-T I.371): frames follow each other at the nominal interval in the long
run, and one may come a tolerance early. So the first change after stillness is taken at once, content that moves at the
recorded rate is taken just after each of its own frames although those jitter, and a flash that lasts one frame
interval is never missed by a wake-up that came late.
"""

from reeld_proto.units import NS_PER_S

TOLERANCE_SHARE = 4
"""A frame may come a quarter of an interval early."""

SETTLE_NS = 3_000_000
"""How long a change is left to complete. A program draws one picture with several requests; taken at the first of them,
the frame would show half of it and a second one would be needed for the rest."""


class Pacer:
    """Keeps a track at or below `fps`. All times are CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, fps: int) -> None:
        self.interval_ns = NS_PER_S // fps
        self._tolerance_ns = self.interval_ns // TOLERANCE_SHARE
        self._due_ns = 0

    def allowed_ns(self, changed_ns: int) -> int:
        """When a change that was noticed at `changed_ns` is to be grabbed."""
        return max(changed_ns + min(SETTLE_NS, self._tolerance_ns), self._due_ns - self._tolerance_ns)

    def taken(self, at_ns: int) -> None:
        """A frame was grabbed at `at_ns`."""
        self._due_ns = max(self._due_ns, at_ns) + self.interval_ns

    def missed(self, allowed_ns: int, at_ns: int) -> int:
        """How many frames were lost because a grab allowed at `allowed_ns` happened at `at_ns` only."""
        return max(0, at_ns - allowed_ns) // self.interval_ns
