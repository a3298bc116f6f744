"""Nothing above the ceiling. Pure."""

import math
from collections.abc import Sequence

import numpy as np

from reeld.audio.dsp.levels import factor, finite, frames_of, peak, peaks
from reeld.audio.dsp.lookahead import Curve, Lookahead
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, LimiterNode

PIECE_FRAMES = 8192
"""Most frames worked on at once while limiting: bounds memory, and stays in the processor's cache."""


class PeakLimiter:
    """Lowers the gain of all channels together, ahead of what is too loud, and lets it rise again.

    No sample that comes out is over the ceiling, whatever goes in, across blocks and changes; what is no number comes
    out as 0, what is infinite as full scale, limited. Sound that needs no limiting comes out bit-identical at the
    price of one look at its peak. However blocks are cut, what comes out differs by 1e-6 at most.

    lag: frames by which `heights` is late.
    """

    def __init__(
        self, ceiling_db: float, lookahead_frames: int, release_frames: float, channels: int, *, lag: int = 0
    ) -> None:
        self.latency = lookahead_frames + lag
        self._ahead = Lookahead(lookahead_frames, release_frames)
        self._delayed: Samples = np.zeros((self.latency, channels), np.float32)
        self._ceiling = self._former = not_over(ceiling_db)
        self._former_frames = 0

    def change(self, ceiling_db: float, release_frames: float) -> None:
        """Another ceiling holds for what goes in from now on, another release at once."""
        ceiling = not_over(ceiling_db)
        self._former = max(ceiling, self._ceiling, self._former if self._former_frames else 0.0)
        self._former_frames = self.latency
        self._ceiling = ceiling
        self._ahead.release_frames = release_frames

    def process(self, samples: Samples) -> Samples:
        """The next frames, `latency` late."""
        level = peak(samples)
        if not math.isfinite(level):
            samples = finite(samples)
        elif self._ahead.resting and self.passes(samples, level):
            self._former_frames = max(0, self._former_frames - len(samples))
            return self._delay(samples)
        out = np.empty_like(samples)
        done = 0
        while done < len(samples):
            size = min(PIECE_FRAMES, self._former_frames or PIECE_FRAMES, len(samples) - done)
            self._limit(samples[done : done + size], out[done : done + size])
            done += size
        return out

    def passes(self, samples: Samples, level: float) -> bool:  # noqa: ARG002 - others look closer
        """Whether `samples`, whose peak is `level`, need no limiting; if so, `heights` is not asked of them."""
        return level <= self._ceiling

    def heights(self, samples: Samples) -> Curve:
        """How high each frame is."""
        return peaks(samples).astype(np.float64)

    def _limit(self, samples: Samples, out: Samples) -> None:
        needed = 1.0 - self._ceiling / np.maximum(self.heights(samples), self._ceiling)
        reduction = self._ahead.advance(needed)
        limit = self._former if self._former_frames else self._ceiling
        multiply(self._delay(samples), 1.0 - reduction, out)
        # The gains suffice but for rounding; this makes it a promise.
        np.clip(out, -limit, limit, out=out)
        self._former_frames = max(0, self._former_frames - len(samples))

    def _delay(self, samples: Samples) -> Samples:
        joined = np.concatenate([self._delayed, samples])
        self._delayed = joined[len(samples) :].copy()
        return joined[: len(samples)]


class Limiter:
    """The limiter as a node. A changed ceiling holds for what goes in after it."""

    def __init__(self, node: LimiterNode, rate: int, channels: int) -> None:
        self.latency = frames_of(node.lookahead_ms, rate)
        self._rate = rate
        self._limiter = PeakLimiter(node.ceiling_db, self.latency, release_frames(node.release_ms, rate), channels)

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        return self._limiter.process(inputs[0])

    def adjust(self, node: AnyNode) -> bool:
        """Take over ceiling and release; False where the look-ahead is another one."""
        if not isinstance(node, LimiterNode) or frames_of(node.lookahead_ms, self._rate) != self.latency:
            return False
        self._limiter.change(node.ceiling_db, release_frames(node.release_ms, self._rate))
        return True


def multiply(samples: Samples, gains: Curve, out: Samples) -> None:
    """Each frame times its gain."""
    factors = gains.astype(np.float32)
    for channel in range(out.shape[1]):
        np.multiply(samples[:, channel], factors, out=out[:, channel])


def not_over(level_db: float) -> float:
    """The largest float32 that is not over `level_db`."""
    wanted = factor(level_db)
    nearest = np.float32(wanted)
    return float(nearest if float(nearest) <= wanted else np.nextafter(nearest, np.float32(0)))


def release_frames(milliseconds: float, rate: int) -> float:
    """Time constant of a release in frames."""
    return max(1.0, milliseconds * rate / 1000)
