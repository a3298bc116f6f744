"""Harm guarded against: a graph that records nothing, or half of it, and says so only after the session."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.graph.checking import faults, order_of
from reeld_proto.sound_graph import AnyNode, MixerNode, NullNode, SilenceNode, SoundGraph
from tests.daemon.audio.graph.samples import graph_of

WHOLE = """
    mic microphone
    voice voice-detector < mic
    volume volume < voice
    bus mixer < volume system
    system system-audio
    meter meter < bus
    mix track < meter
    mic-track track < mic
    levels level-feed < meter.levels
    marks span-feed < voice.spans : track = "mic-track"
"""


def test_a_whole_graph_has_no_fault_and_an_order() -> None:
    graph = graph_of(WHOLE)
    assert faults(graph) == []
    order = order_of(graph)
    for node in graph.nodes:
        for reference in node.inputs:
            assert order.index(reference.split(".")[0]) < order.index(node.name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no source"),
        ("mic microphone", "no sink"),
        ("mic microphone\nt track < mik", "takes from mik, which is no node; the nearest one is mic"),
        ("mic microphone\nmic tone\nt track < mic", "two nodes called mic"),
        ("mic microphone\nt track < mic\nv volume < mic", "v leads nowhere"),
        ("mic microphone\nt track < mic\nu null < t", "t, which is a sink"),
        (
            "mic microphone\nm meter < mic\nt track < m.levels",
            "t takes sound, but m.levels gives levels; take from m.out",
        ),
        ("mic microphone\nm meter < mic\nl level-feed < m", "take from m.levels"),
        ("mic microphone\nm meter < mic\nt track < m.left", "m has no port 'left'; it has out, levels"),
        ("mic microphone < mic\nt track < mic", "mic is a source and takes no inputs"),
        ("mic microphone\nv volume < mic mic\nt track < v", "v takes exactly 1 input, not 2"),
        ("mic microphone\nm mixer\nt track < m\nu track < mic", "m takes 1 to 8 inputs, not 0"),
        ("mic microphone\na volume < b\nb volume < a\nt track < b\nu track < mic", "circle"),
        ('mic microphone\nm mixer < mic : mode = "balance"\nt track < m', "balances exactly 2 inputs, not 1"),
        ('mic microphone\nm mixer < mic : mode = "weighted"\nt track < m', "one weight for each of its 1 inputs"),
        ('mic microphone\nw wav < mic : path = "here.wav"', "absolute path"),
        ("mic microphone\nc channel-map < mic : channels = 2 ; matrix = [[1.0, 0.0]]\nt track < c", "row of factors"),
        ("mic microphone\nc channel-map < mic : channels = 1 ; matrix = [[1.0]]\nt track < c", "takes 2 channels"),
        ("mic microphone\ns splitter < mic : channels = 4\nt track < s.1", "splits 4 channels, but takes 2"),
        (
            "mic microphone\nd silence-detector < mic\nt track < d\nf span-feed < d.spans : track = 'tt'",
            "tt, which is no track; the nearest one is t",
        ),
        (
            (
                "mic microphone\nr resampler < mic : rate = 8000\ne equaliser < r : bands = [{frequency_hz = 5000.0}]\n"
                "t track < e"
            ),
            "must be below 4000 Hz",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_node(text: str, words: str) -> None:
    found = faults(graph_of(text))
    assert any(words in fault for fault in found), found


def test_all_faults_are_told_at_once() -> None:
    found = faults(graph_of("mic microphone\nv volume < mik\nm mixer < v mic\nx null < mic.left"))
    assert len(found) >= 3


@given(st.data())
def test_any_chain_in_order_is_sound_and_any_back_edge_is_a_circle(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    names = [f"n{index}" for index in range(count)]
    nodes: list[AnyNode] = [SilenceNode(name="s")]
    mixers = [
        MixerNode(name=name, inputs=[data.draw(st.sampled_from(["s", *names[:index]]))])
        for index, name in enumerate(names)
    ]
    taken = {mixer.inputs[0] for mixer in mixers}
    sinks = [NullNode(name=f"k-{name}", inputs=[name]) for name in ["s", *names] if name not in taken]
    straight: list[AnyNode] = [*nodes, *mixers, *sinks]
    assert faults(SoundGraph(nodes=list(data.draw(st.permutations(straight))))) == []
    first = mixers[0]
    looped: list[AnyNode] = [*nodes, *sinks, *mixers[1:], MixerNode(name=first.name, inputs=[*first.inputs, names[-1]])]
    reached = names[-1]
    chain = {mixer.name: mixer.inputs[0] for mixer in mixers}
    while reached not in {"s", first.name}:
        reached = chain[reached]
    assert any("circle" in fault for fault in faults(SoundGraph(nodes=looped))) == (reached == first.name)
