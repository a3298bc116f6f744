"""Peaks brought to a level. Pure."""

import math
from collections.abc import Sequence

import numpy as np

from reeld.audio.dsp.levels import factor, finite, frames_of, peak, peaks
from reeld.audio.dsp.limiter import multiply, not_over
from reeld.audio.dsp.lookahead import Lookahead, sliding_max
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, NormaliserNode

RISE_S = 5.0
"""Time constant with which the gain rises towards the highest one."""
QUIET_DB = -50.0
"""While all of the look-ahead is below this, the gain stays: pauses are not brought up."""


class Normaliser:
    """The highest gain, less what peaks need to stay at the level: no sample is over it. It begins at a gain of 1.

    What is no number comes out as 0. However blocks are cut, what comes out differs by 1e-6 at most.
    """

    def __init__(self, node: NormaliserNode, rate: int, channels: int) -> None:
        self.latency = frames_of(node.lookahead_ms, rate)
        self._gain = factor(node.gain_db_max)
        self._limit = not_over(node.peak_db)
        self._quiet = factor(QUIET_DB)
        self._ahead = Lookahead(self.latency, RISE_S * rate, start=1.0 - 1.0 / self._gain)
        self._heights = np.zeros(self.latency)
        self._delayed: Samples = np.zeros((self.latency, channels), np.float32)

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        (samples,) = inputs
        if not len(samples):
            return samples
        if not math.isfinite(peak(samples)):
            samples = finite(samples)
        heights = np.concatenate([self._heights, peaks(samples)])
        self._heights = heights[len(samples) :]
        # Both histories begin at the same frame, so the gain is held exactly where the maxima are low.
        held = sliding_max(heights, self.latency + 1) < self._quiet
        most = self._limit / self._gain
        needed = 1.0 - most / np.maximum(heights[self.latency :], most)
        gains = self._gain * (1.0 - self._ahead.advance(needed, held))
        joined = np.concatenate([self._delayed, samples])
        self._delayed = joined[len(samples) :].copy()
        out = np.empty_like(samples)
        multiply(joined[: len(samples)], gains, out)
        return np.clip(out, -self._limit, self._limit, out=out)

    def adjust(self, node: AnyNode) -> bool:  # noqa: ARG002 - the interface of a kernel
        """Nothing can be changed."""
        return False
