"""How coarse a track must be so that it stays under its ceiling. Pure; one instance a track, used by its encoder.

DESIGN: a change of quantiser costs a key frame, so it is for what no encoder can make small: noise, or a film of rain
on a whole screen. A bucket is filled by what is written and drained at the rate of the ceiling; a full one raises the
quantiser by as much as the rate of the last frames is above. It goes down when the rate allows it, and at once when
the picture stands still: then the last picture is shown for long, and is made fine. Each attempt that fails doubles
the wait for the next.
"""

import math
from collections import deque

BURST_S = 1.0
"""What may be written at once, in seconds of the ceiling."""

STILL_S = 0.4
"""A picture that comes this long after the one before ends the motion."""

_WAIT_S, _WAIT_S_MAX = 1.0, 8.0
_WINDOW_S = 1.0
_AIM_UP, _AIM_DOWN = 0.7, 0.5
"""Share of the ceiling that a change aims at."""
_FRAMES_MIN = 2
"""Frames at a quantiser before it is judged: the first is a key frame."""
_STEP_UP_MIN, _STEP_DOWN_MIN, _STEP_DOWN_MAX = 2, 2, 12


class RateGuard:
    """The quantiser of a track. base, worst: lowest and highest. ceiling: bits a second. halving: see `Settings`.

    Times are seconds and rise.
    """

    def __init__(self, *, base: int, worst: int, ceiling: float, halving: float) -> None:
        self._base, self._worst = base, worst
        self._ceiling, self._halving = ceiling, halving
        self.quantiser = base
        self._written = 0.0
        self._last_s: float | None = None
        self._recent: deque[tuple[float, int]] = deque()
        self._changed_s = 0.0
        self._lowered_s: float | None = None
        self._wait_s = _WAIT_S

    def plan(self, at_s: float) -> int:
        """The quantiser of the frame that is shown from `at_s` on; `note` follows."""
        if self._last_s is None:
            self._last_s = self._changed_s = at_s
        gap_s = max(0.0, at_s - self._last_s)
        self._written = max(0.0, self._written - gap_s * self._ceiling)
        self._last_s = at_s
        if gap_s >= STILL_S:
            self._recent.clear()
            self._wait_s = _WAIT_S
            self._change(self._base, at_s)
        elif self._written > BURST_S * self._ceiling:
            self._raise(at_s)
        elif self.quantiser > self._base:
            # A step down that has held so far is followed by the next one without a long wait.
            wait_s = _WAIT_S if self._changed_s == self._lowered_s else self._wait_s
            if at_s - self._changed_s >= wait_s:
                self._lower(at_s)
        elif at_s - self._changed_s >= _WAIT_S_MAX:
            self._wait_s = _WAIT_S
        return self.quantiser

    def note(self, at_s: float, size: int) -> None:
        """The frame at `at_s` took `size` bytes."""
        self._written += 8 * size
        self._recent.append((at_s, 8 * size))
        while self._recent[0][0] < at_s - _WINDOW_S:
            self._recent.popleft()

    def _rate(self, at_s: float) -> float:
        """Bits a second since the last change, or of the last second."""
        begun_s = max(self._changed_s, at_s - _WINDOW_S)
        bits = sum(bits for frame_s, bits in self._recent if frame_s >= begun_s)
        return bits / max(at_s - begun_s, 1e-3)

    def _raise(self, at_s: float) -> None:
        frames = sum(1 for frame_s, _ in self._recent if frame_s >= self._changed_s)
        rate = self._rate(at_s)
        if frames < _FRAMES_MIN or rate <= self._ceiling:
            return
        if self._lowered_s is not None and at_s - self._lowered_s < self._wait_s + _WINDOW_S:
            self._wait_s = min(2 * self._wait_s, _WAIT_S_MAX)
        step = math.ceil(self._halving * math.log2(rate / (_AIM_UP * self._ceiling)))
        self._change(min(self._worst, self.quantiser + max(_STEP_UP_MIN, step)), at_s)

    def _lower(self, at_s: float) -> None:
        rate = max(self._rate(at_s), 1.0)
        # A finer picture may take more than the usual: the noise of a camera begins to show.
        step = math.floor(self._halving * 0.75 * math.log2(max(1.0, _AIM_DOWN * self._ceiling / rate)))
        wanted = max(self._base, self.quantiser - min(step, _STEP_DOWN_MAX))
        if self.quantiser - wanted >= min(_STEP_DOWN_MIN, self.quantiser - self._base):
            self._lowered_s = at_s
            self._change(wanted, at_s)

    def _change(self, quantiser: int, at_s: float) -> None:
        if quantiser != self.quantiser:
            self.quantiser = quantiser
            self._changed_s = at_s
