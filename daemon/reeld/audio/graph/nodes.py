"""The nodes of the graph. Pure but for what sources and sinks are given to call."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import soxr

from reeld.audio.graph.edge import Edge
from reeld.audio.samples import CHANNELS, RATE, Samples, silence

KNEE = 0.8
"""Up to this level the mixer is exactly linear; above it the sum bends towards 1 instead of clipping hard."""


class Node(Protocol):
    """A step of the graph. `inputs_max`: how many edges may lead to it; `outputs`: whether any may leave it.

    All methods are called by the thread that pulls the graph.
    """

    name: str
    inputs_min: int
    inputs_max: int
    outputs: bool

    def process(self, inputs: Sequence[Edge], *, last: bool) -> Samples:
        """Take what is usable from `inputs` and give the frames that follow; `last` means that no more will come."""
        ...


class Source:
    """Frames from outside. `read` gives those that are new since its last call, in order, possibly none."""

    inputs_min = inputs_max = 0
    outputs = True

    def __init__(self, name: str, read: Callable[[], Samples]) -> None:
        self.name = name
        self._read = read

    def process(self, inputs: Sequence[Edge], *, last: bool) -> Samples:  # noqa: ARG002 - the interface of a node
        """What the device gave."""
        return self._read()


class Resampler:
    """From any rate to RATE with soxr's HQ filter; n frames become round(n * RATE / rate), the delay compensated."""

    inputs_min = inputs_max = 1
    outputs = True

    def __init__(self, name: str, rate: int) -> None:
        self.name = name
        self._stream = soxr.ResampleStream(rate, RATE, CHANNELS, dtype="float32", quality="HQ")
        self._flushed = False

    def process(self, inputs: Sequence[Edge], *, last: bool) -> Samples:
        """Resample everything that waits; the filter's last frames come with `last`."""
        (edge,) = inputs
        return self.resample(edge.pop(len(edge)), last=last)

    def resample(self, samples: Samples, *, last: bool = False) -> Samples:
        """The frames that `samples` complete."""
        if self._flushed or not (last or len(samples)):
            return silence(0)
        self._flushed = last
        out: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        return out


class Mixer:
    """Sum of all inputs, frame by frame: n frames come out once every input has n. Softly limited above KNEE.

    With `last` an input that ended early counts as silent, so no tail of another one is lost.
    """

    inputs_min = 1
    inputs_max = 8
    outputs = True

    def __init__(self, name: str) -> None:
        self.name = name

    def process(self, inputs: Sequence[Edge], *, last: bool) -> Samples:
        """Sum what all inputs have."""
        lengths = [len(edge) for edge in inputs]
        frames = max(lengths) if last else min(lengths)
        if not frames:
            return silence(0)
        out = silence(frames)
        for edge in inputs:
            part = edge.pop(frames)
            out[: len(part)] += part
        return soft_limit(out)


class Sink:
    """Gives every frame to `write`, in order."""

    inputs_min = inputs_max = 1
    outputs = False

    def __init__(self, name: str, write: Callable[[Samples], None]) -> None:
        self.name = name
        self._write = write

    def process(self, inputs: Sequence[Edge], *, last: bool) -> Samples:  # noqa: ARG002 - the interface of a node
        """Hand on everything that waits."""
        (edge,) = inputs
        if len(edge):
            self._write(edge.pop(len(edge)))
        return silence(0)


def soft_limit(samples: Samples) -> Samples:
    """`samples` bent into [-1, 1] in place: unchanged up to KNEE, above it KNEE + (1 - KNEE) * tanh of the excess."""
    if max(float(samples.max()), -float(samples.min())) > KNEE:
        size = np.abs(samples)
        over = size > KNEE
        bent = KNEE + (1 - KNEE) * np.tanh((size[over] - KNEE) / (1 - KNEE))
        samples[over] = np.copysign(bent, samples[over])
    return samples
