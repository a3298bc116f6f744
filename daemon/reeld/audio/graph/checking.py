"""Whether a graph of sounds can be run. Pure."""

from reeld_proto.sound_graph import SoundGraph


def faults(graph: SoundGraph) -> list[str]:  # noqa: ARG001 - the lead's version of this module checks
    """Everything that is wrong with `graph`, in sentences with a remedy; empty if it can be run."""
    return []
