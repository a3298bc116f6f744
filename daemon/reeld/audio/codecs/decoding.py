"""What FFmpeg's decoders give, as samples."""

from typing import Any

import numpy as np

from reeld.audio.samples import Samples

_FULL_SCALE = {"int16": 2**15, "int32": 2**31, "int64": 2**63}


def samples_of(frame: Any) -> Samples:
    """A decoded `av.AudioFrame` as float32, shape (frames, its channels); maybe not to be written to.

    Whole numbers of up to 24 bits and float stay what they are: float32 holds them, and a division by a power of two
    changes no bit.
    """
    found: np.ndarray[Any, Any] = frame.to_ndarray()
    found = found.T if frame.format.is_planar else found.reshape(-1, frame.layout.nb_channels)
    if found.dtype == np.uint8:
        found = (found.astype(np.float32) - 128) / 128
    elif found.dtype.kind == "i":
        found = found.astype(np.float32) / np.float32(_FULL_SCALE[found.dtype.name])
    return np.asarray(found, np.float32)


def in_channels(samples: Samples, channels: int) -> Samples:
    """The same sound in so many channels: on all as loud as it was, or the mean of what does not fit."""
    if samples.shape[1] == channels:
        return samples
    if samples.shape[1] > 1:
        samples = samples.mean(axis=1, keepdims=True)
    return np.repeat(samples, channels, axis=1)
