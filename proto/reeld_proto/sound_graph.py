"""The graph of sounds as data: the `[audio]` table of the config file, and the same in the command that starts one.

Every node names what it takes from: `inputs = ["mic"]`, or `["mic.levels"]` for a port other than the first. Ports
carry sound or observations; which a node has is told in its docstring. A graph is checked as a whole before it starts.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

NODES_MAX = 64
GRAPH_BYTES_MAX = 32_000
"""Of a graph as it is stored; the usual one has 1,200."""
NODE_NAME = r"^[a-z0-9][a-z0-9_-]{0,31}$"

NodeName = Annotated[str, Meta(pattern=NODE_NAME)]
Level = Annotated[float, Meta(ge=-120.0, le=0.0)]
"""dB of full scale."""
GainDb = Annotated[float, Meta(ge=-120.0, le=30.0)]
Milliseconds = Annotated[float, Meta(ge=0.0, le=10_000.0)]
Rate = Annotated[int, Meta(ge=1_000, le=192_000)]
Hertz = Annotated[float, Meta(gt=0.0, le=96_000.0)]


class SoundCodec(StrEnum):
    """Formats of encoded sound; the values are the names of codecs in the store. FLAC is lossless, of 24 bits."""

    AAC = "aac"
    OPUS = "opus"
    FLAC = "flac"


class MixMode(StrEnum):
    """How inputs become one: their sum, their average, a sum with weights, or the balance between the first two."""

    SUM = "sum"
    AVERAGE = "average"
    WEIGHTED = "weighted"
    BALANCE = "balance"


class SampleFormat(StrEnum):
    """How samples lie in a WAV file."""

    F32 = "f32"
    I16 = "i16"
    I24 = "i24"
    I32 = "i32"


class BandKind(StrEnum):
    """Shape of one band of an equaliser."""

    PEAK = "peak"
    LOW_SHELF = "low-shelf"
    HIGH_SHELF = "high-shelf"
    HIGH_PASS = "high-pass"  # noqa: S105 - a filter
    LOW_PASS = "low-pass"  # noqa: S105 - a filter
    NOTCH = "notch"


class Node(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of all nodes. inputs: where it takes from, `node` or `node.port`, in order."""

    name: NodeName
    inputs: list[str] = field(default_factory=list)


class SourceNode(Node, frozen=True, kw_only=True):
    """Base of nodes that take from nowhere; they give 48 kHz stereo, on the session's clock."""


class DeviceNode(SourceNode, frozen=True, kw_only=True):
    """Base of sources that are devices. device: an id as `Sources` lists it, or `default`, which is followed."""

    device: str = "default"


class MicrophoneNode(DeviceNode, tag="microphone", frozen=True, kw_only=True):
    """A microphone."""


class SystemAudioNode(DeviceNode, tag="system-audio", frozen=True, kw_only=True):
    """What the computer plays."""


class SilenceNode(SourceNode, tag="silence", frozen=True, kw_only=True):
    """Digital silence."""


class ToneNode(SourceNode, tag="tone", frozen=True, kw_only=True):
    """A sine."""

    frequency_hz: Hertz = 440.0
    level_db: Level = -20.0


class FileNode(SourceNode, tag="file", frozen=True, kw_only=True):
    """A recording, from its beginning; silence after its end. path: absolute. loop: begin again instead."""

    path: str
    loop: bool = False


class ProcessorNode(Node, frozen=True, kw_only=True):
    """Base of nodes that take sound and give it, as `name` or `name.out`."""


class MixerNode(ProcessorNode, tag="mixer", frozen=True, kw_only=True):
    """1 to 8 inputs become one. weights: one factor an input, for `weighted`. gain_db: of the sum.

    balance: 0 is the first input alone, 100 the second, 50 both in full (`balance`). limit: bend what exceeds 0.8 of
    full scale instead of letting it clip.
    """

    mode: MixMode = MixMode.SUM
    weights: list[Annotated[float, Meta(ge=0.0, le=8.0)]] = field(default_factory=list)
    balance: Annotated[float, Meta(ge=0.0, le=100.0)] = 50.0
    gain_db: GainDb = 0.0
    limit: bool = True


