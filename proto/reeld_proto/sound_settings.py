"""Settings of nodes with changes made. Pure."""

from collections.abc import Iterable

import msgspec

from reeld_proto.codec import convert
from reeld_proto.sound_graph import AnyNode, SoundChange, SoundGraph


def with_setting(node: AnyNode, change: SoundChange) -> AnyNode:
    """The node with one setting changed. Raises msgspec.ValidationError for a value that the setting cannot have."""
    plain = msgspec.to_builtins(node)
    made: AnyNode = convert({**plain, change.setting: change.value}, type(node))
    return made


def with_changes(graph: SoundGraph, changes: Iterable[SoundChange]) -> SoundGraph:
    """The graph with all changes, which were checked against it. Raises KeyError, msgspec.ValidationError otherwise."""
    nodes = {node.name: node for node in graph.nodes}
    for change in changes:
        nodes[change.node] = with_setting(nodes[change.node], change)
    return msgspec.structs.replace(graph, nodes=list(nodes.values()))
