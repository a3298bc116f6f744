"""Peaks between samples, as they appear once the sound is played. Pure."""

import numpy as np

from reeld.audio.dsp.levels import peak, peaks
from reeld.audio.dsp.limiter import PeakLimiter
from reeld.audio.dsp.lookahead import Curve
from reeld.audio.samples import Samples

OVERSAMPLING = 4
HALF_TAPS = 12
"""Frames on each side that a value between two samples is made of."""


def between() -> tuple[Curve, ...]:
    """Filters that give the values 1/4, 2/4 and 3/4 of the way between two samples, from 2 * HALF_TAPS of them."""
    places = np.arange(-HALF_TAPS + 1, HALF_TAPS + 1)
    filters = []
    for step in range(1, OVERSAMPLING):
        distances = places - step / OVERSAMPLING
        window = np.i0(8.0 * np.sqrt(np.maximum(0.0, 1 - (distances / HALF_TAPS) ** 2))) / np.i0(8.0)
        taps = np.sinc(distances) * window
        filters.append(taps / taps.sum())
    return tuple(filters)


FILTERS = between()
WORST = max(float(np.abs(taps).sum()) for taps in FILTERS)
"""No value between samples is higher than this times the highest sample around it."""


class TruePeakLimiter(PeakLimiter):
    """A limiter whose ceiling holds between samples too: within 0.1 dB as meters by BS.1770 see it.

    They too look at three places between two samples; what lies between those is 0.45 dB higher at worst.
    """

    def __init__(self, ceiling_db: float, lookahead_frames: int, release_frames: float, channels: int) -> None:
        super().__init__(ceiling_db, lookahead_frames, release_frames, channels, lag=HALF_TAPS)
        self._before: Samples = np.zeros((2 * HALF_TAPS, channels), np.float32)
        self._last = 0.0

    def passes(self, samples: Samples, level: float) -> bool:
        """Whether nothing between samples can be over the ceiling."""
        if max(level, peak(self._before)) * WORST > self._ceiling:
            return False
        self._before = np.concatenate([self._before, samples[-2 * HALF_TAPS :]])[-2 * HALF_TAPS :]
        self._last = 0.0
        return True

    def heights(self, samples: Samples) -> Curve:
        """Of each frame, `HALF_TAPS` late, the highest value around it up to its neighbours, of any channel."""
        joined = np.concatenate([self._before, samples])
        self._before = joined[-2 * HALF_TAPS :].copy()
        here = peaks(joined[HALF_TAPS : HALF_TAPS + len(samples)])
        after = np.zeros(len(samples))
        for channel in range(joined.shape[1]):
            wave = joined[1:, channel].astype(np.float64)
            for taps in FILTERS:
                np.maximum(after, np.abs(np.correlate(wave, taps, mode="valid")), out=after)
        # What lies between two frames is lowered by the gains of both.
        before = np.concatenate([[self._last], after[:-1]])
        self._last = float(after[-1])
        highest: Curve = np.maximum(np.maximum(before, after), here)
        return highest
