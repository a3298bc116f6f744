"""Harm guarded against: a microphone that is not there takes the computer's sound with it, or what is left of a graph
cannot run."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.graph.checking import faults
from reeld.sessions.sound_pruning import without
from reeld.sessions.sounds import usual_graph
from reeld_proto.sound_graph import (
    AnyNode,
    CompressorNode,
    LevelFeedNode,
    MeterNode,
    MicrophoneNode,
    MixerNode,
    MixMode,
    NullNode,
    SoundGraph,
    SpanFeedNode,
    SystemAudioNode,
    ToneNode,
    TrackNode,
    VoiceDetectorNode,
    VolumeNode,
)

MIC, SYSTEM, TONE = MicrophoneNode(name="m"), SystemAudioNode(name="s"), ToneNode(name="t")


def left(*nodes: AnyNode, gone: str = "m") -> dict[str, AnyNode]:
    return {node.name: node for node in without(SoundGraph(nodes=list(nodes)), {gone}).nodes}


def test_what_hears_only_what_is_gone_goes() -> None:
    volume = VolumeNode(name="v", inputs=["m"])
    track = TrackNode(name="mic", inputs=["v"])
    other = TrackNode(name="system", inputs=["s"])
    assert set(left(MIC, volume, track, SYSTEM, other)) == {"s", "system"}


def test_a_mixer_keeps_its_other_inputs_with_their_weights() -> None:
    mixer = MixerNode(name="x", inputs=["m", "s", "t"], mode=MixMode.WEIGHTED, weights=[0.1, 0.2, 0.3])
    found = left(MIC, SYSTEM, TONE, mixer, TrackNode(name="mix", inputs=["x"]))["x"]
    assert isinstance(found, MixerNode)
    assert (found.inputs, found.weights) == (["s", "t"], [0.2, 0.3])


def test_a_balance_of_one_is_that_one_in_full() -> None:
    """Harm: 0 would be silence, because the other one, which is not there, was to be heard alone."""
    mixer = MixerNode(name="x", inputs=["m", "s"], mode=MixMode.BALANCE, balance=0.0)
    found = left(MIC, SYSTEM, mixer, TrackNode(name="mix", inputs=["x"]))["x"]
    assert isinstance(found, MixerNode)
    assert (found.inputs, found.mode) == (["s"], MixMode.SUM)


def test_a_compressor_without_its_key_listens_to_itself_and_goes_without_its_input() -> None:
    keyed = CompressorNode(name="c", inputs=["s", "m"])
    track = TrackNode(name="x", inputs=["c"])
    assert left(MIC, SYSTEM, keyed, track)["c"].inputs == ["s"]
    assert left(MIC, SYSTEM, keyed, track, gone="s") == {}


def test_what_led_only_to_what_went_goes_too() -> None:
    """Harm: a graph that says of itself that something leads nowhere, on a machine without that device."""
    keyed = CompressorNode(name="c", inputs=["s", "v"])
    found = left(
        *(MIC, SYSTEM, VolumeNode(name="v", inputs=["m"]), keyed, TrackNode(name="x", inputs=["c"])),
        *(TONE, TrackNode(name="y", inputs=["t"])),
        gone="s",
    )
    assert set(found) == {"t", "y"}


def test_what_led_nowhere_before_stays_to_be_complained_of() -> None:
    assert set(left(MIC, TONE, NullNode(name="n", inputs=["m"]))) == {"t"}


def test_a_feed_about_a_track_that_is_gone_goes() -> None:
    voice = VoiceDetectorNode(name="d", inputs=["s"])
    nodes = (MIC, TrackNode(name="a", inputs=["m"]), SYSTEM, voice, TrackNode(name="b", inputs=["d"]))
    assert "f" not in left(*nodes, SpanFeedNode(name="f", inputs=["d.spans"], track="a"))
    assert "f" in left(*nodes, SpanFeedNode(name="f", inputs=["d.spans"], track="b"))


def test_a_feed_keeps_the_meters_that_are_left() -> None:
    meters = [MeterNode(name="1", inputs=["m"]), MeterNode(name="2", inputs=["s"])]
    feed = LevelFeedNode(name="f", inputs=["1.levels", "2.levels"])
    tracks = [TrackNode(name="a", inputs=["1"]), TrackNode(name="b", inputs=["2"])]
    assert left(MIC, SYSTEM, *meters, *tracks, feed)["f"].inputs == ["2.levels"]


def test_nothing_gone_is_the_same_graph() -> None:
    graph = usual_graph()
    assert without(graph, set()) == graph
    assert without(graph, {"nobody"}) == graph


@st.composite
def sound_graphs(draw: st.DrawFn) -> SoundGraph:
    """Graphs without faults: sources, then processors that take from what was there before, each with a track."""
    nodes: list[AnyNode] = [MicrophoneNode(name="m0"), SystemAudioNode(name="s0")]
    names = ["m0", "s0"]
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["volume", "mixer", "key"]))
        one, two = draw(st.sampled_from(names)), draw(st.sampled_from(names))
        name = f"p{number}"
        if kind == "volume":
            nodes.append(VolumeNode(name=name, inputs=[one]))
        elif kind == "mixer":
            nodes.append(MixerNode(name=name, inputs=[one, two], mode=MixMode.BALANCE))
        else:
            nodes.append(CompressorNode(name=name, inputs=[one, two]))
        names.append(name)
    taken = {port for node in nodes for port in node.inputs}
    nodes += [TrackNode(name=f"t-{name}", inputs=[name]) for name in names if name not in taken or draw(st.booleans())]
    return SoundGraph(nodes=nodes)


@given(sound_graphs(), st.sampled_from([{"m0"}, {"s0"}, {"m0", "s0"}]))
def test_what_is_left_of_a_graph_without_faults_has_none(graph: SoundGraph, gone: set[str]) -> None:
    assert faults(graph) == []
    found = without(graph, gone)
    assert not gone & {node.name for node in found.nodes}
    if found.nodes:
        assert faults(found) == []
    kept = {node.name for node in found.nodes if isinstance(node, TrackNode)}
    alone = {node.name for node in graph.nodes if isinstance(node, TrackNode) and not heard(graph, node.name) & gone}
    assert alone <= kept


def heard(graph: SoundGraph, name: str) -> set[str]:
    """The sources that a node hears."""
    inputs = next(node.inputs for node in graph.nodes if node.name == name)
    return {source for port in inputs for source in heard(graph, port)} if inputs else {name}
