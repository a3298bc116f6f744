"""From a node of the graph to its signal work. FFmpeg is loaded only where a node needs it."""

from reeld.audio.dsp.channels import ChannelMap
from reeld.audio.dsp.crossfade import Crossfade
from reeld.audio.dsp.denoiser import Denoiser
from reeld.audio.dsp.kernel import Kernel, Observer
from reeld.audio.dsp.limiter import Limiter
from reeld.audio.dsp.metering import Meter
from reeld.audio.dsp.mixing import Mixer
from reeld.audio.dsp.normaliser import Normaliser
from reeld.audio.dsp.silence import SilenceDetector
from reeld.audio.dsp.voice import VoiceDetector
from reeld.audio.dsp.volume import Volume
from reeld_proto.sound_graph import (
    AnyNode,
    ChannelMapNode,
    CompressorNode,
    DenoiserNode,
    EqualiserNode,
    GateNode,
    LimiterNode,
    LoudnessNode,
    MeterNode,
    MixerNode,
    NormaliserNode,
    SilenceDetectorNode,
    VoiceDetectorNode,
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
    made = _replaceable(node, rate, channels, inputs_count)
    if made is None:
        raise TypeError(f"{type(node).__name__} has no kernel")

    def make(changed: AnyNode) -> Kernel | None:
        return _replaceable(changed, rate, channels, inputs_count) if type(changed) is type(node) else None

    return Crossfade(make, made, rate)


def observer_for(node: AnyNode, rate: int, channels: int) -> Observer:
    """The observer of a node that listens. TypeError for other nodes."""
    match node:
        case MeterNode():
            return Meter(rate, channels)
        case SilenceDetectorNode():
            return SilenceDetector(node, rate)
        case VoiceDetectorNode():
            return VoiceDetector(node, rate)
        case _:
            raise TypeError(f"{type(node).__name__} does not listen")


def _replaceable(node: AnyNode, rate: int, channels: int, inputs_count: int) -> Kernel | None:
    """Kernels that may be replaced by fading to another one when their settings change."""
    match node:
        case NormaliserNode():
            return Normaliser(node, rate, channels)
        case DenoiserNode():
            return Denoiser(node, rate, channels)
        case EqualiserNode() | CompressorNode() | GateNode() | LoudnessNode():
            return _of_ffmpeg(node, rate, channels, inputs_count)
        case _:
            return None


def _of_ffmpeg(
    node: EqualiserNode | CompressorNode | GateNode | LoudnessNode, rate: int, channels: int, inputs_count: int
) -> Kernel:
    from reeld.audio.dsp.dynamics import compressor, gate  # noqa: PLC0415 - loads FFmpeg
    from reeld.audio.dsp.equaliser import equaliser  # noqa: PLC0415 - loads FFmpeg
    from reeld.audio.dsp.loudness import Loudness  # noqa: PLC0415 - loads FFmpeg

    match node:
        case EqualiserNode():
            return equaliser(node, rate, channels)
        case CompressorNode():
            return compressor(node, rate, channels, inputs_count)
        case GateNode():
            return gate(node, rate, channels)
        case LoudnessNode():
            return Loudness(node, rate, channels)
