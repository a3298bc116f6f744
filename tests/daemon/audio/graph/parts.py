"""Working nodes for tests: sources that give numbers, kernels with a delay, sinks that remember."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from reeld.audio.dsp.observations import Heard, Kind, Observation
from reeld.audio.graph.engine import Graph
from reeld.audio.graph.negotiation import negotiate
from reeld.audio.graph.nodes import Node, Observer, Processor, Sink, Source, Splitter
from reeld.audio.samples import Samples, join, silence
from reeld_proto.sound_graph import (
    AnyNode,
    MeterNode,
    MixerNode,
    SinkNode,
    SoundGraph,
    SourceNode,
    SplitterNode,
    VolumeNode,
)
from tests.daemon.audio.fakes import counting


class Tape:
    """Gives counted frames, as many a call as it is told to and allowed; all that are left once `freely` is set."""

    def __init__(self, lengths: Sequence[int], level: float = 1.0) -> None:
        self._lengths = list(lengths)
        self._level = np.float32(level)
        self.given = 0
        self.total = sum(lengths)
        self.freely = False

    def read(self, frames: int) -> Samples:
        wanted = self.total - self.given if self.freely else (self._lengths.pop(0) if self._lengths else 0)
        wanted = min(wanted, frames, self.total - self.given)
        self.given += wanted
        return counting(self.given - wanted, wanted) * self._level

    def whole(self) -> Samples:
        return counting(0, self.total) * self._level


class Delay:
    """Gives the sum of its inputs `latency` frames later, times `gain`."""

    def __init__(self, latency: int, gain: float = 1.0) -> None:
        self.latency = latency
        self.gain = gain
        self._held = silence(latency)

    def process(self, inputs: Sequence[Samples]) -> Samples:
        total = inputs[0].copy()
        for each in inputs[1:]:
            total += each
        both = join([self._held, total * np.float32(self.gain)])
        self._held = both[len(both) - self.latency :]
        return both[: len(total)]

    def adjust(self, node: AnyNode) -> bool:  # noqa: ARG002 - the interface of a kernel
        return False


class Broken(Delay):
    """Raises at its `at`-th block."""

    def __init__(self, latency: int, at: int) -> None:
        super().__init__(latency)
        self._left = at

    def process(self, inputs: Sequence[Samples]) -> Samples:
        self._left -= 1
        if self._left < 0:
            raise ValueError("no more")
        return super().process(inputs)


class Counter:
    """Says how far it has heard, after each block and at the end."""

    def __init__(self) -> None:
        self.seen = 0

    def observe(self, samples: Samples) -> list[Observation]:
        self.seen += len(samples)
        return [Heard(0, self.seen, Kind.VOICE)]

    def finish(self) -> list[Observation]:
        return [Heard(self.seen, None, Kind.VOICE)]


class Rig:
    """A graph of such parts. kernels: by node; mixers add, volumes delay by 0. got: what sinks have got before."""

    def __init__(
        self,
        settings: SoundGraph,
        tapes: dict[str, Tape],
        kernels: Mapping[str, Callable[[AnyNode], Delay]] | None = None,
        recover: Callable[[str, Exception], bool] = lambda _name, _error: False,
        got: dict[str, list[Samples]] | None = None,
    ) -> None:
        self.tapes = tapes
        self.got: dict[str, list[Samples]] = {} if got is None else got
        negotiated = negotiate(settings)
        parts: dict[str, Node] = {}
        for node in negotiated.graph.nodes:
            form = (negotiated.inputs.get(node.name) or [negotiated.outputs[node.name]])[0]
            if isinstance(node, SourceNode):
                parts[node.name] = Source(node.name, tapes[node.name].read, form.rate)
            elif isinstance(node, SinkNode):
                self.got.setdefault(node.name, [])
                parts[node.name] = Sink(node.name, self.got[node.name].append)
            elif isinstance(node, SplitterNode):
                parts[node.name] = Splitter(node.name)
            elif isinstance(node, MeterNode):
                parts[node.name] = Observer(node.name, form, Counter)
            else:
                make = (kernels or {}).get(node.name, self._plain)
                parts[node.name] = Processor(node, form, make, recover)
        self.graph = Graph(negotiated, parts)

    @staticmethod
    def _plain(node: AnyNode) -> Delay:
        assert isinstance(node, MixerNode | VolumeNode)
        return Delay(0, 10 ** (node.gain_db / 20))

    def run_out(self, until: int = 10**9) -> None:
        """Everything that is left, then the end."""
        for tape in self.tapes.values():
            tape.freely = True
        while self.graph.pull(until):
            pass
        self.graph.pull(until, last=True)

    def sink(self, name: str) -> Samples:
        parts = [part for part in self.got[name] if len(part)]
        return join(parts)
