"""Harm guarded against: a person corrects one fault of a graph after the other, or a typo silently changes nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import (
    CompressorNode,
    MicrophoneNode,
    MixerNode,
    MixMode,
    SoundGraph,
    TrackNode,
)
from reeld_proto.sound_reading import NODE_TYPES, graph_in, read_graph
from tests.proto.messages import structs

GRAPH = """
[[nodes]]
type = "microphone"
name = "mic-in"

[[nodes]]
type = "compressor"
name = "squeeze"
inputs = ["mic-in"]
ratio = 3
threshold_db = -24.5

[[nodes]]
type = "mixer"
name = "bus"
inputs = ["squeeze", "mic-in"]
mode = "average"

[[nodes]]
type = "track"
name = "mix"
inputs = ["bus"]
"""
READ = SoundGraph(
    nodes=[
        MicrophoneNode(name="mic-in"),
        CompressorNode(name="squeeze", inputs=["mic-in"], ratio=3.0, threshold_db=-24.5),
        MixerNode(name="bus", inputs=["squeeze", "mic-in"], mode=MixMode.AVERAGE),
        TrackNode(name="mix", inputs=["bus"]),
    ]
)


def faults_of(text: str) -> tuple[str, ...]:
    with pytest.raises(RequestRejected) as caught:
        graph_in(text, "x.toml")
    assert str(caught.value).startswith("x.toml")
    return caught.value.faults or (str(caught.value),)


def test_a_file_holds_a_graph_bare_or_below_audio() -> None:
    assert graph_in(GRAPH, "x") == READ
    assert graph_in(GRAPH.replace("[[nodes]]", "[[audio.nodes]]"), "x") == READ
    assert graph_in(f"convert = false\n{GRAPH}", "x").convert is False


def test_every_fault_is_told_at_once_with_the_nearest_known_name() -> None:
    text = """
    connvert = true
    [[nodes]]
    type = "microfone"
    name = "a"
    [[nodes]]
    type = "volume"
    name = "b"
    gain_bd = 3
    [[nodes]]
    type = "volume"
    name = "c"
    gain_db = 99
    [[nodes]]
    name = "d"
    [[nodes]]
    type = "track"
    name = "Not A Name"
    """
    faults = faults_of(text)
    assert len(faults) == 6
    for word in (
        "unknown key connvert; the nearest known one is convert",
        "node a: there is no type 'microfone'; the nearest known one is microphone",
        "node b: unknown key gain_bd; the nearest known one is gain_db",
        "node c: gain_db: expected `float` <= 30.0",
        "node d has no type; known ones are microphone, ",
        "node Not A Name: name: expected `str` matching",
    ):
        assert any(word in fault for fault in faults), (word, faults)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nodes = 3", "must be tables"),
        ("nodes = [3]", "is no table"),
        ("convert = 3", "must be true or false"),
        ("[[nodes]]\ntype = 3\nname = 'x'", "there is no type 3"),
        ("[[nodes", "not valid TOML"),
        ("[[nodes]]\ntype = 'tone'\nname = 't'\n" * 65, "65 nodes are more than 64"),
        ("[[nodes]]\ntype = ''", "node 1 of nodes: there is no type ''"),
    ],
)
def test_what_is_no_graph_is_said_in_words(text: str, word: str) -> None:
    assert any(word in fault for fault in faults_of(text))


@given(st.sampled_from(list(NODE_TYPES.values())).flatmap(structs))
def test_whatever_can_be_a_node_is_read_as_it_was_written(node: msgspec.Struct) -> None:
    graph, faults = read_graph({"nodes": [msgspec.to_builtins(node)]})
    assert (graph.nodes, faults) == ([node], [])


NOISE = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
)


@given(NOISE, st.sampled_from(["nodes", "type", "name", "gain_db", "convert"]))
def test_noise_is_a_fault_and_never_a_crash(noise: object, key: str) -> None:
    row = {"type": "volume", "name": "v", key: noise}
    tables: list[dict[str, object]] = [{key: noise}, {"nodes": [row]}, {"nodes": [noise]}]
    for table in tables:
        graph, faults = read_graph(table)
        rows = table.get("nodes", [])
        assert faults or (isinstance(rows, list) and len(graph.nodes) == len(rows))
