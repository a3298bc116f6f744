"""From a node of the graph to its signal work. What is heavy is imported only where a node needs it."""

from reeld.audio.dsp.channels import ChannelMap
from reeld.audio.dsp.kernel import Kernel, Observer
from reeld.audio.dsp.limiter import Limiter
from reeld.audio.dsp.metering import Meter
from reeld.audio.dsp.mixing import Mixer
from reeld.audio.dsp.volume import Volume
from reeld_proto.sound_graph import (
    AnyNode,
    ChannelMapNode,
    LimiterNode,
    MeterNode,
    MixerNode,
    VolumeNode,
)


def kernel_for(node: AnyNode, rate: int, channels: int, inputs_count: int) -> Kernel:
    """The kernel of a processor. rate, channels: of its inputs, which are all alike.

    Resamplers (`FixedResampler`), splitters and observers have none: TypeError for those and for sources and sinks.
    """
    match node:
        case MixerNode():
            return Mixer(node, rate, inputs_count)
        case VolumeNode():
            return Volume(node, rate, channels)
        case ChannelMapNode():
            return ChannelMap(node, rate, channels)
        case LimiterNode():
            return Limiter(node, rate, channels)
        case _:
            raise TypeError(f"{type(node).__name__} has no kernel")


def observer_for(node: AnyNode, rate: int, channels: int) -> Observer:
    """The observer of a node that listens. TypeError for other nodes."""
    match node:
        case MeterNode():
            return Meter(rate, channels)
        case _:
            raise TypeError(f"{type(node).__name__} does not listen")
