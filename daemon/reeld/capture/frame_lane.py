"""One source's frames in the synchroniser: a bounded buffer, and which of them an instant shows. Pure.

DESIGN: for an instant only two frames come into question: the last one captured up to it and the first one after it.
The closer one wins, except that the earlier one not yet shown is given half an interval: two clocks in opposite phase
would otherwise repeat a frame and skip the next whenever jitter changes which one is closer.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

BUFFER_FRAMES_MAX = 8
"""Frames a source that have not been shown: 66 MB of 1080p pixels. One or two in normal running, five while another
source of the same rate is waited for by the default deadline; above it the oldest is dropped and counted."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a source. captured_ns: CLOCK_MONOTONIC; sequence: from 1, a hole in it is counted as lost.

    picture: never looked at, and kept until the frame is dropped or its successor was taken.
    """

    captured_ns: int
    sequence: int
    picture: Any


@dataclass(frozen=True, slots=True)
class Pick:
    """What a source shows at an instant. fresh: for the first time; held: nothing within its tolerance was known."""

    frame: Frame
    fresh: bool
    held: bool


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """Of one source. Frames: received = shown + dropped + buffered. Sets since it was added: matched + held + absent.

    matched: sets that show a frame within the tolerance; held: sets that show its last frame because nothing closer was
    known; absent: sets before its first frame. shown: frames that were in some set; dropped: frames that were in none,
    because a closer one was shown, they came out of order, or the buffer was full. lost: holes in the sequence.
    buffered, peak: frames waiting now, and at most.
    """

    received: int = 0
    matched: int = 0
    held: int = 0
    absent: int = 0
    shown: int = 0
    dropped: int = 0
    lost: int = 0
    buffered: int = 0
    peak: int = 0


class _Entry:
    """A frame and the instant up to which it is known to be what the source shows."""

    __slots__ = ("captured_ns", "frame", "valid_ns")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.captured_ns = self.valid_ns = frame.captured_ns

    def distance_ns(self, at_ns: int) -> int:
        """How far the frame is from showing `at_ns`."""
        return max(self.captured_ns - at_ns, at_ns - self.valid_ns, 0)


class FrameLane:
    """Frames of one source. tolerance_ns: how far a matching frame may be from the instant; preference_ns: see DESIGN.

    All times are CLOCK_MONOTONIC nanoseconds. Used by one thread.
    """

    def __init__(self, *, tolerance_ns: int, preference_ns: int) -> None:
        self.tolerance_ns = tolerance_ns
        self._preference_ns = preference_ns
        self._waiting: deque[_Entry] = deque()
        self._shown: _Entry | None = None
        self._newest: _Entry | None = None
        self._sequence = 0
        self._known_ns = -1
        self.out = False
        """It let a deadline pass: it is not waited for until it is heard of again."""
        self._received = self._matched = self._held = self._absent = 0
        self._shown_frames = self._dropped = self._lost = self._peak = 0

    def offer(self, frame: Frame, now_ns: int) -> None:
        """Append a frame. One that claims to be captured after `now_ns` counts as captured now."""
        self._received += 1
        self._lost += max(0, frame.sequence - self._sequence - 1) if self._sequence else 0
        self._sequence = frame.sequence
        if frame.captured_ns > now_ns:
            frame = replace(frame, captured_ns=now_ns)
        if self._newest is not None and frame.captured_ns <= self._newest.captured_ns:
            self._dropped += 1
            return
        self._newest = _Entry(frame)
        self._waiting.append(self._newest)
        if len(self._waiting) > BUFFER_FRAMES_MAX:
            self._drop_oldest()
        self._peak = max(self._peak, len(self._waiting))
        self._hear(frame.captured_ns)

    def unchanged(self, until_ns: int) -> None:
        """The newest frame is what the source shows up to `until_ns`: it does not have to be waited for."""
        if self._newest is not None:
            self._newest.valid_ns = max(self._newest.valid_ns, until_ns)
            self._hear(until_ns)

    def decided(self, at_ns: int) -> bool:
        """Whether waiting longer would not change what `take` answers, or is not worth it."""
        return self.out or self._known_ns >= at_ns

    def pressed(self, at_ns: int) -> bool:
        """Whether the next frame would push out one that `at_ns` may need."""
        waiting = self._waiting
        return len(waiting) == BUFFER_FRAMES_MAX and waiting[1].captured_ns > at_ns

    @property
    def started(self) -> bool:
        """Whether there is anything to show at all."""
        return self._newest is not None

    @property
    def waiting(self) -> int:
        """Frames that were in no set yet."""
        return len(self._waiting)

    def take(self, at_ns: int) -> Pick | None:
        """What to show at `at_ns`, which must never go back; None before the first frame."""
        waiting = self._waiting
        while len(waiting) > 1 and waiting[1].captured_ns <= at_ns:
            self._drop_oldest()
        past, ahead = self._shown, waiting[0] if waiting else None
        if ahead is not None and ahead.captured_ns <= at_ns:
            past, ahead = ahead, waiting[1] if len(waiting) > 1 else None
        if ahead is not None and self._is_better(ahead, past, at_ns):
            past = ahead
        if past is None:
            self._absent += 1
            return None
        held = past.distance_ns(at_ns) > self.tolerance_ns
        self._held += held
        self._matched += not held
        return Pick(past.frame, self._show(past), held)

    def counts(self) -> LaneCounts:
        """Counters so far."""
        return LaneCounts(
            received=self._received,
            matched=self._matched,
            held=self._held,
            absent=self._absent,
            shown=self._shown_frames,
            dropped=self._dropped,
            lost=self._lost,
            buffered=len(self._waiting),
            peak=self._peak,
        )

    def _is_better(self, ahead: _Entry, past: _Entry | None, at_ns: int) -> bool:
        """Whether the first frame after the instant is to be shown instead of the last one up to it."""
        ahead_ns = ahead.distance_ns(at_ns)
        if ahead_ns > self.tolerance_ns:
            return False
        if past is None:
            return True
        past_ns = past.distance_ns(at_ns)
        if past_ns > self.tolerance_ns:
            return True
        if past is self._shown:
            return ahead_ns < past_ns + self._preference_ns and past.valid_ns < at_ns
        return ahead_ns + self._preference_ns < past_ns

    def _show(self, entry: _Entry) -> bool:
        """Make it the shown one; whether it was not before."""
        if entry is self._shown:
            return False
        while self._waiting[0] is not entry:
            self._drop_oldest()
        self._waiting.popleft()
        self._shown = entry
        self._shown_frames += 1
        return True

    def _drop_oldest(self) -> None:
        self._waiting.popleft()
        self._dropped += 1

    def _hear(self, until_ns: int) -> None:
        self._known_ns = max(self._known_ns, until_ns)
        self.out = False
