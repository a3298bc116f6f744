"""Harm guarded against: frames lost, doubled or shifted between sources and tracks, above all at forks and joins."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.graph.engine import Graph
from reeld.audio.graph.nodes import Mixer, Node, Resampler, Sink, Source
from reeld.audio.samples import Samples, join, silence
from reeld_proto.errors import RequestRejected
from tests.daemon.audio.fakes import counting


class Tape:
    """A source that gives the blocks it is told to, and a memory of what each sink got."""

    def __init__(self, lengths: list[int], level: float = 1.0) -> None:
        self._lengths = list(lengths)
        self._level = level
        self.given = 0

    def read(self) -> Samples:
        frames = self._lengths.pop(0) if self._lengths else 0
        self.given += frames
        return counting(self.given - frames, frames) * np.float32(self._level)


def collect() -> tuple[list[Samples], Callable[[Samples], None]]:
    got: list[Samples] = []
    return got, got.append


lengths = st.lists(st.integers(0, 300), max_size=12)


@given(mic=lengths, system=lengths, pulls=st.integers(0, 14))
def test_each_track_holds_its_source_and_the_mix_their_sum_to_the_last_frame(
    mic: list[int], system: list[int], pulls: int
) -> None:
    one, two = Tape(mic), Tape(system, level=0.5)
    got_mic, keep_mic = collect()
    got_system, keep_system = collect()
    got_mix, keep_mix = collect()
    graph = Graph(
        [
            Source("mic", one.read),
            Source("system", two.read),
            Mixer("mix"),
            Sink("k-mic", keep_mic),
            Sink("k-system", keep_system),
            Sink("k-mix", keep_mix),
        ],
        [("mic", "mix"), ("system", "mix"), ("mix", "k-mix"), ("mic", "k-mic"), ("system", "k-system")],
    )
    for _ in range(pulls):
        graph.pull()
        assert sum(map(len, got_mix)) == min(one.given, two.given)
    graph.pull(last=True)
    assert np.array_equal(join(got_mic), counting(0, one.given))
    assert np.array_equal(join(got_system), counting(0, two.given) * np.float32(0.5))
    total = silence(max(one.given, two.given))
    total[: one.given] += counting(0, one.given)
    total[: two.given] += counting(0, two.given) * np.float32(0.5)
    assert np.array_equal(join(got_mix), total)


def test_a_resampler_in_the_middle_drains_completely() -> None:
    got, keep = collect()
    tape = Tape([441] * 100)
    graph = Graph(
        [Source("s", tape.read), Resampler("r", 44_100), Sink("k", keep)],
        [("s", "r"), ("r", "k")],
    )
    for _ in range(100):
        graph.pull()
    graph.pull(last=True)
    assert sum(map(len, got)) == 48_000


def test_queues_are_told_for_every_connection() -> None:
    graph = Graph([Source("s", lambda: silence(5)), Sink("k", lambda _: None)], [("s", "k")])
    graph.pull()
    assert [(queue.name, queue.depth, queue.peak) for queue in graph.statistics()] == [("s-k", 0, 5)]


def nothing() -> Samples:
    return silence(0)


@pytest.mark.parametrize(
    ("nodes", "connections", "fault"),
    [
        ([], [], "no nodes"),
        ([Source("s", nothing)], [], "leads nowhere"),
        ([Source("s", nothing), Sink("k", print)], [("s", "k"), ("s", "other")], "no node other"),
        ([Source("s", nothing), Sink("k", print)], [("s", "k"), ("k", "s")], "nothing may follow k"),
        ([Mixer("m"), Mixer("n"), Sink("k", print)], [("m", "n"), ("n", "m"), ("m", "k")], "circle"),
        ([Source("s", nothing), Source("s", nothing), Sink("k", print)], [("s", "k")], "two nodes s"),
        ([Source("a", nothing), Source("b", nothing), Sink("k", print)], [("a", "k"), ("b", "k")], "k takes 1 to 1"),
    ],
)
def test_a_graph_that_would_lose_sound_is_refused_by_name(
    nodes: list[Node], connections: list[tuple[str, str]], fault: str
) -> None:
    with pytest.raises(RequestRejected) as caught:
        Graph(nodes, connections)
    assert fault in "; ".join(caught.value.faults)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(RequestRejected) as caught:
        Graph([Source("s", nothing), Mixer("m")], [("x", "m")])
    assert len(caught.value.faults) >= 3
