"""What goes into and comes out of each type of node. Pure, without numpy: the daemon checks graphs, too."""

from dataclasses import dataclass, field
from enum import Enum

from reeld_proto.sound_graph import (
    AnyNode,
    CompressorNode,
    LevelFeedNode,
    MeterNode,
    MixerNode,
    SilenceDetectorNode,
    SinkNode,
    SourceNode,
    SpanFeedNode,
    SplitterNode,
    VoiceDetectorNode,
)

SOURCE_RATE = 48_000
SOURCE_CHANNELS = 2
MIXER_INPUTS_MAX = 8
FEED_INPUTS_MAX = 16


class PortType(Enum):
    """What travels on a connection."""

    SOUND = "sound"
    LEVELS = "levels"
    SPANS = "spans"


@dataclass(frozen=True)
class Ports:
    """Of one node. outputs: by name, the first is meant where none is named."""

    inputs_min: int
    inputs_max: int
    takes: PortType = PortType.SOUND
    outputs: dict[str, PortType] = field(default_factory=dict)


def ports_of(node: AnyNode) -> Ports:
    """The ports of a node of this type with these settings."""
    inputs_min, inputs_max, takes = _inputs(node)
    return Ports(inputs_min, inputs_max, takes, _outputs(node))


def _inputs(node: AnyNode) -> tuple[int, int, PortType]:
    match node:
        case SourceNode():
            return 0, 0, PortType.SOUND
        case MixerNode():
            return 1, MIXER_INPUTS_MAX, PortType.SOUND
        case CompressorNode():
            return 1, 2, PortType.SOUND
        case LevelFeedNode():
            return 1, FEED_INPUTS_MAX, PortType.LEVELS
        case SpanFeedNode():
            return 1, FEED_INPUTS_MAX, PortType.SPANS
        case _:
            return 1, 1, PortType.SOUND


def _outputs(node: AnyNode) -> dict[str, PortType]:
    match node:
        case SinkNode():
            return {}
        case SplitterNode(channels=channels):
            return {str(number): PortType.SOUND for number in range(1, channels + 1)}
        case MeterNode():
            return {"out": PortType.SOUND, "levels": PortType.LEVELS}
        case SilenceDetectorNode() | VoiceDetectorNode():
            return {"out": PortType.SOUND, "spans": PortType.SPANS}
        case _:
            return {"out": PortType.SOUND}


def split_reference(reference: str) -> tuple[str, str]:
    """Node and port of `node` or `node.port`; an empty port is the node's first."""
    name, _, port = reference.partition(".")
    return name, port
