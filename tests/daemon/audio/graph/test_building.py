"""Harm guarded against: a graph at work that is not the graph that was written."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from reeld.audio.dsp.observations import Level
from reeld.audio.graph.building import Workshop
from reeld.audio.graph.engine import NodeFailed
from reeld.audio.graph.negotiation import Format
from reeld.audio.graph.nodes import Noted
from reeld.audio.samples import RATE, Samples, join
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import LevelFeedNode, SinkNode, SourceNode, SpanFeedNode
from tests.daemon.audio.fakes import tone
from tests.daemon.audio.graph.samples import graph_of


class Ends:
    """A tone at every source, a memory at every sink."""

    def __init__(self) -> None:
        self.got: dict[str, list[Samples]] = {}
        self.forms: dict[str, Format] = {}
        self.noted: list[Noted] = []
        self.watched = True

    def source(self, node: SourceNode) -> Callable[[int], Samples]:  # noqa: ARG002 - all sources sound alike
        position = 0

        def read(frames: int) -> Samples:
            nonlocal position
            position += frames
            return tone(1000, position - frames, frames, 0.25)

        return read

    def sink(self, node: SinkNode, form: Format) -> Callable[[Samples], None]:
        self.forms[node.name] = form
        return self.got.setdefault(node.name, []).append

    def tell(self, node: LevelFeedNode | SpanFeedNode, noted: Sequence[Noted]) -> None:  # noqa: ARG002
        self.noted += noted

    def is_watched(self, node: LevelFeedNode) -> bool:  # noqa: ARG002
        return self.watched


def run(text: str, frames: int = RATE) -> Ends:
    ends = Ends()
    graph = Workshop(ends).build(graph_of(text))
    for until in range(0, frames + 1, RATE // 10):
        graph.pull(until)
    graph.pull(frames, last=True)
    return ends


def test_sound_reaches_each_sink_in_the_format_it_takes_and_to_the_last_frame() -> None:
    ends = run(
        """
        mic microphone
        low resampler < mic : rate = 16000
        mono channel-map < low : channels = 1
        speech track < mono
        whole track < mic
        """
    )
    assert ends.forms == {"speech": Format(16_000, 1), "whole": Format(RATE, 2)}
    assert join(ends.got["speech"]).shape == (16_000, 1)
    assert np.array_equal(join(ends.got["whole"]), tone(1000, 0, RATE, 0.25))
    wave = 0.25 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    assert np.abs(join(ends.got["speech"])[200:-200, 0] - wave[200:-200]).max() < 1e-3


def test_a_mix_of_two_is_their_sum_whatever_the_way_they_took() -> None:
    ends = run(
        """
        mic microphone
        system system-audio
        tamed limiter < mic
        bus mixer < tamed system : limit = false
        mix track < bus
        """
    )
    assert np.abs(join(ends.got["mix"]) - tone(1000, 0, RATE, 0.5)).max() < 1e-6


def test_levels_are_measured_only_while_somebody_listens() -> None:
    text = "mic microphone\nm meter < mic\nt track < m\nf level-feed < m.levels"
    ends = run(text)
    levels = [noted.what for noted in ends.noted]
    assert [level.end_frame for level in levels if isinstance(level, Level)] == list(range(4800, RATE + 1, 4800))
    ends = Ends()
    ends.watched = False
    Workshop(ends).build(graph_of(text)).pull(RATE)
    assert ends.noted == []


def test_a_node_that_stays_as_it_was_keeps_its_state_in_the_next_graph() -> None:
    text = "mic microphone\nv volume < mic : gain_db = -6.0\nt track < v"
    workshop = Workshop(Ends())
    first = workshop.build(graph_of(text))
    second = workshop.build(graph_of(text + "\nu null < v"))
    third = workshop.build(graph_of(text.replace("-6.0", "-7.0")))
    kernels = [graph.part("v")._kernel for graph in (first, second, third)]  # type: ignore[attr-defined]
    assert kernels[0] is kernels[1]
    assert kernels[1] is not kernels[2]


def test_a_graph_with_faults_is_refused_with_all_of_them() -> None:
    with pytest.raises(RequestRejected) as caught:
        Workshop(Ends()).build(graph_of("mic microphone\nv volume < mik"))
    assert len(caught.value.faults) >= 2


def test_an_error_in_a_node_that_changes_the_format_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = Ends()
    text = "mic microphone\nc channel-map < mic : channels = 1\nv volume < mic\nt track < c\nu track < v"
    told: list[str] = []

    def recover(node: str, _error: Exception) -> bool:
        told.append(node)
        return True

    workshop = Workshop(ends, recover)
    graph = workshop.build(graph_of(text))
    for name in ("c", "v"):
        monkeypatch.setattr(graph.part(name), "_kernel", Broken())
    with pytest.raises(NodeFailed, match="c failed"):
        graph.pull(RATE)
    assert told == []
    alone = workshop.build(graph_of("mic microphone\nv volume < mic\nu track < v"))
    monkeypatch.setattr(alone.part("v"), "_kernel", Broken())
    alone.pull(RATE)
    assert told == ["v"]


class Broken:
    latency = 0

    def process(self, inputs: Sequence[Samples]) -> Samples:  # noqa: ARG002
        raise ValueError("broken")
