"""From a graph as data to a graph at work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reeld.audio.dsp.factory import kernel_for, resampler_for, watcher_for
from reeld.audio.graph.checking import faults
from reeld.audio.graph.engine import Graph
from reeld.audio.graph.negotiation import SOURCE_FORMAT, Format, Negotiated, negotiate
from reeld.audio.graph.nodes import (
    Converter,
    Kernel,
    Node,
    Noted,
    NoteSink,
    Observer,
    Processor,
    Sink,
    Source,
    Splitter,
)
from reeld.audio.graph.ports import PortType, ports_of, split_reference
from reeld.audio.samples import Samples
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import (
    AnyNode,
    LevelFeedNode,
    ObserverNode,
    ResamplerNode,
    SinkNode,
    SoundGraph,
    SourceNode,
    SpanFeedNode,
    SplitterNode,
)

Read = Callable[[int], Samples]
Write = Callable[[Samples], None]


class Ends(Protocol):
    """What a graph begins and ends in."""

    def source(self, node: SourceNode) -> Read:
        """Gives the next frames, 48 kHz stereo, at most as many as asked for."""
        ...

    def sink(self, node: SinkNode, form: Format) -> Write:
        """Takes frames of this format."""
        ...

    def tell(self, node: LevelFeedNode | SpanFeedNode, noted: Sequence[Noted]) -> None:
        """Takes observations."""
        ...

    def is_watched(self, node: LevelFeedNode) -> bool:
        """Whether anybody wants them now."""
        ...


@dataclass
class Workshop:
    """Makes graphs. ends: what they begin and end in. recover: told of an error of a kernel: whether to go on without.

    Kernels of nodes that are the same in the graph before are taken over with their state.
    """

    ends: Ends
    recover: Callable[[str, Exception], bool] = lambda _name, _error: False
    _kernels: dict[str, tuple[AnyNode, list[Format], Kernel]] = field(default_factory=dict)

    def build(self, graph: SoundGraph) -> Graph:
        """The graph at work. Raises RequestRejected with all faults."""
        found = faults(graph)
        if found:
            raise RequestRejected(f"the audio graph is not valid: {'; '.join(found)}", faults=tuple(found))
        negotiated = negotiate(graph)
        kernels, self._kernels = self._kernels, {}
        parts = {node.name: self._part(node, negotiated, kernels) for node in negotiated.graph.nodes}
        return Graph(negotiated, parts)

    def _part(
        self, node: AnyNode, negotiated: Negotiated, kernels: dict[str, tuple[AnyNode, list[Format], Kernel]]
    ) -> Node:
        forms = negotiated.inputs.get(node.name, [])
        part: Node
        match node:
            case SourceNode():
                part = Source(node.name, self.ends.source(node), SOURCE_FORMAT.rate)
            case LevelFeedNode() | SpanFeedNode():
                part = NoteSink(node.name, lambda noted: self.ends.tell(node, noted))
            case SinkNode():
                part = Sink(node.name, self.ends.sink(node, forms[0]))
            case SplitterNode():
                part = Splitter(node.name)
            case ResamplerNode(rate=rate):
                part = Converter(node.name, resampler_for(forms[0].rate, rate, forms[0].channels))
            case ObserverNode():
                wanted = _wanted(node, negotiated, self.ends)
                part = Observer(node.name, forms[0], lambda: watcher_for(node, forms[0]), wanted)
            case _:
                part = self._processor(node, forms, negotiated.outputs[node.name], kernels)
        return part

    def _processor(
        self,
        node: AnyNode,
        forms: list[Format],
        output: Format,
        kernels: dict[str, tuple[AnyNode, list[Format], Kernel]],
    ) -> Processor:
        def make(settings: AnyNode) -> Kernel:
            before = kernels.pop(node.name, None)
            kernel = (
                before[2] if before is not None and before[:2] == (settings, forms) else kernel_for(settings, forms)
            )
            self._kernels[node.name] = settings, forms, kernel
            return kernel

        # Without what it does, a node that changes the format would give what the next one cannot take.
        recover = self.recover if output == forms[0] else lambda _name, _error: False
        return Processor(node, forms[0], make, recover)


def _wanted(node: ObserverNode, negotiated: Negotiated, ends: Ends) -> Callable[[], bool]:
    """Whether anybody listens to what it says: feeds of levels may be unwatched, all others always listen."""
    taken = [
        each
        for each in negotiated.graph.nodes
        if ports_of(each).takes is not PortType.SOUND
        and any(split_reference(reference)[0] == node.name for reference in each.inputs)
    ]
    feeds = [each for each in taken if isinstance(each, LevelFeedNode)]
    if len(feeds) < len(taken):
        return lambda: True
    return lambda: any(ends.is_watched(feed) for feed in feeds)
