"""The one clock: CLOCK_MONOTONIC nanoseconds, and the arithmetic between it and session time."""

import time
from bisect import bisect_right

from reeld_proto.workers import PauseSpan, SessionClockData


def monotonic_ns() -> int:
    """Now on CLOCK_MONOTONIC, in nanoseconds. Shared by all processes of the machine; stands still while it sleeps."""
    return time.monotonic_ns()


def wall_ns() -> int:
    """Now on the civil clock, nanoseconds since 1970. For people; nothing is paced or ordered by it."""
    return time.time_ns()


class SessionClock:
    """Maps monotonic instants to media time: nanoseconds since the session's start with its pauses taken out.

    Pure: it never reads a clock. Not thread-safe for changes; `pause` and `resume` come from the owner's control
    thread, and readers in other threads see either the old or the new state of each.
    """

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self._ends: list[int] = []
        self._pauses: list[PauseSpan] = []
        self._paused_since: int | None = None

    @classmethod
    def from_data(cls, data: SessionClockData) -> "SessionClock":
        """The clock that `data` describes."""
        clock = cls(data.start_ns)
        for span in data.pauses:
            clock.pause(span.start_ns)
            clock.resume(span.end_ns)
        if data.paused_since_ns is not None:
            clock.pause(data.paused_since_ns)
        return clock

    def data(self) -> SessionClockData:
        """The clock as a message part."""
        return SessionClockData(start_ns=self.start_ns, pauses=list(self._pauses), paused_since_ns=self._paused_since)

    @property
    def pauses(self) -> list[PauseSpan]:
        """Finished pauses, oldest first."""
        return list(self._pauses)

    @property
    def paused_since_ns(self) -> int | None:
        """Monotonic start of the pause that lasts, if one does."""
        return self._paused_since

    def pause(self, at_ns: int) -> None:
        """Session time stands still from monotonic `at_ns` on. A second call while paused changes nothing."""
        if self._paused_since is None:
            last_end = self._ends[-1] if self._ends else self.start_ns
            self._paused_since = max(at_ns, last_end)

    def resume(self, at_ns: int) -> None:
        """Session time goes on from monotonic `at_ns` on. Without a pause it changes nothing."""
        if self._paused_since is not None:
            span = PauseSpan(start_ns=self._paused_since, end_ns=max(at_ns, self._paused_since))
            self._pauses.append(span)
            self._ends.append(span.end_ns)
            self._paused_since = None

    def is_paused_at(self, at_ns: int) -> bool:
        """Whether monotonic `at_ns` lies in a pause: its start belongs to it, its end does not."""
        if self._paused_since is not None and at_ns >= self._paused_since:
            return True
        index = bisect_right(self._ends, at_ns)
        return index < len(self._pauses) and self._pauses[index].start_ns <= at_ns

    def media_ns(self, at_ns: int) -> int:
        """Media time of monotonic `at_ns`; inside a pause the instant at which it began; negative before the start."""
        if self._paused_since is not None and at_ns > self._paused_since:
            at_ns = self._paused_since
        index = bisect_right(self._ends, at_ns)
        paused = sum(span.end_ns - span.start_ns for span in self._pauses[:index])
        if index < len(self._pauses):
            at_ns = min(at_ns, self._pauses[index].start_ns)
        return at_ns - self.start_ns - paused

    def monotonic_ns(self, media_ns: int) -> int:
        """First monotonic instant with this media time."""
        at_ns = self.start_ns + media_ns
        for span in self._pauses:
            if at_ns <= span.start_ns:
                break
            at_ns += span.end_ns - span.start_ns
        return at_ns
