"""What observers say about sound. Frames are counted from the graph's start at the rate of the edge listened to."""

from dataclasses import dataclass
from enum import StrEnum

SILENCE_DB = -120.0
"""Levels are never told below this: digital silence has none."""


class Kind(StrEnum):
    """What a span is a span of."""

    SILENCE = "silence"
    VOICE = "voice"


@dataclass(frozen=True)
class Level:
    """Frames [start_frame, end_frame): highest sample and root mean square of each channel, dB of full scale."""

    start_frame: int
    end_frame: int
    peak_db: tuple[float, ...]
    rms_db: tuple[float, ...]


@dataclass(frozen=True)
class Heard:
    """A span. It is told twice: open, with no end, once it is certain, and again with its end when that is known.

    Both have the same `start_frame`, which may lie well before the frame at which it became certain.
    """

    start_frame: int
    end_frame: int | None
    kind: Kind

    @property
    def is_open(self) -> bool:
        """Whether its end is still to come."""
        return self.end_frame is None


Observation = Level | Heard
