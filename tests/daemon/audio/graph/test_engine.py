"""Harm guarded against: frames lost, doubled or shifted between sources and tracks, above all at forks and joins."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reeld.audio.graph.edge import PRESSED
from reeld.audio.graph.engine import NodeFailed, percentiles_ms
from reeld.audio.graph.nodes import SOURCE_S_MAX
from reeld.audio.samples import RATE, Samples, silence
from reeld_proto.sound_graph import AnyNode, MixerNode, NullNode, SilenceNode, SoundGraph, VolumeNode
from tests.daemon.audio.fakes import counting
from tests.daemon.audio.graph.parts import Broken, Delay, Rig, Tape
from tests.daemon.audio.graph.samples import graph_of

lengths = st.lists(st.integers(0, 300), max_size=12)

TWO = """
    mic microphone
    system system-audio
    mix mixer < mic system
    k-mic null < mic
    k-system null < system
    k-mix null < mix
"""


def added(*parts: Samples) -> Samples:
    total = silence(max(map(len, parts)))
    for part in parts:
        total[: len(part)] += part
    return total


@given(mic=lengths, system=lengths, pulls=st.integers(0, 14), latency=st.integers(0, 500))
def test_each_track_holds_its_source_and_the_mix_their_sum_to_the_last_frame(
    mic: list[int], system: list[int], pulls: int, latency: int
) -> None:
    tapes = {"mic": Tape(mic), "system": Tape(system, level=0.5)}
    rig = Rig(graph_of(TWO), tapes, {"mix": lambda _: Delay(latency)})
    for _ in range(pulls):
        rig.graph.pull(10**9)
        mixed = sum(map(len, rig.got["k-mix"]))
        assert mixed == max(0, min(tape.given for tape in tapes.values()) - latency)
    rig.run_out()
    assert np.array_equal(rig.sink("k-mic"), tapes["mic"].whole())
    assert np.array_equal(rig.sink("k-system"), tapes["system"].whole())
    assert np.array_equal(rig.sink("k-mix"), added(tapes["mic"].whole(), tapes["system"].whole()))


@st.composite
def webs(draw: st.DrawFn) -> tuple[SoundGraph, dict[str, int], dict[str, list[int]]]:
    """A graph of up to three sources and ten mixers with latencies; a sink behind every node."""
    sources = {f"s{index}": draw(st.lists(st.integers(0, 200), max_size=6)) for index in range(draw(st.integers(1, 3)))}
    nodes: list[SilenceNode | MixerNode | NullNode] = [SilenceNode(name=name) for name in sources]
    latencies: dict[str, int] = {}
    for index in range(draw(st.integers(1, 10))):
        known = [node.name for node in nodes]
        inputs = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4))
        nodes.append(MixerNode(name=f"m{index}", inputs=inputs))
        latencies[f"m{index}"] = draw(st.integers(0, 300))
    nodes += [NullNode(name=f"k-{node.name}", inputs=[node.name]) for node in list(nodes)]
    return SoundGraph(nodes=list(draw(st.permutations(nodes)))), latencies, sources


def delay(latency: int, _node: AnyNode) -> Delay:
    return Delay(latency)


@given(web=webs(), pulls=st.integers(0, 8))
def test_whatever_the_graph_its_delays_and_its_pulls_every_frame_meets_its_own_kind(
    web: tuple[SoundGraph, dict[str, int], dict[str, list[int]]], pulls: int
) -> None:
    graph, latencies, sources = web
    tapes = {name: Tape(each, level=1 / 64) for name, each in sources.items()}
    kernels = {name: partial(delay, latency) for name, latency in latencies.items()}
    rig = Rig(graph, tapes, kernels)
    for _ in range(pulls):
        rig.graph.pull(10**9)
    rig.run_out()
    expected = {name: tape.whole() for name, tape in tapes.items()}
    for index in range(len(latencies)):
        node = next(node for node in graph.nodes if node.name == f"m{index}")
        expected[node.name] = added(*(expected[name] for name in node.inputs))
    for name, samples in expected.items():
        got = rig.got[f"k-{name}"]
        assert sum(map(len, got)) == len(samples), name
        if len(samples):
            # Sums of counters below 2^24 are exact in float32, so equal means equal.
            assert np.allclose(rig.sink(f"k-{name}"), samples, rtol=1e-6), name


def test_nothing_is_read_beyond_the_frame_that_was_asked_for() -> None:
    rig = Rig(graph_of("s silence\nk null < s"), {"s": Tape([1000] * 5)})
    rig.graph.pull(1300)
    rig.graph.pull(1300)
    assert rig.tapes["s"].given == 1300
    assert not rig.graph.pull(1300)


def test_after_a_standstill_a_source_is_read_in_parts() -> None:
    rig = Rig(graph_of("s silence\nk null < s"), {"s": Tape([RATE * 60])})
    assert rig.graph.pull(RATE * 60)
    assert rig.tapes["s"].given == SOURCE_S_MAX * RATE


def test_a_source_that_stands_still_holds_the_others_back_and_nothing_is_lost() -> None:
    still, moving = Tape([0] * 100 + [RATE * 40]), Tape([RATE] * 40)
    rig = Rig(graph_of(TWO), {"mic": still, "system": moving})
    for _ in range(60):
        rig.graph.pull(10**9)
    assert rig.graph.is_pressed
    limit = 30 * RATE
    assert PRESSED * limit <= moving.given <= limit
    rig.run_out()
    assert np.array_equal(rig.sink("k-mix"), added(still.whole(), moving.whole()))
    assert not rig.graph.is_pressed


@given(at=st.integers(0, 900), latency=st.integers(0, 200), blocks=st.lists(st.integers(1, 300), max_size=8))
def test_a_change_holds_from_its_frame_on_and_not_one_earlier(at: int, latency: int, blocks: list[int]) -> None:
    graph = graph_of("s silence\nv volume < s\nk null < v")
    volume = graph.nodes[1]
    assert isinstance(volume, VolumeNode)

    def make(node: object) -> Delay:
        assert isinstance(node, VolumeNode)
        return Delay(latency if node.gain_db else latency // 2, 0.5 if node.gain_db else 1.0)

    rig = Rig(graph, {"s": Tape([*blocks, 1000])}, {"v": make})
    rig.graph.schedule(at, structs.replace(volume, gain_db=-6.0))
    for _ in blocks:
        rig.graph.pull(10**9)
    rig.run_out()
    expected = rig.tapes["s"].whole()
    expected[at:] *= np.float32(0.5)
    assert np.array_equal(rig.sink("k"), expected)


def test_a_change_that_comes_late_holds_from_the_next_frame_on() -> None:
    graph = graph_of("s silence\nv volume < s\nk null < v")
    volume = graph.nodes[1]
    assert isinstance(volume, VolumeNode)
    rig = Rig(graph, {"s": Tape([500, 500])})
    rig.graph.pull(10**9)
    rig.graph.schedule(100, structs.replace(volume, gain_db=20.0))
    rig.run_out()
    expected = rig.tapes["s"].whole()
    expected[500:] *= np.float32(10)
    assert np.allclose(rig.sink("k"), expected)


@pytest.mark.parametrize("latency", [0, 70])
def test_a_kernel_that_breaks_is_left_out_and_every_frame_stays_in_its_place(latency: int) -> None:
    told: list[tuple[str, str]] = []

    def recover(name: str, error: Exception) -> bool:
        told.append((name, str(error)))
        return True

    rig = Rig(
        graph_of("s silence\nv volume < s\nk null < v"),
        {"s": Tape([100] * 6)},
        {"v": lambda _: Broken(latency, 3)},
        recover,
    )
    for _ in range(6):
        rig.graph.pull(10**9)
    rig.run_out()
    expected = counting(0, 600)
    expected[300 - latency : 300] = 0
    assert np.array_equal(rig.sink("k"), expected)
    assert told == [("v", "no more")]


def test_an_error_that_nobody_recovers_from_names_the_node() -> None:
    rig = Rig(graph_of("s silence\nv volume < s\nk null < v"), {"s": Tape([10])}, {"v": lambda _: Broken(0, 0)})
    with pytest.raises(NodeFailed, match="v failed: no more") as caught:
        rig.graph.pull(10**9)
    assert caught.value.node == "v"
    assert [times.errors for times in rig.graph.times()] == [0, 1, 0]


def test_channels_go_their_own_ways() -> None:
    rig = Rig(graph_of("s silence\np splitter < s\na null < p.1\nb null < p.2"), {"s": Tape([10])})
    rig.run_out()
    assert rig.sink("a").shape == rig.sink("b").shape == (10, 1)


def test_what_each_node_did_and_how_full_its_queues_are_is_told() -> None:
    rig = Rig(graph_of(TWO), {"mic": Tape([RATE]), "system": Tape([])})
    rig.graph.pull(10**9)
    found = {times.node: times for times in rig.graph.times()}
    assert found["mic"].frames == found["k-mic"].frames == RATE
    assert found["mix"].fullness == pytest.approx(1 / 30)
    assert found["mic"].type == "microphone"
    assert all(times.pulls == 1 and times.busy_ns > 0 for times in found.values())
    queues = {queue.name: queue.depth for queue in rig.graph.queues()}
    assert queues["mic-mix"] == RATE
    assert queues["mic-k-mic"] == 0
    p50, p95, p99 = percentiles_ms(found["mix"].newest_ns)
    assert 0 < p50 <= p95 <= p99
    assert percentiles_ms([]) == (0.0, 0.0, 0.0)
    assert percentiles_ms(range(0, 100_000_000, 1_000_000)) == (50.0, 95.0, 99.0)
