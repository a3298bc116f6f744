"""Less of a steady noise. Pure.

DESIGN: measured, FFmpeg's `afftdn` does not follow a noise louder than it was told to expect (2 of 12 dB taken off),
and the bindings of RNNoise bring matplotlib or have no types. This is the textbook's way: in overlapping frames, of
each frequency the noise is tracked by its minima, and a Wiener filter whose signal-to-noise ratio is estimated
decision-directed (Ephraim and Malah), which keeps what is left from tinkling.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from reeld.audio.dsp.levels import factor, finite
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, DenoiserNode

STEP_S = 512 / 48_000
SMOOTHING = 0.85
"""Part of the former spectrum in the one whose minima are tracked."""
RISE_DB_A_SECOND = 6.0
"""How fast the tracked noise rises while the sound is louder: slower than words follow each other."""
BIAS = 1.5
"""By what factor noise is louder, on average, than its tracked minima."""
MEMORY = 0.97
"""Part of the last frame in the estimated signal-to-noise ratio."""

Spectrum = npt.NDArray[np.float32]


class Denoiser:
    """All channels together, so that nothing moves to a side. Takes off `reduction_db` where there is only noise.

    Latency: two steps less a frame, 1023 frames at 48 kHz (21 ms). Bit-identical however blocks are cut. What is no
    number goes in as 0.
    """

    def __init__(self, node: DenoiserNode, rate: int, channels: int) -> None:
        self._step = max(8, round(rate * STEP_S))
        self.latency = 2 * self._step - 1
        self._least = np.float32(factor(-node.reduction_db))
        self._window = np.sin(np.pi * (np.arange(2 * self._step) + 0.5) / (2 * self._step)).astype(np.float32)[:, None]
        self._rise = np.float32(10 ** (RISE_DB_A_SECOND * self._step / rate / 10))
        # Of white noise each frequency has as much power as the window lets in of it.
        expected = factor(node.floor_db) ** 2 * self._step * channels
        bins = self._step + 1
        self._noise: Spectrum = np.full(bins, expected / BIAS, np.float32)
        self._smooth: Spectrum | None = None
        self._kept: Spectrum = np.zeros(bins, np.float32)
        self._before: Samples = np.zeros((self._step, channels), np.float32)
        self._taken: Samples = np.zeros((0, channels), np.float32)
        self._given: Samples = np.zeros((self._step - 1, channels), np.float32)
        self._overlap: Samples = np.zeros((self._step, channels), np.float32)

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        (samples,) = inputs
        waiting = np.concatenate([self._taken, samples])
        whole = len(waiting) // self._step * self._step
        steps = [self._denoised(waiting[start : start + self._step]) for start in range(0, whole, self._step)]
        self._taken = waiting[whole:].copy()
        given = np.concatenate([self._given, *steps])
        self._given = given[len(samples) :].copy()
        return given[: len(samples)]

    def adjust(self, node: AnyNode) -> bool:
        """Another reduction counts from the next step on; steps overlap, so it does not click."""
        if not isinstance(node, DenoiserNode):
            return False
        self._least = np.float32(factor(-node.reduction_db))
        return True

    def _denoised(self, step: Samples) -> Samples:
        """The step before `step`, whose second half of windows is there now."""
        step = finite(step)
        frame = np.concatenate([self._before, step])
        self._before = step
        spectrum = np.fft.rfft(frame * self._window, axis=0)
        power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1, dtype=np.float32)
        spectrum *= self._gains(power)[:, None]
        back = np.fft.irfft(spectrum, len(frame), axis=0).astype(np.float32) * self._window
        out: Samples = self._overlap + back[: self._step]
        self._overlap = back[self._step :]
        return out

    def _gains(self, power: Spectrum) -> Spectrum:
        self._smooth = power if self._smooth is None else SMOOTHING * self._smooth + (1 - SMOOTHING) * power
        # Digital silence would else be the quietest noise of all, and take seconds to forget.
        heard = self._smooth > np.float32(1e-12)
        self._noise = np.where(heard, np.minimum(self._noise * self._rise, self._smooth), self._noise)
        noise = self._noise * np.float32(BIAS)
        ratio = MEMORY * (self._kept / noise) + (1 - MEMORY) * np.maximum(power / noise - 1, 0)
        gains: Spectrum = np.maximum(ratio / (1 + ratio), self._least)
        self._kept = gains * gains * power
        return gains
