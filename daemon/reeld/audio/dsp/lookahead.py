"""How much gain must be taken off so that no peak is over a limit, known ahead of time. Pure.

DESIGN: each frame needs some reduction (0: none; 0.5: half the gain). Its maximum over the next `lookahead` frames is
there early enough; an exponential release lets it fall slowly; the average over as many frames makes its edges
straight lines. Every value averaged into frame n's reduction looked at frame n, so it is at least what n needs.
"""

import math

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float64]

NOTHING = 1e-5
"""A reduction below this (0.0001 dB) is none: so a release ends."""


class Lookahead:
    """Reductions of frames that lie `frames` back, from those that the newest frames need. Used by one thread.

    release_frames: time constant of the release. start: the reduction that is there at first. However blocks are cut,
    what comes out differs by 1e-12 at most.
    """

    def __init__(self, frames: int, release_frames: float, start: float = 0.0) -> None:
        self.frames = frames
        self.release_frames = release_frames
        self._needed = np.full(frames, 0.0)
        self._released = np.full(frames, start)
        self._last = start

    @property
    def resting(self) -> bool:
        """Whether nothing is reduced, as long as nothing needs to be."""
        return self._last < NOTHING and not self._needed.any() and not self._released.any()

    def advance(self, needed: Curve, held: npt.NDArray[np.bool_] | None = None) -> Curve:
        """The reductions of the frames that lie `frames` back, as many as `needed` has.

        held: frames in which the release stands still, as the maxima see them: of the frame and those ahead of it.
        """
        window = self.frames + 1
        ahead = np.concatenate([self._needed, needed])
        released = released_from(sliding_max(ahead, window), self._last, self.release_frames, held)
        self._last = float(released[-1])
        released[released < NOTHING] = 0.0
        before = np.concatenate([self._released, released])
        self._needed, self._released = ahead[len(needed) :], before[len(needed) :]
        return sliding_mean(before, window)


def sliding_max(values: Curve, window: int) -> Curve:
    """The maximum of each `window` neighbours; shape (len(values) - window + 1,)."""
    width = 1
    while 2 * width <= window:
        values = np.maximum(values[:-width], values[width:])
        width *= 2
    rest = window - width
    return np.maximum(values[: len(values) - rest], values[rest:])


def sliding_mean(values: Curve, window: int) -> Curve:
    """The average of each `window` neighbours; shape (len(values) - window + 1,)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    mean: Curve = (sums[window:] - sums[:-window]) / window
    return mean


def released_from(values: Curve, last: float, time_constant: float, held: npt.NDArray[np.bool_] | None) -> Curve:
    """The envelope over `values` that falls exponentially, from `last` on; in closed form, through logarithms."""
    with np.errstate(divide="ignore"):
        logs = np.log(values)
    fallen = np.arange(1, len(values) + 1) if held is None else np.cumsum(~held)
    decay = fallen / time_constant
    start = math.log(last) if last > 0 else -math.inf
    envelope: Curve = np.exp(np.maximum(np.maximum.accumulate(logs + decay), start) - decay)
    return np.maximum(envelope, values)
