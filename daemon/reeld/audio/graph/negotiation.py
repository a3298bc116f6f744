"""Which rate and channels each connection has, and where they must be converted. Pure, without numpy.

Sources give 48 kHz stereo; processors give what they take, unless changing it is what they are for. Where several
inputs meet, or a codec is choosy, formats differ: with `convert` a resampler or a channel map is put in between,
without it that is a fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import structs

from reeld.audio.graph.ports import SOURCE_CHANNELS, SOURCE_RATE, PortType, ports_of, split_reference
from reeld_proto.sound_graph import (
    AnyNode,
    ChannelMapNode,
    CompressorNode,
    EncodedFileNode,
    EqualiserNode,
    MixerNode,
    ResamplerNode,
    SoundCodec,
    SoundGraph,
    SourceNode,
    SplitterNode,
    TrackNode,
)

CODEC_RATES = {
    SoundCodec.AAC: (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000),
    SoundCodec.OPUS: (8_000, 12_000, 16_000, 24_000, 48_000),
}
"""Rates that a codec can hold; FLAC holds any."""
CODEC_CHANNELS_MAX = 2


@dataclass(frozen=True)
class Format:
    """Frames a second, and samples a frame."""

    rate: int
    channels: int

    def __str__(self) -> str:
        names = {1: "mono", 2: "stereo"}
        return f"{self.rate} Hz {names.get(self.channels, f'with {self.channels} channels')}"


SOURCE_FORMAT = Format(SOURCE_RATE, SOURCE_CHANNELS)


@dataclass(frozen=True)
class Negotiated:
    """graph: with all conversions in it. inputs: format of the sound that goes into each node, by its name.

    outputs: of what comes out, for nodes that give sound. converted: giver, its format, taker, the format it needs.
    """

    graph: SoundGraph
    inputs: dict[str, list[Format]]
    outputs: dict[str, Format]
    converted: list[tuple[str, Format, str, Format]]


def negotiate(graph: SoundGraph) -> Negotiated:
    """The graph with what it needs to work. It has no faults but for those of formats, which `format_faults` finds."""
    made = _Negotiation(graph)
    for name in made.order():
        made.place(made.nodes[name])
    return Negotiated(structs.replace(graph, nodes=made.placed), made.inputs, made.outputs, made.converted)


def format_faults(graph: SoundGraph) -> list[str]:
    """Where formats do not fit: conversions that are needed and not allowed, and settings that the rate forbids."""
    found = negotiate(graph)
    faults: list[str] = []
    if not graph.convert:
        faults += [
            f"{giver} gives {has}, but {taker} needs {wants}; put a resampler or channel-map between them,"
            " or set convert = true"
            for giver, has, taker, wants in found.converted
        ]
    for node in found.graph.nodes:
        faults += _rate_faults(node, found.inputs.get(node.name, []))
    return faults


def _rate_faults(node: AnyNode, inputs: list[Format]) -> Iterator[str]:
    if not inputs:
        return
    half = inputs[0].rate / 2
    if isinstance(node, EqualiserNode):
        for band in node.bands:
            if band.frequency_hz >= half:
                yield f"{node.name} has a band at {band.frequency_hz:g} Hz; at this rate it must be below {half:g} Hz"
    if isinstance(node, ChannelMapNode) and any(len(row) != inputs[0].channels for row in node.matrix):
        yield f"{node.name} takes {inputs[0].channels} channels; each row of its matrix needs as many factors"
    if isinstance(node, SplitterNode) and node.channels != inputs[0].channels:
        yield f"{node.name} splits {node.channels} channels, but takes {inputs[0].channels}; set channels to that"


class _Negotiation:
    """Places nodes in order, with conversions before those that need them."""

    def __init__(self, graph: SoundGraph) -> None:
        self.nodes = {node.name: node for node in graph.nodes}
        self.placed: list[AnyNode] = []
        self.inputs: dict[str, list[Format]] = {}
        self.outputs: dict[str, Format] = {}
        self.converted: list[tuple[str, Format, str, Format]] = []
        self._count = 0
        self._made: dict[tuple[str, Format], str] = {}

    def order(self) -> list[str]:
        """Names, givers first; in the order of the graph otherwise."""
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            if name in done or name not in self.nodes:
                return
            for reference in self.nodes[name].inputs:
                visit(split_reference(reference)[0])
            done[name] = None

        for name in self.nodes:
            visit(name)
        return list(done)

    def place(self, node: AnyNode) -> None:
        """Give a node its formats; what it takes from is placed already."""
        if ports_of(node).takes is not PortType.SOUND:
            self.placed.append(node)
            return
        given = [self.outputs[split_reference(reference)[0]] for reference in node.inputs]
        wanted = _wanted(node, given)
        references = [
            reference if has == wants else self._converted(reference, has, wants)
            for reference, has, wants in zip(node.inputs, given, wanted, strict=True)
        ]
        self.converted += [
            (reference, has, node.name, wants)
            for reference, has, wants in zip(node.inputs, given, wanted, strict=True)
            if has != wants
        ]
        self.placed.append(node if references == node.inputs else structs.replace(node, inputs=references))
        self.inputs[node.name] = wanted
        if ports_of(node).outputs:
            self.outputs[node.name] = _given(node, wanted)

    def _converted(self, reference: str, has: Format, wants: Format) -> str:
        """The node after which sound has the format that is wanted; the same for all that want it from there."""
        # Whichever order resamples fewer channels.
        between = (
            Format(has.rate, wants.channels) if wants.channels < has.channels else Format(wants.rate, has.channels)
        )
        for step in (between, wants):
            if step == has:
                continue
            key = reference, step
            if key not in self._made:
                self._made[key] = self._conversion(reference, has, step)
            reference, has = self._made[key], step
        return reference

    def _conversion(self, reference: str, has: Format, wants: Format) -> str:
        self._count += 1
        while (name := f"convert-{self._count}") in self.nodes:
            self._count += 1
        node: AnyNode
        if has.rate != wants.rate:
            node = ResamplerNode(name=name, inputs=[reference], rate=wants.rate)
        else:
            node = ChannelMapNode(name=name, inputs=[reference], channels=wants.channels)
        self.placed.append(node)
        self.inputs[name] = [has]
        self.outputs[name] = wants
        return name


def _wanted(node: AnyNode, given: list[Format]) -> list[Format]:
    """The formats in which a node takes what it is given."""
    if not given:
        return []
    match node:
        case MixerNode():
            best = Format(max(each.rate for each in given), max(each.channels for each in given))
            return [best] * len(given)
        case CompressorNode():
            return [given[0]] * len(given)
        case TrackNode(codec=codec) | EncodedFileNode(codec=codec):
            return [_encodable(given[0], codec)]
        case _:
            return given


def _encodable(given: Format, codec: SoundCodec) -> Format:
    rates = CODEC_RATES.get(codec, (given.rate,))
    # The next rate up loses nothing.
    rate = next((each for each in rates if each >= given.rate), rates[-1])
    return Format(rate, min(given.channels, CODEC_CHANNELS_MAX))


def _given(node: AnyNode, inputs: list[Format]) -> Format:
    match node:
        case SourceNode():
            return SOURCE_FORMAT
        case ResamplerNode(rate=rate):
            return Format(rate, inputs[0].channels)
        case ChannelMapNode(channels=channels):
            return Format(inputs[0].rate, channels)
        case SplitterNode():
            return Format(inputs[0].rate, 1)
        case _:
            return inputs[0]