class ResamplerNode(ProcessorNode, tag="resampler", frozen=True, kw_only=True):
    """Another rate."""

    rate: Rate


class ChannelMapNode(ProcessorNode, tag="channel-map", frozen=True, kw_only=True):
    """Other channels. matrix: for each that comes out the factors of those that go in; empty: the usual ones."""

    channels: Annotated[int, Meta(ge=1, le=32)] = 2
    matrix: list[list[Annotated[float, Meta(ge=-8.0, le=8.0)]]] = field(default_factory=list)


class SplitterNode(ProcessorNode, tag="splitter", frozen=True, kw_only=True):
    """Each channel alone, as `name.1`, `name.2` and so on."""

    channels: Annotated[int, Meta(ge=1, le=32)] = 2


class VolumeNode(ProcessorNode, tag="volume", frozen=True, kw_only=True):
    """Gain, and mute. pan: -1 is left alone, 1 right alone. ramp_ms: how long a change takes, so that none clicks."""

    gain_db: GainDb = 0.0
    muted: bool = False
    pan: Annotated[float, Meta(ge=-1.0, le=1.0)] = 0.0
    ramp_ms: Annotated[float, Meta(ge=1.0, le=10_000.0)] = 20.0


class LimiterNode(ProcessorNode, tag="limiter", frozen=True, kw_only=True):
    """Nothing above the ceiling, by lowering the gain ahead of it."""

    ceiling_db: Level = -1.0
    lookahead_ms: Annotated[float, Meta(ge=0.1, le=100.0)] = 5.0
    release_ms: Milliseconds = 50.0


class CompressorNode(ProcessorNode, tag="compressor", frozen=True, kw_only=True):
    """Less of what is above the threshold. A second input, if there is one, is the key: it is listened to instead."""

    ratio: Annotated[float, Meta(ge=1.0, le=20.0)] = 4.0
    threshold_db: Level = -20.0
    attack_ms: Annotated[float, Meta(ge=0.1, le=2000.0)] = 10.0
    release_ms: Annotated[float, Meta(ge=1.0, le=9000.0)] = 100.0
    knee_db: Annotated[float, Meta(ge=0.0, le=18.0)] = 6.0
    makeup_db: Annotated[float, Meta(ge=0.0, le=30.0)] = 0.0


