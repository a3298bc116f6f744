"""From a graph as data to a graph at work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from reeld.audio.dsp.factory import kernel_for, observer_for
from reeld.audio.dsp.kernel import Kernel
from reeld.audio.dsp.resampling import FixedResampler
from reeld.audio.graph.checking import faults
from reeld.audio.graph.engine import Graph
from reeld.audio.graph.negotiation import SOURCE_FORMAT, Format, Negotiated, negotiate
from reeld.audio.graph.nodes import (
    Converter,
    Node,
    Noted,
    NoteSink,
    Observer,
    Processor,
    Recover,
    Sink,
    Source,
    Splitter,
    no_recovery,
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
Kernels = dict[str, tuple[AnyNode, list[Format], Kernel]]


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
    recover: Recover = no_recovery
    _kernels: Kernels = field(default_factory=dict)

    def build(self, graph: SoundGraph) -> Graph:
        """The graph at work. Raises RequestRejected with all faults."""
        found = faults(graph)
        if found:
            raise RequestRejected(f"the audio graph is not valid: {'; '.join(found)}", faults=tuple(found))
        negotiated = negotiate(graph)
        before, self._kernels = self._kernels, {}
        kept = _Kept(before, self._kernels)
        return Graph(negotiated, {node.name: self._part(node, negotiated, kept) for node in negotiated.graph.nodes})

    def _part(self, node: AnyNode, negotiated: Negotiated, kept: "_Kept") -> Node:
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
                part = Converter(node.name, FixedResampler(forms[0].rate, rate, forms[0].channels))
            case ObserverNode():
                wanted = _wanted(node, negotiated, self.ends)
                (form,) = forms
                make = partial(observer_for, node, form.rate, form.channels)
                part = Observer(node.name, form, make, wanted, self.recover)
            case _:
                part = self._processor(node, forms, negotiated.outputs[node.name], kept)
        return part

    def _processor(self, node: AnyNode, forms: list[Format], output: Format, kept: "_Kept") -> Processor:
        def make(settings: AnyNode) -> Kernel:
            kernel = kept.take(settings, forms) or kernel_for(settings, forms[0].rate, forms[0].channels, len(forms))
            kept.now[node.name] = settings, forms, kernel
            return kernel

        # Without what it does, a node that changes the format would give what the next one cannot take.
        recover = self.recover if output == forms[0] else no_recovery
        return Processor(node, forms[0], make, recover)


@dataclass
class _Kept:
    """Kernels of the graph before and of the one that is made, by node, with what they were made for."""

    before: Kernels
    now: Kernels

    def take(self, settings: AnyNode, forms: list[Format]) -> Kernel | None:
        """The kernel of the same node in the graph before, if that was made alike; once."""
        former = self.before.pop(settings.name, None)
        return former[2] if former is not None and former[:2] == (settings, forms) else None


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
