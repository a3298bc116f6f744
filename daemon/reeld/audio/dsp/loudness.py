"""Loudness by EBU R128 brought to a target while it runs.

DESIGN: FFmpeg's `loudnorm` makes sound 3 s late and costs five times as much, since it works at 192 kHz. Here a gain
follows the meter: what has been heard so far is brought to the target, and what strays from that by more than half of
the range is brought back. It is of the last 100 ms at the latest, and a limiter keeps true peaks down.
"""

from collections.abc import Sequence

import numpy as np

from reeld.audio.dsp.levels import factor, frames_of, scaled
from reeld.audio.dsp.limiter import multiply, release_frames
from reeld.audio.dsp.loudness_meter import SILENT_LUFS, LoudnessMeter
from reeld.audio.dsp.truepeak import TruePeakLimiter
from reeld.audio.samples import Samples, join
from reeld_proto.sound_graph import AnyNode, LoudnessNode

LOOKAHEAD_MS = 5.0
RELEASE_MS = 100.0
GAIN_DB_MAX = 30.0
GAIN_DB_MIN = -60.0
RISE_DB = 0.3
FALL_DB = 1.0
"""Most that the gain rises and falls in 100 ms."""
PAUSE_LU = 20.0
"""What is this far below all that was heard is a pause: the gain stays."""


class Loudness:
    """Reaches the target within 1 LU some seconds after sound begins; true peaks stay below theirs within 0.1 dB.

    Latency: the limiter's, 252 frames at 48 kHz. However blocks are cut, what comes out differs by 1e-4 of it at most.
    """

    def __init__(self, node: LoudnessNode, rate: int, channels: int) -> None:
        self._node = node
        self._release = release_frames(RELEASE_MS, rate)
        self._meter = LoudnessMeter(rate, channels)
        self._limiter = TruePeakLimiter(node.true_peak_db, frames_of(LOOKAHEAD_MS, rate), self._release, channels)
        self.latency = self._limiter.latency
        self._from_db = self._to_db = 0.0
        self._window = self._meter.room

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        (samples,) = inputs
        parts: list[Samples] = []
        done = 0
        while done < len(samples):
            part = samples[done : done + self._meter.room]
            done += len(part)
            parts.append(self._raised(part))
            full = self._meter.room == len(part)
            self._meter.observe(part)
            if full:
                self._follow()
        return self._limiter.process(join(parts)) if parts else samples

    def adjust(self, node: AnyNode) -> bool:
        """Go towards the new target from here."""
        if not isinstance(node, LoudnessNode):
            return False
        self._node = node
        self._limiter.change(node.true_peak_db, self._release)
        return True

    def _raised(self, samples: Samples) -> Samples:
        """`samples` times the gain, which goes from one of its values to the next in 100 ms."""
        if self._from_db == self._to_db:
            return scaled(samples, [factor(self._to_db)] * samples.shape[1])
        begun = self._window - self._meter.room
        places = np.arange(begun, begun + len(samples)) / self._window
        out = np.empty_like(samples)
        multiply(samples, np.power(10.0, (self._from_db + places * (self._to_db - self._from_db)) / 20), out)
        return out

    def _follow(self) -> None:
        """Choose the gain that is reached at the end of the next 100 ms."""
        self._window = self._meter.room
        self._from_db = self._to_db
        meter, node = self._meter, self._node
        if meter.momentary <= max(SILENT_LUFS, meter.integrated - PAUSE_LU):
            return
        wanted = node.target_lufs - meter.integrated
        stray = meter.short_term - meter.integrated
        wanted -= stray - min(max(stray, -node.range_lu / 2), node.range_lu / 2)
        wanted = min(max(wanted, GAIN_DB_MIN), GAIN_DB_MAX)
        self._to_db = self._from_db + min(max(wanted - self._from_db, -FALL_DB), RISE_DB)
