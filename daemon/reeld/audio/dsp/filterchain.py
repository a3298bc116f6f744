"""FFmpeg's sound filters, one after the other, as a kernel. Imported only where a node needs it."""

import math
from collections.abc import Sequence
from typing import cast

import av
import numpy as np
from av.filter import Graph

from reeld.audio.dsp.levels import finite, peak
from reeld.audio.samples import Samples, join
from reeld_proto.sound_graph import AnyNode

Filter = tuple[str, str]
"""Name and arguments, as FFmpeg's documentation has them."""


SPEAKERS = [*range(18), *range(29, 45)]
"""The bits of a mask of FFmpeg that stand for a speaker, in its order."""


NOTHING = 1e-15
"""What is left of sound below this, -300 dB, is forgotten."""


class FilterChain:
    """filters: of which the first takes all `inputs`; each gives every frame it takes at once. Computed on this thread.

    However blocks are cut, what comes out differs by 1e-6 at most. What is no number goes in as 0, what is infinite as
    full scale: a filter with a memory would never recover from them.

    settle_s: after so much digital silence what the filters remember counts for nothing. They rest then: memories that
    fade on become denormal numbers, with which a processor computes forty times more slowly.
    """

    latency = 0

    def __init__(
        self, filters: Sequence[Filter], rate: int, channels: int, *, inputs: int = 1, settle_s: float = 1.0
    ) -> None:
        self._rate = rate
        self._channels = channels
        self._layout = layout(channels)
        self._graph = Graph()
        self._graph.threads = 1
        entry = f"sample_rate={rate}:sample_fmt=flt:channel_layout={self._layout}:time_base=1/{rate}"
        self._sources = [self._graph.add("abuffer", entry) for _ in range(inputs)]
        steps = [self._graph.add(name, arguments or None) for name, arguments in [*filters, ("aformat", "flt")]]
        self._sink = self._graph.add("abuffersink")
        for index, source in enumerate(self._sources):
            source.link_to(steps[0], 0, index)
        for one, other in zip(steps, [*steps[1:], self._sink], strict=True):
            one.link_to(other)
        self._graph.configure(auto_buffer=False)
        self._taken = 0
        self._settle_frames = round(settle_s * rate)
        self._silent_frames = 0
        self._left = 0.0

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames."""
        if not len(inputs[0]):
            return inputs[0]
        levels = [peak(samples) for samples in inputs]
        resting = self._silent_frames > self._settle_frames and self._left < NOTHING
        self._silent_frames = 0 if any(levels) else self._silent_frames + len(inputs[0])
        if resting and self._silent_frames:
            return np.zeros_like(inputs[0])
        for source, samples, level in zip(self._sources, inputs, levels, strict=True):
            source.push(self._frame(samples if math.isfinite(level) else finite(samples)))
        self._taken += len(inputs[0])
        out = join(self._pull())
        if self._silent_frames:
            self._left = peak(out)
        return out

    def adjust(self, node: AnyNode) -> bool:  # noqa: ARG002 - the interface of a kernel
        """Nothing can be changed."""
        return False

    def _frame(self, samples: Samples) -> av.AudioFrame:
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._taken
        return frame

    def _pull(self) -> list[Samples]:
        parts: list[Samples] = []
        while True:
            try:
                frame = cast("av.AudioFrame", self._sink.pull())
            except av.BlockingIOError:
                return parts
            parts.append(np.asarray(frame.to_ndarray(), np.float32).reshape(-1, self._channels))


def layout(channels: int) -> str:
    """A layout of the first `channels` speakers: without any, FFmpeg's filters leave all channels as they are."""
    return hex(sum(1 << bit for bit in SPEAKERS[:channels]))
