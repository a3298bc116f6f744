"""Ways through a graph as data. Pure, without numpy. What an input names and does not exist leads nowhere."""

from reeld.audio.graph.ports import split_reference
from reeld_proto.sound_graph import AnyNode, SoundGraph, SourceNode


def upstream(name: str, graph: SoundGraph) -> list[AnyNode]:
    """The nodes that lead to the one of this name, itself among them, in the order of the graph."""
    nodes = {node.name: node for node in graph.nodes}
    waiting, seen = [name], set[str]()
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        waiting += [split_reference(reference)[0] for reference in node.inputs]
    return [node for node in graph.nodes if node.name in seen]


def sources_of(name: str, graph: SoundGraph) -> list[AnyNode]:
    """The sources whose sound comes to the node of this name, over any number of others."""
    return [node for node in upstream(name, graph) if isinstance(node, SourceNode)]
