"""Decibels, peaks and gains."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reeld.audio.dsp.observations import SILENCE_DB
from reeld.audio.samples import Samples

DB_OF_TEN = 20.0
"""dB a factor of ten, for amplitudes."""


def factor(db: float) -> float:
    """The factor of an amplitude that is `db` decibels."""
    return math.pow(10.0, db / DB_OF_TEN)


def decibels(amplitude: float) -> float:
    """`amplitude` in dB of full scale, `SILENCE_DB` at least."""
    return max(SILENCE_DB, DB_OF_TEN * math.log10(amplitude)) if amplitude > 0 else SILENCE_DB


def frames_of(milliseconds: float, rate: int) -> int:
    """The nearest number of frames, 1 at least."""
    return max(1, round(milliseconds * rate / 1000))


def finite(samples: Samples) -> Samples:
    """A copy in which what is no number is 0, and what is infinite is full scale."""
    return np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)


def peak(samples: Samples) -> float:
    """Highest size of any sample, not finite if any is not; 0 for no frames.

    Two passes without a temporary: half the cost of abs and max.
    """
    return max(float(samples.max()), -float(samples.min())) if len(samples) else 0.0


def peaks(samples: Samples) -> npt.NDArray[np.float32]:
    """Of each frame the size of its largest channel; shape (frames,)."""
    highest: npt.NDArray[np.float32] = np.abs(samples[:, 0])
    for channel in range(1, samples.shape[1]):
        np.maximum(highest, np.abs(samples[:, channel]), out=highest)
    return highest


def scaled(samples: Samples, gains: Sequence[float]) -> Samples:
    """Each channel times its gain. `samples` itself where all are 1.

    Channel by channel when they differ: numpy is ten times slower when it spreads a short row over all frames.
    """
    first = gains[0]
    if all(gain == first for gain in gains):
        if first == 1.0:
            return samples
        return np.zeros_like(samples) if first == 0.0 else samples * np.float32(first)
    out = np.empty_like(samples)
    for channel, gain in enumerate(gains):
        np.multiply(samples[:, channel], np.float32(gain), out=out[:, channel])
    return out
