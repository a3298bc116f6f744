"""What a sample is here, and the arithmetic between frames and nanoseconds.

A frame is one sample of every channel. Inside the box all sound is float32, shape (frames, channels), range [-1, 1].
Devices give RATE and CHANNELS; nodes of the graph may change both.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reeld_proto.units import NS_PER_S

RATE = 48_000
"""Frames a second of devices and, unless a node changes it, of the graph."""
CHANNELS = 2

Samples = npt.NDArray[np.float32]
"""float32, shape (frames, channels), range [-1, 1]."""


def silence(frames: int, channels: int = CHANNELS) -> Samples:
    """`frames` frames of digital silence."""
    return np.zeros((frames, channels), np.float32)


def join(parts: Sequence[Samples]) -> Samples:
    """`parts` one after the other; the part itself, not a copy, when there is one."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else silence(0)


def frames_to_ns(frames: int, rate: int = RATE) -> int:
    """Instant at which frame number `frames` begins, counted from frame 0; rounded down."""
    return frames * NS_PER_S // rate


def ns_to_frames(ns: int, rate: int = RATE) -> int:
    """Number of frames that begin before `ns`: the inverse of `frames_to_ns`, rounded up."""
    return -(-ns * rate // NS_PER_S)


def nearest_frame(ns: int, rate: int = RATE) -> int:
    """The frame whose beginning is nearest to `ns`; may be negative."""
    return (2 * ns * rate + NS_PER_S) // (2 * NS_PER_S)
