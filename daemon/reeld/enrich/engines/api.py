"""What engines look like. One is made in the enrichment worker, when its stage is opened, and kept while it is used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from reeld_proto.enrich_orders import OpenStage
from reeld_proto.findings import TextLine

Picture = npt.NDArray[np.uint8]
"""Blue, green, red, shape (height, width, 3)."""
Voice = npt.NDArray[np.float32]
"""One channel, 16 kHz, range [-1, 1], shape (frames,)."""

Vectors = npt.NDArray[np.int8]
"""Of texts, each of length 127 or 0, shape (texts, dimensions)."""

SPEECH_RATE = 16_000


@runtime_checkable
class PageReader(Protocol):
    """Finds lines of text on pictures. version: moves when it would find something else."""

    name: str
    version: str

    def read(self, picture: Picture) -> list[TextLine]:
        """The lines on a picture, in its pixels, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A word in what a listener was given, in seconds from its beginning."""

    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Listened:
    """The words in a stretch of sound, in order, and the language they are in."""

    words: list[Heard]
    language: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote: sentences with their seconds, and what was counted for it."""

    sentences: list[tuple[float, str]]
    tokens_in: int
    tokens_out: int


class Busy(Exception):
    """A service did not do it now; after so many seconds it may."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


@runtime_checkable
class Writer(Protocol):
    """Sums texts up. version: moves when it would write something else."""

    name: str
    version: str

    def sum_up(self, text: str) -> Written:
        """The text in some sentences. Raises Busy, ReeldError."""
        ...

    def cost_of(self, text: str, /) -> tuple[int, int]:
        """At most so many tokens are sent for a text, and come back."""
        ...


@runtime_checkable
class Listener(Protocol):
    """Writes down what is said. version: moves when it would find something else."""

    name: str
    version: str

    def speech(self, voice: Voice) -> list[tuple[float, float]]:
        """Where somebody speaks: stretches in seconds, in order."""
        ...

    def listen(self, voice: Voice) -> Listened:
        """The words in at most half a minute of speech, and the silence between."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Says what texts mean. version: moves when it would say something else."""

    name: str
    version: str

    def embed(self, texts: list[str]) -> Vectors:
        """The vector of each text; zeros for one without words that it knows."""
        ...


Engine = PageReader | Listener | Writer | Embedder
MakeEngine = Callable[[OpenStage], Engine]
"""Gives the engine that an order names. Raises EngineMissing."""
