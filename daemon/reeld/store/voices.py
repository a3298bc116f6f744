"""Which tracks of sound are listened to: those of single sources, and a mix only where it alone has one of them.

DESIGN: whoever reads a transcript wants to know who spoke, the microphone or the computer; and what is heard twice
costs twice. So a mix whose sources all have tracks of their own is left out.
"""

from reeld.store import automation
from reeld.store.records import SessionRecord, TrackState
from reeld.store.transaction import Transaction
from reeld_proto.records import TrackKind
from reeld_proto.sound_graph import SoundGraph, SourceNode


def voices_of(txn: Transaction, record: SessionRecord) -> list[TrackState]:
    """The tracks of a session that are listened to, in their order. Raises StoreCorrupt."""
    sounds = [track for track in record.tracks if track.kind is TrackKind.AUDIO]
    graphs = automation.graphs_of(txn, record.id) if len(sounds) > 1 else []
    mixes = set(mixed_tracks(graphs[0][1], [track.id for track in sounds])) if graphs else set()
    for _, graph in graphs[1:]:
        mixes &= set(mixed_tracks(graph, [track.id for track in sounds]))
    return [track for track in sounds if track.id not in mixes]


def mixed_tracks(graph: SoundGraph, tracks: list[str]) -> list[str]:
    """Those of the tracks whose sources, several, each have another of the tracks to themselves."""
    inputs = {node.name: [each.partition(".")[0] for each in node.inputs] for node in graph.nodes}
    sources = {node.name for node in graph.nodes if isinstance(node, SourceNode)}
    heard = {track: _sources(track, inputs, sources) for track in tracks if track in inputs}
    alone = {next(iter(found)) for found in heard.values() if len(found) == 1}
    return [track for track, found in heard.items() if len(found) > 1 and found <= alone]


def _sources(track: str, inputs: dict[str, list[str]], sources: set[str]) -> set[str]:
    """The sources that a node takes from, over whatever lies between."""
    seen: set[str] = set()
    waiting = [track]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += inputs.get(name, [])
    return seen & sources
