"""Nothing above the ceiling. Pure."""

import math
from collections.abc import Sequence

import numpy as np

from reeld.audio.dsp.levels import factor, frames_of, peak, peaks
from reeld.audio.dsp.lookahead import Lookahead
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, LimiterNode

PIECE_FRAMES = 8192
"""Most frames worked on at once while limiting: bounds memory, and stays in the processor's cache."""


class Limiter:
    """Lowers the gain of all channels together, ahead of what is too loud, and lets it rise again.

    No sample that comes out is over the ceiling, whatever goes in, across blocks and changes; what is no number comes
    out as 0, what is infinite as full scale, limited. Sound that needs no limiting comes out bit-identical at the
    price of one look at its peak. However blocks are cut, what comes out differs by 1e-6 at most. A changed ceiling
    holds for what goes in after it.
    """

    def __init__(self, node: LimiterNode, rate: int, channels: int) -> None:
        self.latency = frames_of(node.lookahead_ms, rate)
        self._rate = rate
        self._lookahead_ms = node.lookahead_ms
        self._ahead = Lookahead(self.latency, release_frames(node, rate))
        self._delayed: Samples = np.zeros((self.latency, channels), np.float32)
        self._ceiling = self._former = ceiling_of(node)
        self._former_frames = 0

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        (samples,) = inputs
        level = peak(samples)
        if not math.isfinite(level):
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        elif level <= self._ceiling and self._ahead.resting:
            self._former_frames = max(0, self._former_frames - len(samples))
            return self._delay(samples)
        out = np.empty_like(samples)
        done = 0
        while done < len(samples):
            size = min(PIECE_FRAMES, self._former_frames or PIECE_FRAMES, len(samples) - done)
            self._limit(samples[done : done + size], out[done : done + size])
            done += size
        return out

    def adjust(self, node: AnyNode) -> bool:
        """Take over ceiling and release; False where the look-ahead is another one."""
        if not isinstance(node, LimiterNode) or node.lookahead_ms != self._lookahead_ms:
            return False
        self._former = max(ceiling_of(node), self._ceiling, self._former if self._former_frames else 0.0)
        self._former_frames = self.latency
        self._ceiling = ceiling_of(node)
        self._ahead.release_frames = release_frames(node, self._rate)
        return True

    def _limit(self, samples: Samples, out: Samples) -> None:
        highest = peaks(samples).astype(np.float64)
        needed = 1.0 - self._ceiling / np.maximum(highest, self._ceiling)
        reduction = self._ahead.advance(needed)
        limit = self._former if self._former_frames else self._ceiling
        delayed = self._delay(samples)
        gains = (1.0 - reduction).astype(np.float32)
        for channel in range(out.shape[1]):
            np.multiply(delayed[:, channel], gains, out=out[:, channel])
        # The gains suffice but for rounding; this makes it a promise.
        np.clip(out, -limit, limit, out=out)
        self._former_frames = max(0, self._former_frames - len(samples))

    def _delay(self, samples: Samples) -> Samples:
        joined = np.concatenate([self._delayed, samples])
        self._delayed = joined[len(samples) :].copy()
        return joined[: len(samples)]


def ceiling_of(node: LimiterNode) -> float:
    """The largest float32 that is not over the ceiling."""
    wanted = factor(node.ceiling_db)
    nearest = np.float32(wanted)
    return float(nearest if float(nearest) <= wanted else np.nextafter(nearest, np.float32(0)))


def release_frames(node: LimiterNode, rate: int) -> float:
    """Time constant of the release in frames."""
    return max(1.0, node.release_ms * rate / 1000)
