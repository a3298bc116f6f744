"""The graph of sounds of a session: the configured one or the usual one, its devices found, its tracks named. Pure.

        mic-in ─► mic-voice ─┬─► mic                                   (as it came, so that it can be mixed anew)
                             └─► mic-volume ─► mic-meter ─┐
                                                          ├─► mix-bus ─► mix-limiter ─► mix-meter ─► mix
        system-in ───────────┬─► system-volume ─► system-meter ─┘
                             └─► system

Of one source alone there is no mix; its track is then what its volume gives.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from reeld.audio.graph.walking import sources_of
from reeld.audio.recordable import recording_faults
from reeld.sessions.findings import SOURCES_REMEDY, Findings, device_code, unknown
from reeld.sessions.sound_changes import check_edit
from reeld.sessions.sound_pruning import without
from reeld_proto.commands import ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.records import AudioSource
from reeld_proto.sound_graph import (
    AnyNode,
    DeviceNode,
    LevelFeedNode,
    LimiterNode,
    MeterNode,
    MicrophoneNode,
    MixerNode,
    MixMode,
    SoundCodec,
    SoundGraph,
    SourceNode,
    SpanFeedNode,
    SystemAudioNode,
    TrackNode,
    VoiceDetectorNode,
    VolumeNode,
)
from reeld_proto.workers import AudioTrackSpec

DEFAULT, NONE = "default", "none"
MIX = "mix"


@dataclass(frozen=True, kw_only=True)
class SoundPlan:
    """What the sound of a session runs through. devices: the id that each device node opens."""

    graph: SoundGraph = field(default_factory=SoundGraph)
    devices: dict[str, str] = field(default_factory=dict)
    tracks: list[AudioTrackSpec] = field(default_factory=list)


def usual_graph(*, microphone: bool = True, system_audio: bool = True) -> SoundGraph:
    """The graph that is used where none is configured."""
    both = microphone and system_audio
    nodes: list[AnyNode] = []
    meters = []
    if microphone:
        nodes += [MicrophoneNode(name="mic-in"), VoiceDetectorNode(name="mic-voice", inputs=["mic-in"])]
        nodes += _fader("mic", "mic-voice")
        meters.append("mic-meter")
    if system_audio:
        nodes += [SystemAudioNode(name="system-in"), *_fader("system", "system-in")]
        meters.append("system-meter")
    if both:
        mixed = ["mic-meter", "system-meter"]
        nodes += [
            MixerNode(name="mix-bus", inputs=mixed, mode=MixMode.BALANCE, limit=False),
            LimiterNode(name="mix-limiter", inputs=["mix-bus"]),
            MeterNode(name="mix-meter", inputs=["mix-limiter"]),
            TrackNode(name=MIX, inputs=["mix-meter"], label=MIX),
        ]
        meters.append("mix-meter")
    # What plays by default is AAC, which every player has; what is beside it takes half the time as Opus.
    alone = SoundCodec.OPUS if both else SoundCodec.AAC
    if microphone:
        nodes.append(TrackNode(name="mic", inputs=["mic-voice" if both else "mic-meter"], codec=alone))
    if system_audio:
        nodes.append(TrackNode(name="system", inputs=["system-in" if both else "system-meter"], codec=alone))
    if meters:
        nodes.append(LevelFeedNode(name="levels", inputs=[f"{meter}.levels" for meter in meters]))
    if microphone:
        nodes.append(SpanFeedNode(name="voice-marks", inputs=["mic-voice.spans"], track="mic"))
    return SoundGraph(nodes=nodes)


def _fader(kind: str, after: str) -> list[AnyNode]:
    return [
        VolumeNode(name=f"{kind}-volume", inputs=[after]),
        MeterNode(name=f"{kind}-meter", inputs=[f"{kind}-volume"]),
    ]


def graph_asked(request: StartSession, configured: SoundGraph | None) -> SoundGraph | None:
    """The graph that somebody wrote for this session; None if the usual one is meant."""
    return configured if request.audio is None else request.audio


def wants_audio(request: StartSession, configured: SoundGraph | None = None) -> bool:
    """Whether the request asks for sound, by name or by default."""
    asked = graph_asked(request, configured)
    if asked is None:
        return (request.microphone, request.system_audio) != (NONE, NONE)
    return any(isinstance(node, SourceNode) and _choice(node, request) != NONE for node in asked.nodes)


def names_audio(request: StartSession, configured: SoundGraph | None = None) -> bool:
    """Whether the request names what it wants to hear, so that losing it is an error."""
    asked = graph_asked(request, configured)
    choices = [request.microphone or DEFAULT, request.system_audio or DEFAULT]
    choices += [_choice(node, request) for node in asked.nodes if isinstance(node, DeviceNode)] if asked else []
    return request.audio is not None or any(choice not in {DEFAULT, NONE} for choice in choices)


def plan_sounds(
    request: StartSession, listed: Sources | ErrorReply, configured: SoundGraph | None, findings: Findings
) -> SoundPlan:
    """What is recorded of sound. What is wrong with the request is a fault, a default that is missing a warning."""
    asked = graph_asked(request, configured)
    for fault in recording_faults(asked) if asked is not None else ():
        findings.fault(fault)
    chosen = _Chosen(request, listed, findings)
    graph = asked or usual_graph(
        microphone=chosen.source("microphone", request.microphone or DEFAULT) is not None,
        system_audio=chosen.source("system audio", request.system_audio or DEFAULT) is not None,
    )
    graph = _named(graph, request)
    gone = {node.name for node in graph.nodes if isinstance(node, DeviceNode) and chosen.of(node) is None}
    graph = without(graph, gone)
    tracks = tracks_of(graph, chosen.sources)
    if not tracks or findings.faults:
        return SoundPlan()
    for fault in recording_faults(graph):
        findings.fault(f"{fault} (without what there is no device for: {', '.join(sorted(gone)) or 'nothing'})")
    names = {node.name for node in graph.nodes}
    devices = {name: source.id for name, source in chosen.sources.items() if name in names}
    return SoundPlan(graph=graph, devices=devices, tracks=tracks)


def plan_edit(graph: SoundGraph, before: SoundPlan, listed: Sources | ErrorReply | None) -> SoundPlan:
    """Another graph for a recording that runs. Raises a ReeldError with every fault, a missing device among them."""
    check_edit(graph, before.graph)
    findings = Findings()
    chosen = _Chosen(StartSession(), Sources() if listed is None else listed, findings)
    for node in graph.nodes:
        if isinstance(node, DeviceNode):
            chosen.of(node)
    for warning in findings.warnings:
        findings.fault(warning, ErrorCode.NO_AUDIO, SOURCES_REMEDY)
    if findings.faults:
        raise findings.error()
    devices = {name: source.id for name, source in chosen.sources.items()}
    return SoundPlan(graph=graph, devices=devices, tracks=before.tracks)


def tracks_of(graph: SoundGraph, sources: dict[str, AudioSource]) -> list[AudioTrackSpec]:
    """The tracks in the order of their nodes. sources: of device nodes by their names."""
    specs = []
    for node in graph.nodes:
        if isinstance(node, TrackNode):
            heard = sources_of(node.name, graph)
            alone = heard[0] if len(heard) == 1 else None
            device = sources.get(alone.name) if alone is not None else None
            spec = AudioTrackSpec(
                track=node.name,
                label=node.label or (device.name if device is not None else node.name),
                role=_role(heard),
                source=device.id if device is not None else "",
                codec=node.codec,
                bit_rate=node.bit_rate,
            )
            specs.append(spec)
    return specs


def _named(graph: SoundGraph, request: StartSession) -> SoundGraph:
    """The graph with the devices that the request names in the place of `default`."""
    nodes = [
        structs.replace(node, device=choice)
        if isinstance(node, DeviceNode) and (choice := _choice(node, request)) not in {node.device, NONE}
        else node
        for node in graph.nodes
    ]
    return structs.replace(graph, nodes=nodes)


def _choice(node: SourceNode, request: StartSession) -> str:
    """What is to be opened for a source: an id, `default`, or `none`, which holds also for devices with an id."""
    if not isinstance(node, DeviceNode):
        return ""
    asked = (request.microphone if isinstance(node, MicrophoneNode) else request.system_audio) or DEFAULT
    return asked if asked == NONE or node.device == DEFAULT else node.device


def _role(heard: Collection[AnyNode]) -> str:
    if len(heard) > 1:
        return MIX
    kinds: dict[type, str] = {MicrophoneNode: "mic", SystemAudioNode: "system"}
    return next((kinds.get(type(node), "other") for node in heard), "other")


class _Chosen:
    """Devices that were looked for, each once, so that nothing is complained of twice. sources: found, by node."""

    def __init__(self, request: StartSession, listed: Sources | ErrorReply, findings: Findings) -> None:
        self._request = request
        self._listed = listed
        self._findings = findings
        self._known: dict[tuple[str, str], AudioSource | None] = {}
        self.sources: dict[str, AudioSource] = {}

    def of(self, node: DeviceNode) -> AudioSource | None:
        """The device for a node."""
        kind = "microphone" if isinstance(node, MicrophoneNode) else "system audio"
        found = self.source(kind, _choice(node, self._request))
        if found is not None:
            self.sources[node.name] = found
        return found

    def source(self, kind: str, choice: str) -> AudioSource | None:
        """The device of that id, or the default one."""
        if (kind, choice) not in self._known:
            lists = Sources() if isinstance(self._listed, ErrorReply) else self._listed
            sources = lists.microphones if kind == "microphone" else lists.system_audio
            self._known[kind, choice] = _chosen_sound(kind, choice, sources, self._listed, self._findings)
        return self._known[kind, choice]


def _chosen_sound(
    kind: str, choice: str, sources: Sequence[AudioSource], listed: Sources | ErrorReply, findings: Findings
) -> AudioSource | None:
    if choice == "none":
        return None
    if choice == "default":
        found = next((source for source in sources if source.default), sources[0] if sources else None)
        if found is None:
            why = listed.message if isinstance(listed, ErrorReply) else "; ".join(listed.warnings) or "there is none"
            findings.warnings.append(f"no {kind} is recorded: {why}")
        return found
    if isinstance(listed, ErrorReply):
        findings.fault(f"{kind} {choice!r}: {listed.message}", device_code(listed), listed.remedy)
        return None
    for source in sources:
        if source.id == choice:
            return source
    if not listed.microphones and not listed.system_audio:
        why = "; ".join(listed.warnings) or "no sound device can be reached"
        findings.fault(f"{kind} {choice!r}: {why}", ErrorCode.NO_AUDIO, SOURCES_REMEDY)
    else:
        known = [source.id for source in sources]
        findings.fault(unknown(kind, choice, known), ErrorCode.NOT_FOUND, SOURCES_REMEDY)
    return None
