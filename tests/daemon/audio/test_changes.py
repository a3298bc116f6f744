"""Harm guarded against: a gain that changes too early or too late, a graph exchanged with a hole or an overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.changes import Score
from reeld.audio.graph.engine import Graph
from reeld.audio.samples import Samples
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundGraph, VolumeNode
from tests.daemon.audio.graph.parts import Delay, Rig, Tape
from tests.daemon.audio.graph.samples import graph_of

PLAIN = "s silence\nv volume < s\nk null < v"
HALF = [SoundChange(node="v", setting="gain_db", value=-6.0)]


class Desk:
    """A score over one tape; graphs that follow each other write into one sink."""

    def __init__(self, lengths: list[int], *, latency: int = 0, first: int = 0) -> None:
        self.tape = Tape(lengths)
        self.got: dict[str, list[Samples]] = {}
        self.taken_over: list[int] = []
        self.latency = latency
        self.refuse = False
        self.score = Score(graph_of(PLAIN), first, self.build, lambda _graph, frame: self.taken_over.append(frame))

    def build(self, graph: SoundGraph, _frame: int) -> Graph:
        if self.refuse:
            raise RequestRejected("no such file")
        kernels = {node.name: self.make for node in graph.nodes if isinstance(node, VolumeNode)}
        return Rig(graph, {"s": self.tape}, kernels, got=self.got).graph  # type: ignore[arg-type]

    def make(self, node: VolumeNode) -> Delay:
        return Delay(self.latency, 0.5 if node.gain_db else 1.0)

    def finish(self, until: int) -> Samples:
        self.tape.freely = True
        self.score.finish(until)
        return np.concatenate([part for part in self.got["k"] if len(part)] or [np.zeros((0, 2), np.float32)])


@given(
    lengths=st.lists(st.integers(0, 200), max_size=8),
    at=st.integers(0, 700),
    swap=st.integers(0, 700),
    first=st.integers(0, 100),
    latency=st.integers(0, 150),
)
def test_a_change_and_another_graph_come_at_their_frames_and_no_frame_is_lost(
    lengths: list[int], at: int, swap: int, first: int, latency: int
) -> None:
    desk = Desk([*lengths, 800], latency=latency, first=first)
    doubled = graph_of("s silence\nv volume < s : gain_db = -6.0\nw volume < v : gain_db = -6.0\nk null < w")
    desk.score.adjust(first + at, HALF)
    desk.score.switch(first + swap, doubled)
    for _ in lengths:
        desk.score.pull(10**9)
    got = desk.finish(10**9)
    expected = desk.tape.whole()
    expected[min(at, swap) if at < swap else swap :] *= np.float32(0.5)
    expected[swap:] *= np.float32(0.5)
    assert np.array_equal(got, expected)
    assert desk.taken_over == [first + swap]


def test_a_change_after_another_graph_was_asked_for_waits_for_it() -> None:
    desk = Desk([1000])
    desk.score.switch(400, graph_of(PLAIN))
    desk.score.adjust(600, HALF)
    assert desk.score.newest.nodes[1] == VolumeNode(name="v", inputs=["s"], gain_db=-6.0)
    got = desk.finish(1000)
    expected = desk.tape.whole()
    expected[600:] *= np.float32(0.5)
    assert np.array_equal(got, expected)


def test_another_graph_for_a_moment_gone_by_comes_as_soon_as_it_can() -> None:
    desk = Desk([500, 500])
    desk.score.pull(500)
    desk.score.switch(100, graph_of("s silence\nv volume < s : gain_db = -6.0\nk null < v"))
    got = desk.finish(1000)
    expected = desk.tape.whole()
    expected[500:] *= np.float32(0.5)
    assert np.array_equal(got, expected)


def test_a_graph_that_cannot_be_made_changes_nothing() -> None:
    desk = Desk([100, 100])
    desk.refuse = True
    with pytest.raises(RequestRejected):
        desk.score.switch(50, graph_of(PLAIN))
    assert np.array_equal(desk.finish(200), desk.tape.whole())
    assert desk.taken_over == []


def test_several_graphs_follow_each_other_in_the_order_they_were_asked_for() -> None:
    desk = Desk([900])
    for frame in (300, 300, 200):
        desk.score.switch(frame, graph_of(PLAIN))
    assert np.array_equal(desk.finish(900), desk.tape.whole())
    assert desk.taken_over == [300, 300, 300]
    assert desk.score.start == 300
    assert desk.score.position == 900
