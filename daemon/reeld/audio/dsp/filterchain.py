"""FFmpeg's sound filters, one after the other, as a kernel. Imported only where a node needs it."""

import math
from collections.abc import Sequence

import av
import numpy as np
from av.filter import Graph

from reeld.audio.dsp.levels import peak
from reeld.audio.samples import Samples, join
from reeld_proto.sound_graph import AnyNode

Filter = tuple[str, str]
"""Name and arguments, as FFmpeg's documentation has them."""


SPEAKERS = [*range(18), *range(29, 45)]
"""The bits of a mask of FFmpeg that stand for a speaker, in its order."""


class FilterChain:
    """filters: of which the first takes all `inputs` and none changes rate or channels. Computed on this thread.

    lag: frames by which the filters themselves make sound late. step: they give frames only in multiples of it; it
    is evened out by as much latency. Bit-identical however blocks are cut. What is no number goes in as 0, what is
    infinite as full scale: a filter with a memory would never recover from them.
    """

    def __init__(
        self, filters: Sequence[Filter], rate: int, channels: int, *, inputs: int = 1, lag: int = 0, step: int = 1
    ) -> None:
        self.latency = lag + step - 1
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
        self._first = steps[0]
        self._taken = 0
        self._waiting: Samples = np.zeros((step - 1, channels), np.float32)

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        frames = len(inputs[0])
        if not frames:
            return inputs[0]
        for source, samples in zip(self._sources, inputs, strict=True):
            source.push(self._frame(samples))
        self._taken += frames
        given = join([self._waiting, *self._pull()]) if len(self._waiting) else join(self._pull())
        out, self._waiting = given[:frames], given[frames:]
        return out

    def adjust(self, node: AnyNode) -> bool:  # noqa: ARG002 - the interface of a kernel
        """Nothing can be changed."""
        return False

    def order(self, command: str, value: str) -> None:
        """Change an argument of the first filter while it runs."""
        self._first.process_command(command, value)

    def _frame(self, samples: Samples) -> av.AudioFrame:
        if not math.isfinite(peak(samples)):
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._taken
        return frame

    def _pull(self) -> list[Samples]:
        parts: list[Samples] = []
        while True:
            try:
                frame = self._sink.pull()
            except av.BlockingIOError:
                return parts
            assert isinstance(frame, av.AudioFrame)
            parts.append(frame.to_ndarray().reshape(-1, self._channels))


def layout(channels: int) -> str:
    """A layout of the first `channels` speakers: without any, FFmpeg's filters leave all channels as they are."""
    return hex(sum(1 << bit for bit in SPEAKERS[:channels]))
