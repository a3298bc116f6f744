"""Peak and root mean square of each 100 ms. Pure."""

import math

import numpy as np

from reeld.audio.dsp.levels import decibels
from reeld.audio.dsp.observations import Level, Observation
from reeld.audio.samples import Samples

WINDOWS_A_SECOND = 10


class Meter:
    """Levels of windows of 100 ms from the first frame on; the last may be shorter.

    Window n begins with frame n * rate // 10, so that rates which ten does not divide drift by nothing. Peaks are
    exact; however blocks are cut, root mean squares differ by 0.001 dB at most.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._window = 0
        self._frame = 0
        self._begin()

    def observe(self, samples: Samples) -> list[Observation]:
        """The windows that `samples` complete."""
        levels: list[Observation] = []
        done = 0
        while done < len(samples):
            part = samples[done : done + self._end - self._frame]
            self._add(part)
            done += len(part)
            self._frame += len(part)
            if self._frame == self._end:
                levels.append(self._level())
                self._window += 1
                self._begin()
        return levels

    def finish(self) -> list[Observation]:
        """The window that is not complete, if it has any frame."""
        return [self._level()] if self._frame > self._start else []

    def _begin(self) -> None:
        self._start = self._window * self._rate // WINDOWS_A_SECOND
        self._end = (self._window + 1) * self._rate // WINDOWS_A_SECOND
        self._peaks = [0.0] * self._channels
        self._squares = [0.0] * self._channels

    def _add(self, samples: Samples) -> None:
        for channel in range(self._channels):
            wave = samples[:, channel]
            self._peaks[channel] = max(self._peaks[channel], float(wave.max()), -float(wave.min()))
            self._squares[channel] += float(np.dot(wave, wave))

    def _level(self) -> Level:
        frames = self._frame - self._start
        return Level(
            start_frame=self._start,
            end_frame=self._frame,
            peak_db=tuple(decibels(value) for value in self._peaks),
            rms_db=tuple(decibels(math.sqrt(value / frames)) for value in self._squares),
        )
