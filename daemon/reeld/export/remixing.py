"""What a mix of a session is rendered again from: its graphs as they were, and its tracks that hold each source alone.

Pure. Only a track that lies right behind a source, with nothing between them that changes the sound, can stand for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import ValidationError, structs

from reeld.audio.graph.negotiation import SOURCE_FORMAT, negotiate
from reeld.audio.graph.ports import split_reference
from reeld.audio.graph.walking import upstream
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import (
    AnyNode,
    DeviceNode,
    FileNode,
    ObserverNode,
    SoundChange,
    SoundGraph,
    SoundMoment,
    TrackNode,
)
from reeld_proto.sound_reading import in_words
from reeld_proto.sound_settings import with_changes


@dataclass(frozen=True)
class Part:
    """A graph from media time `start_ns` on, with what leads to the mix alone. moments: its changes, in order.

    stand_ins: for each source that cannot be asked again, the track that holds what it gave.
    """

    start_ns: int
    graph: SoundGraph
    stand_ins: dict[str, str]
    moments: list[SoundMoment] = field(default_factory=list)


def plan_remix(
    track: str,
    graphs: Sequence[tuple[int, SoundGraph]],
    moments: Sequence[SoundMoment],
    changes: Sequence[SoundChange],
    recorded: Sequence[str],
) -> list[Part]:
    """How `track` is rendered: part after part of the session.

    changes: settings that hold from beginning to end, whatever was done then. recorded: tracks of the session.
    Raises RequestRejected with every fault: no graph was kept, a setting does not exist, a source was not recorded.
    """
    if not graphs:
        raise RequestRejected(
            f"track {track} cannot be mixed again: this session was recorded without a graph",
            remedy="Sessions of this version keep one; imported ones do not.",
        )
    fixed = {(change.node, change.setting) for change in changes}
    parts: list[Part] = []
    faults: list[str] = []
    for index, (start_ns, graph) in enumerate(graphs):
        end_ns = graphs[index + 1][0] if index + 1 < len(graphs) else None
        needed = leading_to(track, graph)
        names = {node.name for node in needed.nodes}
        faults += [
            f"{change.node} is no node that track {track} hears" for change in changes if change.node not in names
        ]
        stand_ins = {}
        for node in needed.nodes:
            if isinstance(node, DeviceNode | FileNode):
                name = stand_in(node.name, graph, recorded)
                if name is None:
                    faults.append(f"{node.name} was recorded in no track of its own, as it came")
                else:
                    stand_ins[node.name] = name
        own = [
            moment
            for moment in moments
            if start_ns <= moment.at_ns
            and (end_ns is None or moment.at_ns < end_ns)
            and moment.change.node in names
            and (moment.change.node, moment.change.setting) not in fixed
        ]
        if not faults:
            try:
                parts.append(Part(start_ns, with_changes(needed, changes), stand_ins, own))
            except ValidationError as error:
                faults.append(in_words(error))
    if faults:
        told = tuple(dict.fromkeys(faults))
        raise RequestRejected(
            f"track {track} cannot be mixed again: {'; '.join(told)}",
            code=ErrorCode.INVALID_REQUEST,
            remedy="Only a mix of sources that have a track of their own can be; `reelctl audio graph` shows them.",
            faults=told,
        )
    return parts


def mix_of(graphs: Sequence[tuple[int, SoundGraph]]) -> str | None:
    """The track that is meant where none is named: the first that hears more than one source."""
    for _, graph in graphs:
        for node in graph.nodes:
            if isinstance(node, TrackNode):
                needed = leading_to(node.name, graph)
                if sum(isinstance(each, DeviceNode | FileNode) for each in needed.nodes) > 1:
                    return node.name
    return None


def leading_to(track: str, graph: SoundGraph) -> SoundGraph:
    """The graph without all that does not lead to `track`; empty if it has no such track."""
    return structs.replace(graph, nodes=upstream(track, graph))


def stand_in(source: str, graph: SoundGraph, recorded: Sequence[str]) -> str | None:
    """The recorded track that holds exactly what `source` gave; None without one."""
    nodes = {node.name: node for node in graph.nodes}
    formats = negotiate(graph).inputs
    for node in graph.nodes:
        if not isinstance(node, TrackNode) or node.name not in recorded or formats[node.name] != [SOURCE_FORMAT]:
            continue
        if _origin(node, nodes) == source:
            return node.name
    return None


def _origin(node: AnyNode, nodes: dict[str, AnyNode]) -> str:
    """Where a node's sound comes from, untouched; a node that touches it is as far as it goes."""
    while True:
        node = nodes[split_reference(node.inputs[0])[0]]
        if not isinstance(node, ObserverNode):
            return node.name
