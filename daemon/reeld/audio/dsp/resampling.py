"""Another rate, by soxr. Pure."""

import numpy as np
import soxr

from reeld.audio.samples import Samples

QUALITY = "HQ"
"""20 bits: distortion and noise below -100 dB, at half the price of `VHQ`."""


class FixedResampler:
    """From one rate to another: frame k of what comes out lies where frame k * given / wanted of what goes in lies.

    The filter's delay is compensated, so frames come late, the last of them with `last`, and n frames become exactly
    round(n * wanted / given), half a frame rounded up. Bit-identical however blocks are cut. Used by one thread.
    """

    def __init__(self, given: int, wanted: int, channels: int) -> None:
        self._given = given
        self._wanted = wanted
        self._channels = channels
        self._stream = (
            None if given == wanted else soxr.ResampleStream(given, wanted, channels, dtype="float32", quality=QUALITY)
        )
        self._taken = 0
        self._made = 0
        self._ended = False

    def resample(self, samples: Samples, *, last: bool = False) -> Samples:
        """The frames that `samples` complete; the block itself where the rates are the same. `last` is given once."""
        if self._ended or not (last or len(samples)):
            return np.zeros((0, self._channels), np.float32)
        self._ended = last
        self._taken += len(samples)
        if self._stream is None:
            return samples
        out: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        if last:
            out = self._exactly(out)
        self._made += len(out)
        return out

    def _exactly(self, out: Samples) -> Samples:
        """The last block, as long as it must be: soxr rounds to even, and gives nothing for a frame or two."""
        frames = resampled_frames(self._taken, self._given, self._wanted) - self._made
        missing = max(0, frames - len(out))
        return np.concatenate([out, np.zeros((missing, self._channels), np.float32)]) if missing else out[:frames]


def resampled_frames(frames: int, given: int, wanted: int) -> int:
    """How many frames `frames` frames become."""
    return (2 * frames * wanted + given) // (2 * given)
