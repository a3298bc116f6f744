"""Loudness by ITU-R BS.1770 and EBU R128."""

import math
from collections import deque

import numpy as np

from reeld.audio.dsp.biquads import k_weighting
from reeld.audio.dsp.filterchain import FilterChain
from reeld.audio.samples import Samples

WINDOWS_A_SECOND = 10
MOMENTARY_WINDOWS = 4
SHORT_TERM_WINDOWS = 30
SILENT_LUFS = -70.0
"""Of what is below this R128 takes no notice; nothing is told below it."""
GATE_LU = 10.0
"""What is this far below the average of the rest does not count either."""
BINS_A_LU = 100
BINS = 80 * BINS_A_LU
WEIGHTS = {6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41), 8: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41, 1.41, 1.41)}
"""Of channels, in FFmpeg's order: bass does not count, what comes from behind more. Otherwise all count alike."""


class LoudnessMeter:
    """Loudness in LUFS, new each 100 ms.

    `momentary` is of the last 400 ms, `short_term` of the last 3 s, as far as there is so much; `integrated` of all,
    gated, from a histogram of 0.01 LU, so that its memory does not grow.
    Within 0.1 LU of FFmpeg's `ebur128`; however blocks are cut, within 0.001 LU.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.momentary = self.short_term = self.integrated = SILENT_LUFS
        self._rate = rate
        self._weights = WEIGHTS.get(channels, (1.0,) * channels)
        self._filter = FilterChain([("biquad", stage.arguments()) for stage in k_weighting(rate)], rate, channels)
        self._powers: deque[float] = deque(maxlen=SHORT_TERM_WINDOWS)
        self._counts = np.zeros(BINS)
        self._sums = np.zeros(BINS)
        self._window = 0
        self._frame = self._start = 0
        self._energy = 0.0

    @property
    def room(self) -> int:
        """Frames until the next 100 ms are full; 1 at least."""
        return (self._window + 1) * self._rate // WINDOWS_A_SECOND - self._frame

    def observe(self, samples: Samples) -> None:
        """Take in the next frames."""
        done = 0
        while done < len(samples):
            part = samples[done : done + self.room]
            self._add(part)
            done += len(part)

    def _add(self, samples: Samples) -> None:
        heard = self._filter.process([samples])
        for channel, weight in enumerate(self._weights):
            wave = heard[:, channel]
            self._energy += weight * float(np.dot(wave, wave))
        full = self.room == len(samples)
        self._frame += len(samples)
        if full:
            self._powers.append(self._energy / (self._frame - self._start))
            self._window += 1
            self._start, self._energy = self._frame, 0.0
            self._tell()

    def _tell(self) -> None:
        powers = list(self._powers)
        power = sum(powers[-MOMENTARY_WINDOWS:]) / min(len(powers), MOMENTARY_WINDOWS)
        self.momentary = loudness(power)
        self.short_term = loudness(sum(powers) / len(powers))
        if self._window >= MOMENTARY_WINDOWS and self.momentary > SILENT_LUFS:
            index = min(BINS - 1, int((self.momentary - SILENT_LUFS) * BINS_A_LU))
            self._counts[index] += 1
            self._sums[index] += power
            self.integrated = self._gated()

    def _gated(self) -> float:
        gate = loudness(float(self._sums.sum() / self._counts.sum())) - GATE_LU
        first = max(0, math.ceil((gate - SILENT_LUFS) * BINS_A_LU))
        count = float(self._counts[first:].sum())
        return loudness(float(self._sums[first:].sum()) / count) if count else SILENT_LUFS


def loudness(power: float) -> float:
    """Of a weighted mean square, in LUFS, `SILENT_LUFS` at least."""
    return max(SILENT_LUFS, -0.691 + 10 * math.log10(power)) if power > 0 else SILENT_LUFS