class Band(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One band of an equaliser. q: its quality; gain_db: of peaks and shelves."""

    kind: BandKind = BandKind.PEAK
    frequency_hz: Hertz
    gain_db: Annotated[float, Meta(ge=-40.0, le=40.0)] = 0.0
    q: Annotated[float, Meta(ge=0.1, le=30.0)] = 0.7071


class EqualiserNode(ProcessorNode, tag="equaliser", frozen=True, kw_only=True):
    """Filters, one after the other."""

    bands: Annotated[list[Band], Meta(min_length=1, max_length=16)]


class GateNode(ProcessorNode, tag="gate", frozen=True, kw_only=True):
    """Closed below the threshold. range_db: how much is taken off then."""

    threshold_db: Level = -50.0
    range_db: Annotated[float, Meta(ge=-120.0, le=0.0)] = -60.0
    attack_ms: Annotated[float, Meta(ge=0.1, le=2000.0)] = 5.0
    release_ms: Annotated[float, Meta(ge=1.0, le=9000.0)] = 200.0


class DenoiserNode(ProcessorNode, tag="denoiser", frozen=True, kw_only=True):
    """Less of a steady noise. reduction_db: how much at most; floor_db: how loud it is taken to be at first."""

    reduction_db: Annotated[float, Meta(ge=0.1, le=40.0)] = 12.0
    floor_db: Annotated[float, Meta(ge=-80.0, le=-20.0)] = -50.0


class NormaliserNode(ProcessorNode, tag="normaliser", frozen=True, kw_only=True):
    """Peaks brought to a level: lowered ahead of time, raised slowly, by `gain_db_max` at most."""

    peak_db: Level = -3.0
    lookahead_ms: Annotated[float, Meta(ge=1.0, le=1000.0)] = 20.0
    gain_db_max: Annotated[float, Meta(ge=0.0, le=40.0)] = 12.0


class LoudnessNode(ProcessorNode, tag="loudness", frozen=True, kw_only=True):
    """Loudness by EBU R128 brought to a target, true peaks below a ceiling."""

    target_lufs: Annotated[float, Meta(ge=-70.0, le=-5.0)] = -23.0
    true_peak_db: Annotated[float, Meta(ge=-9.0, le=0.0)] = -1.0
    range_lu: Annotated[float, Meta(ge=1.0, le=50.0)] = 7.0


class ObserverNode(ProcessorNode, frozen=True, kw_only=True):
    """Base of nodes that give what they take, and say something about it on a second port."""


class MeterNode(ObserverNode, tag="meter", frozen=True, kw_only=True):
    """Peak and loudness of each 100 ms, on `name.levels`."""


class SilenceDetectorNode(ObserverNode, tag="silence-detector", frozen=True, kw_only=True):
    """Where it stays below the threshold for so long, on `name.spans`."""

    threshold_db: Level = -40.0
    duration_ms: Annotated[float, Meta(ge=10.0, le=60_000.0)] = 500.0


class VoiceDetectorNode(ObserverNode, tag="voice-detector", frozen=True, kw_only=True):
    """Where somebody speaks, on `name.spans`. margin_db: how far above the noise a voice is."""

    margin_db: Annotated[float, Meta(ge=3.0, le=40.0)] = 9.0


class SinkNode(Node, frozen=True, kw_only=True):
    """Base of nodes that give nothing."""


class TrackNode(SinkNode, tag="track", frozen=True, kw_only=True):
    """A track of the session with the node's name. bit_rate: None leaves it to the codec; FLAC has none."""

    codec: SoundCodec = SoundCodec.AAC
    bit_rate: Annotated[int, Meta(ge=6_000, le=512_000)] | None = None
    label: str = ""


class WavNode(SinkNode, tag="wav", frozen=True, kw_only=True):
    """A WAV file. path: absolute; an existing file is never replaced: a number is put before its ending."""

    path: str
    samples: SampleFormat = SampleFormat.I24


class EncodedFileNode(SinkNode, tag="encoded-file", frozen=True, kw_only=True):
    """A FLAC, Opus (Ogg) or AAC (MP4) file; path as for `wav`."""

    path: str
    codec: SoundCodec = SoundCodec.FLAC


class BufferNode(SinkNode, tag="buffer", frozen=True, kw_only=True):
    """The newest `seconds` of sound in memory."""

    seconds: Annotated[float, Meta(gt=0.0, le=600.0)] = 10.0


class NullNode(SinkNode, tag="null", frozen=True, kw_only=True):
    """Takes everything and keeps nothing."""


class LevelFeedNode(SinkNode, tag="level-feed", frozen=True, kw_only=True):
    """Takes observations (`meter.levels`) to the events channel, topic `levels`, while somebody listens."""


class SpanFeedNode(SinkNode, tag="span-feed", frozen=True, kw_only=True):
    """Takes observations (`voice.spans`) to the timeline of a track. track: which one they are about."""

    track: NodeName


AnyNode = (
    MicrophoneNode
    | SystemAudioNode
    | SilenceNode
    | ToneNode
    | FileNode
    | MixerNode
    | ResamplerNode
    | ChannelMapNode
    | SplitterNode
    | VolumeNode
    | LimiterNode
    | CompressorNode
    | EqualiserNode
    | GateNode
    | DenoiserNode
    | NormaliserNode
    | LoudnessNode
    | MeterNode
    | SilenceDetectorNode
    | VoiceDetectorNode
    | TrackNode
    | WavNode
    | EncodedFileNode
    | BufferNode
    | NullNode
    | LevelFeedNode
    | SpanFeedNode
)


class SoundGraph(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All nodes. convert: whether resamplers and channel maps are put in where formats differ, or that is a fault."""

    nodes: Annotated[list[AnyNode], Meta(max_length=NODES_MAX)] = field(default_factory=list)
    convert: bool = True


class SoundChange(Struct, frozen=True, kw_only=True):
    """One setting of one node. value: as in the config file."""

    node: str
    setting: str
    value: bool | float | str | list[float]


class SoundMoment(Struct, frozen=True, kw_only=True):
    """A change and when it applies, in media time: the automation of a session is a list of them."""

    at_ns: int
    change: SoundChange
