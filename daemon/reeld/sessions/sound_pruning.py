"""What is left of a graph of sounds when some of its nodes cannot be. Pure."""

from collections.abc import Collection, Sequence

from msgspec import structs

from reeld.audio.graph.ports import split_reference
from reeld_proto.sound_graph import (
    AnyNode,
    CompressorNode,
    MixerNode,
    MixMode,
    SinkNode,
    SoundGraph,
    SourceNode,
    SpanFeedNode,
    TrackNode,
)


def without(graph: SoundGraph, names: Collection[str]) -> SoundGraph:
    """The graph without these nodes, and without whatever made sense only with them.

    A node goes that has no input left (a mixer and a feed keep their others), or whose taker went. What nobody took
    from before stays as it is: it is somebody else's to complain of.
    """
    nodes = [node for node in graph.nodes if node.name not in names]
    had_takers = _taken(graph.nodes)
    while True:
        known = {node.name for node in nodes}
        left = [made for node in nodes if (made := _with_what_is_left(node, known)) is not None]
        takers = _taken(left)
        left = [node for node in left if node.name in takers or node.name not in had_takers]
        if left == nodes:
            return structs.replace(graph, nodes=nodes)
        nodes = left


def _taken(nodes: Sequence[AnyNode]) -> set[str]:
    return {split_reference(port)[0] for node in nodes for port in node.inputs}


def _with_what_is_left(node: AnyNode, known: Collection[str]) -> AnyNode | None:
    if isinstance(node, SpanFeedNode) and node.track not in known:
        return None
    if isinstance(node, SourceNode) or all(split_reference(port)[0] in known for port in node.inputs):
        return node
    kept = [number for number, port in enumerate(node.inputs) if split_reference(port)[0] in known]
    inputs = [node.inputs[number] for number in kept]
    if isinstance(node, MixerNode) and inputs:
        weights = [node.weights[number] for number in kept if number < len(node.weights)]
        # A balance is between two; what is left of them is heard in full.
        mode = MixMode.SUM if node.mode is MixMode.BALANCE and len(inputs) < 2 else node.mode
        return structs.replace(node, inputs=inputs, weights=weights, mode=mode)
    if isinstance(node, CompressorNode) and kept == [0]:
        return structs.replace(node, inputs=inputs)
    if isinstance(node, SinkNode) and not isinstance(node, TrackNode) and inputs:
        return structs.replace(node, inputs=inputs)
    return None
