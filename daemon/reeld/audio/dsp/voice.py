"""Where somebody speaks: cheap, from the sound alone. Pure.

DESIGN: at 8 kHz or near it, each 20 ms, a frame of 40 ms is voiced when it is well above the noise, which is tracked,
and repeats itself at a pitch of 70 to 400 Hz. Noise does not repeat itself; what hums or beeps does, but it stays the
same, so a span begins only where voiced frames differ from each other. Speech and song are the same to it, and who
whispers is not heard.
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reeld.audio.dsp.observations import Heard, Kind, Observation
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import VoiceDetectorNode

WORKING_RATE = 8_000
STEPS_A_SECOND = 50
BAND_HZ = (150.0, 3_600.0)
PITCH_HZ = (70.0, 400.0)
FLOOR_DB_MIN = -75.0
"""Noise is taken to be this loud at least."""
FLOOR_RISE_DB = 0.04
"""How much the floor rises in a step: 2 dB a second, as slow as no voice is steady."""
EMPHASIS = 1.5
PITCHED = 0.5
"""Part of the energy that must repeat itself at a pitch."""
WATCHED_STEPS = 15
VOICED_STEPS_MIN = 7
"""So many of the watched steps must be voiced before a span begins."""
CHANGE_DB_MIN = 0.8
"""How much neighbouring voiced steps must differ, in the middle of all of them; hums and beeps: 0."""
HANGOVER_STEPS = 20
"""A span goes on over pauses as long as this: 400 ms."""
TAIL_STEPS = 3
"""How long after its last voiced step a span ends: 60 ms for a last consonant."""


@dataclass(frozen=True)
class _Step:
    index: int
    voiced: bool
    level_db: float


class VoiceDetector:
    """Spans of voice, to 20 ms. What it says does not depend on how the sound is cut into blocks."""

    def __init__(self, node: VoiceDetectorNode, rate: int) -> None:
        self._margin_db = node.margin_db
        self._analysis = _Analysis(rate)
        self._hop = self._analysis.hop
        self._rest: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._frame = 0
        self._index = 0
        self._floor_db: float | None = None
        self._steps: deque[_Step] = deque(maxlen=WATCHED_STEPS)
        self._start: int | None = None
        self._last_voiced = 0

    def observe(self, samples: Samples) -> list[Observation]:
        """Spans that become certain, and that end, in `samples`."""
        said: list[Observation] = []
        self._frame += len(samples)
        mono = samples[:, 0].copy()
        for channel in range(1, samples.shape[1]):
            mono += samples[:, channel]
        mono /= np.float32(samples.shape[1])
        waiting = np.concatenate([self._rest, mono])
        whole = len(waiting) // self._hop * self._hop
        if whole:
            for level_db, pitched in zip(*self._analysis.take(waiting[:whole]), strict=True):
                self._take(level_db, pitched, said)
        self._rest = waiting[whole:].copy()
        return said

    def finish(self) -> list[Observation]:
        """The span that is open ends."""
        return [] if self._start is None else [self._ended(self._start)]

    def _take(self, level_db: float, pitched: float, said: list[Observation]) -> None:
        floor_db = level_db if self._floor_db is None else self._floor_db
        floor_db = max(FLOOR_DB_MIN, floor_db + min(FLOOR_RISE_DB, 0.3 * (level_db - floor_db)))
        self._floor_db = floor_db
        voiced = level_db > floor_db + self._margin_db and pitched > PITCHED
        self._steps.append(_Step(self._index, voiced, level_db))
        self._index += 1
        if voiced and self._start is not None:
            self._last_voiced = self._index
        elif self._start is None and voiced and self._is_speech():
            self._last_voiced = self._index
            # The analysed frame reaches one step further back than its own.
            first = next(step.index for step in self._steps if step.voiced)
            self._start = max(0, first - 1) * self._hop
            said.append(Heard(self._start, None, Kind.VOICE))
        elif self._start is not None and self._index - self._last_voiced >= HANGOVER_STEPS:
            said.append(self._ended(self._start))

    def _is_speech(self) -> bool:
        voiced = [step for step in self._steps if step.voiced]
        if len(voiced) < VOICED_STEPS_MIN:
            return False
        changes = [abs(one.level_db - other.level_db) for one, other in pairwise(voiced)]
        return sorted(changes)[len(changes) // 2] >= CHANGE_DB_MIN

    def _ended(self, start: int) -> Heard:
        heard = Heard(start, min(self._frame, (self._last_voiced + TAIL_STEPS) * self._hop), Kind.VOICE)
        self._start = None
        self._steps.clear()
        return heard


class _Analysis:
    """Level in the voice's band and how much of it is pitched, of each step and the one before."""

    def __init__(self, rate: int) -> None:
        self._factor = max(1, rate // WORKING_RATE)
        working = rate / self._factor
        size = max(4, round(working / STEPS_A_SECOND))
        self.hop = size * self._factor
        self._size = size
        self._before: npt.NDArray[np.float32] = np.zeros(size, np.float32)
        self._window = np.hanning(2 * size + 2)[1:-1]
        self._transform = 1 << (4 * size - 1).bit_length()
        bins = np.fft.rfftfreq(self._transform, 1 / working)
        self._band = (bins >= BAND_HZ[0]) & (bins <= min(BAND_HZ[1], 0.45 * working))
        # Voices, like noise of the world, fall with frequency; so levelled, only what has a pitch repeats itself.
        self._emphasis = bins**EMPHASIS
        lags = np.arange(int(working / PITCH_HZ[1]), int(working / PITCH_HZ[0]) + 1)
        self._lags = lags[(lags > 0) & (lags < 2 * size)]
        own = np.fft.irfft(np.abs(np.fft.rfft(self._window, self._transform)) ** 2)
        self._taper = own[self._lags] / own[0]
        self._scale = float(np.sum(self._window**2)) * self._transform / 2

    def take(self, hops: npt.NDArray[np.float32]) -> tuple[list[float], list[float]]:
        """Of each hop the level in dB of full scale, and the part of it that is pitched."""
        slow = hops.reshape(-1, self._size, self._factor).mean(axis=2)
        frames = np.concatenate([np.concatenate([self._before[None], slow[:-1]]), slow], axis=1)
        self._before = slow[-1]
        power = np.abs(np.fft.rfft(frames * self._window, self._transform, axis=1)) ** 2 * self._band
        levels_db = 10 * np.log10(np.maximum(power.sum(axis=1) / self._scale, 1e-12))
        pitched = np.zeros(len(power))
        loud = levels_db > FLOOR_DB_MIN
        if loud.any():
            similar = np.fft.irfft(power[loud] * self._emphasis, axis=1)
            pitched[loud] = (similar[:, self._lags] / self._taper).max(axis=1) / similar[:, 0]
        return levels_db.tolist(), pitched.tolist()
