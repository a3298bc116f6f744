"""Where it is silent. Pure."""

import numpy as np

from reeld.audio.dsp.levels import factor, frames_of, peak, peaks
from reeld.audio.dsp.observations import Heard, Kind, Observation
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import SilenceDetectorNode


class SilenceDetector:
    """Spans in which no sample of any channel is over the threshold for `duration_ms` at least, to the frame."""

    def __init__(self, node: SilenceDetectorNode, rate: int) -> None:
        self._threshold = factor(node.threshold_db)
        self._duration = frames_of(node.duration_ms, rate)
        self._frame = 0
        self._start = 0
        self._open = False

    def observe(self, samples: Samples) -> list[Observation]:
        """Spans that become certain, and that end, in `samples`."""
        said: list[Observation] = []
        if peak(samples) > self._threshold:
            loud = np.flatnonzero(peaks(samples) > self._threshold) + self._frame
            borders = np.concatenate([[self._start - 1], loud])
            # Before the first loud frame an open span may end; between others only long gaps matter.
            wide = np.flatnonzero(np.diff(borders) > self._duration)
            if self._open and not (len(wide) and wide[0] == 0):
                wide = np.concatenate([[0], wide])
            for index in wide:
                self._begin(int(borders[index]) + 1, said)
                self._end(int(borders[index + 1]), said)
            self._start = int(loud[-1]) + 1
        self._frame += len(samples)
        if self._frame - self._start >= self._duration:
            self._begin(self._start, said)
        return said

    def finish(self) -> list[Observation]:
        """The span that is open ends with the last frame."""
        said: list[Observation] = []
        if self._open:
            self._end(self._frame, said)
        return said

    def _begin(self, start: int, said: list[Observation]) -> None:
        if not self._open:
            self._open, self._start = True, start
            said.append(Heard(start, None, Kind.SILENCE))

    def _end(self, end: int, said: list[Observation]) -> None:
        self._open = False
        said.append(Heard(self._start, end, Kind.SILENCE))
