"""Changing the graph of sounds while it is recorded: settings of its processors, or the whole. Pure."""

import difflib
from collections.abc import Iterable, Sequence

import msgspec

from reeld.audio.recordable import recording_faults
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound import CHANGES_MAX
from reeld_proto.sound_graph import (
    AnyNode,
    ChannelMapNode,
    ProcessorNode,
    ResamplerNode,
    SoundChange,
    SoundGraph,
    SplitterNode,
    TrackNode,
)
from reeld_proto.sound_reading import in_words
from reeld_proto.sound_settings import with_setting

GRAPH_REMEDY = "`reelctl audio graph` shows the nodes and their settings."
_FORMATS = (ResamplerNode, ChannelMapNode, SplitterNode)
"""What they give is fixed by their settings, and what follows them was made for it."""
_STRUCTURE = {"name", "inputs"}


def changed(graph: SoundGraph, changes: Sequence[SoundChange]) -> SoundGraph:
    """The graph with the changes made, in order. Raises RequestRejected with every fault; NOT_FOUND if all are that."""
    faults: list[tuple[ErrorCode, str]] = []
    if not changes:
        faults.append((ErrorCode.INVALID_REQUEST, "nothing to change: name a node, a setting and a value"))
    if len(changes) > CHANGES_MAX:
        faults.append((ErrorCode.INVALID_REQUEST, f"{len(changes)} changes are more than {CHANGES_MAX} at once"))
    nodes = {node.name: node for node in graph.nodes}
    for change in changes if len(changes) <= CHANGES_MAX else ():
        node = nodes.get(change.node)
        fault = _why_not(nodes, node, change)
        if fault is not None:
            faults.append(fault)
        elif node is not None:
            try:
                nodes[node.name] = with_setting(node, change)
            except msgspec.ValidationError as error:
                faults.append((ErrorCode.INVALID_REQUEST, f"{node.name}: {in_words(error)}"))
    made = msgspec.structs.replace(graph, nodes=list(nodes.values()))
    if not faults:
        faults = [(ErrorCode.INVALID_REQUEST, fault) for fault in recording_faults(made)]
    _raise(faults)
    return made


def reverted(graph: SoundGraph, before: SoundGraph, changes: Iterable[SoundChange]) -> SoundGraph:
    """The graph with these changes taken back, but for settings that were changed again meanwhile."""
    nodes = {node.name: node for node in graph.nodes}
    former = {node.name: node for node in before.nodes}
    for change in changes:
        node, old = nodes.get(change.node), former.get(change.node)
        if type(node) is not type(old) or node is None or old is None:
            continue
        if getattr(with_setting(old, change), change.setting) == getattr(node, change.setting):
            nodes[node.name] = msgspec.structs.replace(node, **{change.setting: getattr(old, change.setting)})
    return msgspec.structs.replace(graph, nodes=list(nodes.values()))


def check_edit(graph: SoundGraph, before: SoundGraph) -> None:
    """Whether `graph` may take the place of `before` in a recording. Raises RequestRejected with every fault."""
    faults = recording_faults(graph)
    now, then = _tracks(graph), _tracks(before)
    faults += [f"the track {name} is being recorded and must remain" for name in then if name not in now]
    faults += [f"the track {name} cannot be added to a recording" for name in now if name not in then]
    faults += [
        f"the codec of the track {name} cannot change in a recording"
        for name, codec in now.items()
        if then.get(name, codec) != codec
    ]
    _raise([(ErrorCode.INVALID_REQUEST, fault) for fault in faults], remedy="")


def _tracks(graph: SoundGraph) -> dict[str, tuple[str, int | None]]:
    return {node.name: (node.codec.value, node.bit_rate) for node in graph.nodes if isinstance(node, TrackNode)}


def _why_not(nodes: dict[str, AnyNode], node: AnyNode | None, change: SoundChange) -> tuple[ErrorCode, str] | None:
    """What forbids a change, whatever its value."""
    if node is None:
        return ErrorCode.NOT_FOUND, f"there is no node {change.node!r}{_nearest(change.node, nodes)}"
    settings = [field.name for field in msgspec.structs.fields(type(node)) if field.name not in _STRUCTURE]
    kind = str(type(node).__struct_config__.tag)
    if change.setting not in settings and change.setting not in _STRUCTURE:
        known = _nearest(change.setting, settings) if settings else "; it has none"
        return ErrorCode.NOT_FOUND, f"{node.name} ({kind}) has no setting {change.setting!r}{known}"
    if change.setting in _STRUCTURE or not isinstance(node, ProcessorNode) or isinstance(node, _FORMATS):
        message = f"{change.setting} of {node.name} ({kind}) cannot change alone; `reelctl audio edit` can change it"
        return ErrorCode.INVALID_REQUEST, message
    return None


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; the nearest is {found[0]}" if found else "; there is none"


def _raise(faults: Sequence[tuple[ErrorCode, str]], remedy: str = GRAPH_REMEDY) -> None:
    if faults:
        own: list[ErrorCode] = [code for code, _ in faults if code is ErrorCode.INVALID_REQUEST]
        messages = tuple(message for _, message in faults)
        raise RequestRejected("; ".join(messages), code=(own or [faults[0][0]])[0], remedy=remedy, faults=messages)
