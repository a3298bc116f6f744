"""Whether a graph makes sense: everything that is wrong with it, before anything starts. Pure, without numpy."""

import difflib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from reeld.audio.graph.negotiation import format_faults
from reeld.audio.graph.ports import ports_of, split_reference
from reeld_proto.sound_graph import (
    AnyNode,
    ChannelMapNode,
    EncodedFileNode,
    FileNode,
    MixerNode,
    MixMode,
    SinkNode,
    SoundGraph,
    SourceNode,
    SpanFeedNode,
    TrackNode,
    WavNode,
)


def faults(graph: SoundGraph) -> list[str]:
    """All faults, each a sentence that names the node and, where there is one, the remedy; empty for a sound graph."""
    nodes = {node.name: node for node in graph.nodes}
    found = [f"there are two nodes called {name}" for name in _twice(graph)]
    found += _missing_ends(graph)
    for node in graph.nodes:
        found += _count_faults(node)
        found += _reference_faults(node, nodes)
        found += _setting_faults(node, nodes)
    found += _loose_ends(graph)
    cycle = _cycle(nodes)
    if cycle:
        found.append(f"the graph runs in a circle: {' -> '.join(cycle)}")
    return found or format_faults(graph)


def order_of(graph: SoundGraph) -> list[str]:
    """Names of the nodes, each after all that it takes from. The graph has no cycle."""
    return list(_sorter({node.name: node for node in graph.nodes}).static_order())


def _twice(graph: SoundGraph) -> list[str]:
    names = [node.name for node in graph.nodes]
    return sorted({name for name in names if names.count(name) > 1})


def _missing_ends(graph: SoundGraph) -> Iterator[str]:
    if not any(isinstance(node, SourceNode) for node in graph.nodes):
        yield "the graph has no source; add a node of type microphone, system-audio, tone, file or silence"
    if not any(isinstance(node, SinkNode) for node in graph.nodes):
        yield "the graph has no sink; add a node of type track"


def _count_faults(node: AnyNode) -> Iterator[str]:
    ports, count = ports_of(node), len(node.inputs)
    if ports.inputs_min <= count <= ports.inputs_max:
        return
    if not ports.inputs_max:
        yield f"{node.name} is a source and takes no inputs"
    elif ports.inputs_min == ports.inputs_max:
        yield f"{node.name} takes exactly {ports.inputs_min} input, not {count}"
    else:
        yield f"{node.name} takes {ports.inputs_min} to {ports.inputs_max} inputs, not {count}"


def _reference_faults(node: AnyNode, nodes: dict[str, AnyNode]) -> Iterator[str]:
    takes = ports_of(node).takes
    for reference in node.inputs:
        name, port = split_reference(reference)
        giver = nodes.get(name)
        if giver is None:
            yield f"{node.name} takes from {name}, which is no node{_nearest(name, list(nodes))}"
            continue
        outputs = ports_of(giver).outputs
        if not outputs:
            yield f"{node.name} takes from {name}, which is a sink and gives nothing"
        elif port and port not in outputs:
            yield f"{name} has no port {port!r}; it has {', '.join(outputs)}"
        elif (gives := outputs[port or next(iter(outputs))]) is not takes:
            fitting = [f"{name}.{each}" for each, kind in outputs.items() if kind is takes]
            remedy = f"; take from {fitting[0]}" if fitting else ""
            yield f"{node.name} takes {takes.value}, but {reference} gives {gives.value}{remedy}"


def _setting_faults(node: AnyNode, nodes: dict[str, AnyNode]) -> Iterator[str]:
    match node:
        case MixerNode(mode=MixMode.WEIGHTED) if len(node.weights) != len(node.inputs):
            yield f"{node.name} needs one weight for each of its {len(node.inputs)} inputs, not {len(node.weights)}"
        case MixerNode(mode=MixMode.BALANCE) if len(node.inputs) != 2:
            yield f"{node.name} balances exactly 2 inputs, not {len(node.inputs)}"
        case FileNode() | WavNode() | EncodedFileNode() if not Path(node.path).is_absolute():
            yield f"{node.name} needs an absolute path, not {node.path!r}"
        case ChannelMapNode() if node.matrix and len(node.matrix) != node.channels:
            yield f"{node.name} needs a row of factors for each of its {node.channels} channels, not {len(node.matrix)}"
        case SpanFeedNode() if not isinstance(nodes.get(node.track), TrackNode):
            tracks = [name for name, each in nodes.items() if isinstance(each, TrackNode)]
            yield f"{node.name} is about {node.track}, which is no track{_nearest(node.track, tracks)}"
        case _:
            return


def _loose_ends(graph: SoundGraph) -> Iterator[str]:
    """Nodes whose sound reaches no sink: it would be made for nobody."""
    taken = {split_reference(reference)[0] for node in graph.nodes for reference in node.inputs}
    for node in graph.nodes:
        if not isinstance(node, SinkNode) and node.name not in taken:
            yield f"{node.name} leads nowhere; give it to a sink, or take it out"


def _cycle(nodes: dict[str, AnyNode]) -> list[str]:
    try:
        _sorter(nodes).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def _sorter(nodes: dict[str, AnyNode]) -> "TopologicalSorter[str]":
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, node in nodes.items():
        givers = (split_reference(reference)[0] for reference in node.inputs)
        sorter.add(name, *(giver for giver in givers if giver in nodes))
    return sorter


def _nearest(name: str, known: list[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; the nearest one is {found[0]}" if found else ""
