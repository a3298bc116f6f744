"""How gains move from one value to another. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float32]


class Ramp:
    """Some gains that move together, on half a period of a cosine: no step, and no kink but where one is interrupted.

    A ramp that is interrupted goes on from where it is. How frames are asked for changes nothing.
    """

    def __init__(self, gains: Sequence[float]) -> None:
        self._from = self._to = np.array(gains, np.float64)
        self._frames = self._done = 0

    @property
    def moving(self) -> bool:
        """Whether the next frame is still under way."""
        return self._done < self._frames

    @property
    def gains(self) -> list[float]:
        """Where it leads, or rests."""
        return [float(gain) for gain in self._to]

    def start(self, gains: Sequence[float], frames: int) -> None:
        """Lead to `gains`, which are reached `frames` frames from here."""
        self._from = self._at(np.array([self._done]))[0] if self.moving else self._to
        self._to = np.array(gains, np.float64)
        self._frames, self._done = frames, 0

    def advance(self, frames: int) -> Curve:
        """The next frames; float32, shape (frames, gains)."""
        positions = np.arange(self._done, self._done + frames)
        self._done = min(self._frames, self._done + frames)
        return self._at(positions).astype(np.float32)

    def _at(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        part = 0.5 - 0.5 * np.cos(np.pi * np.minimum(positions, self._frames) / max(1, self._frames))
        curve: npt.NDArray[np.float64] = self._from + part[:, None] * (self._to - self._from)
        curve[positions >= self._frames] = self._to
        return curve
