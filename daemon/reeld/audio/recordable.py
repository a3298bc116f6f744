"""Whether a session can be recorded through a graph of sounds. Pure; imports nothing that handles sound."""

from reeld.audio.graph.checking import faults as graph_faults
from reeld_proto import codec
from reeld_proto.sound_graph import GRAPH_BYTES_MAX, SoundGraph, TrackNode

_OF_PICTURES = ("video-", "snapshots-")
"""How tracks begin that are no sound."""


def recording_faults(graph: SoundGraph) -> list[str]:
    """Everything that is wrong with `graph` as what a session is recorded through; empty if nothing is."""
    found = graph_faults(graph)
    tracks = [node.name for node in graph.nodes if isinstance(node, TrackNode)]
    if not tracks:
        found.append("the sound graph has no track; add a node of type track, or nothing of it is recorded")
    for name in tracks:
        if name.startswith(_OF_PICTURES):
            found.append(f"a track of sound cannot be called {name}: pictures are called so")
    size = len(codec.pack_record(graph))
    if size > GRAPH_BYTES_MAX:
        found.append(f"the sound graph takes {size} bytes, more than {GRAPH_BYTES_MAX}; use fewer nodes")
    return found
