"""Frames of several sources into sets of one frame a source, one set for each output instant. Pure.

DESIGN: output instants are a grid of the output's rate that begins at the first frame offered (or at what the deadline
has left of the time since, if that came late). A set leaves as soon as every source has a frame at or after its
instant, since nothing that comes later can be closer; or `deadline_ns` after the instant, or when a buffer is about to
lose a frame that it needs, with what is there then. So a source that is late, lost, slow, or not yet there delays the
others by the deadline at most, and only once: until it is heard of again it is not waited for.

A frame matches an instant within the tolerance of its source: one interval of the source or of the output, whichever is
longer. At 60 fps that is 16 ms; a source of 24 fps in an output of 60 fps shows each frame at two or three instants and
is in time with each of them. Outside of it the last frame is held, and counted as held.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reeld.capture.frame_lane import BUFFER_FRAMES_MAX, Frame, FrameLane, LaneCounts, Pick
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S

__all__ = ["BUFFER_FRAMES_MAX", "CATCH_UP_NS", "SOURCES_MAX", "Frame", "FrameSet", "LaneCounts", "Pick", "Synchroniser"]

SOURCES_MAX = 9
"""Sources at a time: what the largest grid shows."""

DEADLINE_INTERVALS = 3
"""How many output intervals a set waits by default: a source of 24 fps in an output of 60 fps is just waited for."""
DEADLINE_NS_MAX = 200 * NS_PER_MS
"""At low rates the default deadline is this: nobody wants to see two seconds late what happens at 1 fps."""

CATCH_UP_NS = NS_PER_S
"""Sets of instants that are overdue for longer than this are never made: the machine slept, or nobody wanted them."""


@dataclass(frozen=True, slots=True)
class FrameSet:
    """What all sources show at one output instant. number: from 1; at_ns: CLOCK_MONOTONIC.

    picks: by source, in the order in which they were added; a source that has not begun is not in it.
    """

    number: int
    at_ns: int
    picks: Mapping[int, Pick]

    @property
    def fresh(self) -> bool:
        """Whether it shows anything that the set before did not."""
        return any(pick.fresh for pick in self.picks.values())


class Synchroniser:
    """Makes sets at `fps` sets a second. deadline_ns: how long after its instant a set leaves at the latest.

    Frames come in by `offer` in any order of the sources, sets go out by `take`, which is to be called after an offer
    and when `next_due_ns` has come; it never waits, and has no clock of its own. Used by one thread.
    """

    def __init__(self, fps: int, *, deadline_ns: int | None = None) -> None:
        self._fps = fps
        self._interval_ns = NS_PER_S // fps
        default_ns = min(DEADLINE_INTERVALS * self._interval_ns, DEADLINE_NS_MAX)
        self.deadline_ns = default_ns if deadline_ns is None else deadline_ns
        self._lanes: dict[int, FrameLane] = {}
        self._start_ns: int | None = None
        self._index = 0
        self._at_ns = 0
        self._number = 0
        self._skipped = 0

    def add(self, source: int, fps: float) -> None:
        """Take part from the next set on. fps: the rate at which the source offers frames at most.

        Raises RequestRejected: INVALID_REQUEST if it takes part already or there are `SOURCES_MAX`.
        """
        if source in self._lanes:
            raise RequestRejected(f"source {source} takes part already")
        if len(self._lanes) == SOURCES_MAX:
            raise RequestRejected(
                f"{SOURCES_MAX} sources take part already", remedy="Remove one before another is added."
            )
        interval_ns = round(NS_PER_S / fps)
        self._lanes[source] = FrameLane(
            tolerance_ns=max(interval_ns, self._interval_ns),
            preference_ns=min(interval_ns, self._interval_ns) // 2,
        )

    def remove(self, source: int) -> LaneCounts:
        """Take no longer part; its counters. Frames still buffered are in none of them. Raises as `offer` does."""
        counts = self._lane(source).counts()
        del self._lanes[source]
        return counts

    def offer(self, source: int, frame: Frame, now_ns: int) -> None:
        """A source brought a frame. Raises RequestRejected: NOT_FOUND if it does not take part."""
        self._lane(source).offer(frame, now_ns)
        if self._start_ns is None:
            self._start_ns = self._at_ns = min(max(frame.captured_ns, now_ns - self.deadline_ns), now_ns)

    def unchanged(self, source: int, until_ns: int) -> None:
        """A source that brings frames on change only still shows its newest one. Raises as `offer` does."""
        self._lane(source).unchanged(until_ns)

    def next_due_ns(self) -> int | None:
        """When `take` has something to give at the latest, if nothing is offered before; None without any frame."""
        if not any(lane.started for lane in self._lanes.values()):
            return None
        return self._at_ns if self._is_decided() else self._at_ns + self.deadline_ns

    @property
    def still(self) -> bool:
        """Whether every frame was shown: who encodes changes only need not take before another comes."""
        return not any(lane.waiting for lane in self._lanes.values())

    def take(self, now_ns: int) -> list[FrameSet]:
        """Every set that can leave at `now_ns`, oldest first."""
        if self._start_ns is None:
            return []
        self._skip_to(now_ns - self.deadline_ns - CATCH_UP_NS)
        sets: list[FrameSet] = []
        while self._at_ns <= now_ns:
            if not self._is_decided():
                if now_ns < self._at_ns + self.deadline_ns and not self._is_pressed():
                    break
                self._give_up()
            picks = {source: pick for source, lane in self._lanes.items() if (pick := lane.take(self._at_ns))}
            if picks:
                self._number += 1
                sets.append(FrameSet(self._number, self._at_ns, picks))
            else:
                self._skipped += 1
            self._advance_to(self._index + 1)
        return sets

    @property
    def skipped(self) -> int:
        """Instants of which no set was made: nobody took it in time, or there was no source."""
        return self._skipped

    def counts(self) -> dict[int, LaneCounts]:
        """Counters of the sources that take part."""
        return {source: lane.counts() for source, lane in self._lanes.items()}

    def _lane(self, source: int) -> FrameLane:
        try:
            return self._lanes[source]
        except KeyError:
            raise RequestRejected(f"source {source} does not take part", code=ErrorCode.NOT_FOUND) from None

    def _is_decided(self) -> bool:
        at_ns = self._at_ns
        return all(lane.decided(at_ns) for lane in self._lanes.values())

    def _is_pressed(self) -> bool:
        at_ns = self._at_ns
        return any(lane.pressed(at_ns) for lane in self._lanes.values())

    def _give_up(self) -> None:
        """The set cannot wait: whoever has not been heard of since the instant is not waited for any longer."""
        for lane in self._lanes.values():
            if not lane.decided(self._at_ns):
                lane.out = True

    def _skip_to(self, from_ns: int) -> None:
        """Leave out the instants before `from_ns`."""
        if self._start_ns is None or self._at_ns >= from_ns:
            return
        index = -(-(from_ns - self._start_ns) * self._fps // NS_PER_S)
        self._skipped += index - self._index
        self._advance_to(index)

    def _advance_to(self, index: int) -> None:
        self._index = index
        self._at_ns = (self._start_ns or 0) + index * NS_PER_S // self._fps
