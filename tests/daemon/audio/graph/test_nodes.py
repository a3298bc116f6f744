"""Harm guarded against: a node that eats, doubles or shifts what goes through it, or speaks of the wrong frames."""

from collections.abc import Sequence

import numpy as np
import pytest

from reeld.audio.dsp.observations import Heard, Kind, Observation
from reeld.audio.graph.edge import Edge, Notes
from reeld.audio.graph.negotiation import Format
from reeld.audio.graph.nodes import (
    BLOCK_S_MAX,
    Bypass,
    Converter,
    Moment,
    Noted,
    NoteSink,
    Observer,
    Payload,
    Processor,
    Sink,
    Source,
    Splitter,
)
from reeld.audio.samples import RATE, Samples, join, silence
from reeld_proto.sound_graph import AnyNode, VolumeNode
from tests.daemon.audio.fakes import counting
from tests.daemon.audio.graph.parts import Counter, Delay

STEREO = Format(RATE, 2)


def edge_of(*blocks: Samples) -> Edge:
    edge = Edge("a-b", Format(RATE, blocks[0].shape[1]))
    for block in blocks:
        edge.push(block)
    return edge


def sound(payloads: Sequence[Payload]) -> Samples:
    samples = payloads[0]
    assert isinstance(samples, np.ndarray)
    return samples


def test_a_source_is_asked_for_what_is_wanted_and_no_more() -> None:
    asked: list[int] = []

    def read(frames: int) -> Samples:
        asked.append(frames)
        return silence(min(frames, 30))

    source = Source("s", read, RATE)
    assert len(sound(source.process([], until=50, last=False))) == 30
    assert len(sound(source.process([], until=50, last=False))) == 20
    assert len(sound(source.process([], until=50, last=False))) == 0
    assert asked == [50, 20]
    source.process([], until=10**9, last=False)
    assert asked[-1] == 2 * RATE


class Widest(Delay):
    """Remembers the longest block."""

    longest = 0

    def process(self, inputs: Sequence[Samples]) -> Samples:
        Widest.longest = max(Widest.longest, len(inputs[0]))
        return super().process(inputs)


def test_a_kernel_is_fed_in_blocks_of_a_bounded_length() -> None:
    node = Processor(VolumeNode(name="v", inputs=["s"]), STEREO, lambda _: Widest(0))
    out = sound(node.process([edge_of(silence(RATE * 3))], until=0, last=False))
    assert len(out) == RATE * 3
    assert Widest.longest == BLOCK_S_MAX * RATE


def test_changes_of_one_frame_hold_in_the_order_they_were_asked_for() -> None:
    made: list[float] = []

    def make(node: AnyNode) -> Delay:
        assert isinstance(node, VolumeNode)
        made.append(node.gain_db)
        return Delay(0)

    node = Processor(VolumeNode(name="v", inputs=["s"]), STEREO, make)
    for frame, gain in ((20, -1.0), (10, -2.0), (20, -3.0)):
        node.schedule(Moment(frame, VolumeNode(name="v", inputs=["s"], gain_db=gain)))
    node.process([edge_of(silence(30))], until=0, last=False)
    assert made == [0.0, -2.0, -1.0, -3.0]


def test_a_kernel_that_gives_another_number_of_frames_is_an_error_and_no_shift() -> None:
    class Short(Delay):
        def process(self, inputs: Sequence[Samples]) -> Samples:
            return inputs[0][1:]

    node = Processor(VolumeNode(name="v", inputs=["s"]), STEREO, lambda _: Short(0))
    with pytest.raises(RuntimeError, match="10 frames became 9"):
        node.process([edge_of(silence(10))], until=0, last=False)


def test_a_bypass_gives_what_it_takes() -> None:
    block = counting(0, 5)
    assert Bypass().process([block]) is block
    assert Bypass().adjust(VolumeNode(name="v"))


def test_a_converter_hands_everything_on_and_says_when_it_was_the_last() -> None:
    calls: list[tuple[int, bool]] = []

    class Half:
        def resample(self, samples: Samples, *, last: bool = False) -> Samples:
            calls.append((len(samples), last))
            return samples[::2]

    node = Converter("r", Half())
    assert len(sound(node.process([edge_of(silence(10))], until=0, last=False))) == 5
    node.process([edge_of(silence(4))], until=0, last=True)
    assert calls == [(10, False), (4, True)]


def test_a_splitter_gives_each_channel_alone() -> None:
    block = np.arange(6, dtype=np.float32).reshape(3, 2)
    left, right = Splitter("p").process([edge_of(block)], until=0, last=False)
    assert np.array_equal(np.asarray(left)[:, 0], [0, 2, 4])
    assert np.array_equal(np.asarray(right)[:, 0], [1, 3, 5])


def test_an_observer_gives_the_very_samples_and_begins_with_a_tenth_of_a_second() -> None:
    """Harm: two meters that were switched on at once speak of times that never coincide."""
    wanted = [False]
    node = Observer("m", STEREO, Counter, lambda: wanted[0])
    block = counting(0, 4000)

    def heard(frames: int, *, last: bool = False) -> list[object]:
        return list(node.process([edge_of(silence(frames))], until=0, last=last)[1])

    through, said = node.process([edge_of(block)], until=0, last=False)
    assert through is block
    assert said == []
    wanted[0] = True
    assert heard(700) == []
    assert heard(1100) == [Noted("m", RATE, 4800, Heard(0, 1000, Kind.VOICE))]
    assert heard(10) == [Noted("m", RATE, 4800, Heard(0, 1010, Kind.VOICE))]
    wanted[0] = False
    assert heard(3790) == []
    wanted[0] = True
    assert heard(2, last=True) == [
        Noted("m", RATE, 9600, Heard(0, 2, Kind.VOICE)),
        Noted("m", RATE, 9600, Heard(2, None, Kind.VOICE)),
    ]


def test_a_watcher_that_breaks_is_told_and_the_sound_goes_on() -> None:
    class Broken(Counter):
        def observe(self, samples: Samples) -> list[Observation]:  # noqa: ARG002
            raise ValueError("no ear")

    told: list[str] = []

    def recover(name: str, error: Exception) -> bool:
        told.append(f"{name}: {error}")
        return True

    node = Observer("m", STEREO, Broken, recover=recover)
    for start in (0, 10):
        through, said = node.process([edge_of(counting(start, 10))], until=0, last=False)
        assert np.array_equal(np.asarray(through), counting(start, 10))
        assert said == []
    assert told == ["m: no ear"]
    with pytest.raises(ValueError, match="no ear"):
        Observer("m", STEREO, Broken).process([edge_of(silence(1))], until=0, last=False)


def test_a_sink_takes_everything_once_and_in_order() -> None:
    got: list[Samples] = []
    sink, edge = Sink("k", got.append), edge_of(counting(0, 5), counting(5, 5))
    sink.process([edge], until=0, last=False)
    sink.process([edge], until=0, last=True)
    assert np.array_equal(join(got), counting(0, 10))
    assert sink.frames == 10


def test_observations_of_all_inputs_come_together() -> None:
    told: list[Sequence[Noted]] = []
    first, second = Notes("a"), Notes("b")
    first.push([Noted("a", RATE, 0, 1)])
    second.push([Noted("b", RATE, 0, 2)])
    sink = NoteSink("f", told.append)
    sink.process([first, second], until=0, last=False)
    sink.process([first, second], until=0, last=False)
    assert [[noted.node for noted in each] for each in told] == [["a", "b"]]
