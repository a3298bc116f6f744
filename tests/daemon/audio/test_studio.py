"""Harm guarded against: a track that hears the wrong device, counts another's silence, or loses its file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from reeld.audio.codecs.file_source import FileSource
from reeld.audio.graph.negotiation import Format
from reeld.audio.samples import RATE, Samples
from reeld.audio.studio import Ahead, Buffer, Studio, device_nodes, track_of
from reeld.audio.telling import LevelBoard
from reeld.runtime.clock import SessionClock
from reeld.sessions.sounds import usual_graph
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import BufferNode, EncodedFileNode, FileNode, SoundGraph, TrackNode, WavNode
from reeld_proto.workers import AnyIngest, ChunkCaptured
from tests.daemon.audio.fakes import counting, numbers, tone
from tests.daemon.audio.graph.samples import graph_of
from tests.daemon.audio.harness import ALL_TRACKS, start_order

STEREO = Format(RATE, 2)
SECOND_NS = 1_000_000_000


class Desk:
    def __init__(self) -> None:
        self.sent: list[AnyIngest] = []
        order = structs.replace(start_order(ALL_TRACKS, start_ns=0), devices={"mic-in": "virtual_mic"})
        self.studio = Studio(order, SessionClock(0), self.send, LevelBoard(), Ahead())

    def send(self, message: AnyIngest, _payload: bytes, _init: bytes) -> bool:
        self.sent.append(message)
        return True


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.studio.close()


def test_devices_are_told_of_by_the_track_that_hears_them() -> None:
    graph = usual_graph()
    assert track_of("mic-in", graph) == "mic"
    assert track_of("system-in", graph) == "system"
    assert track_of("a", graph_of("a microphone\nb system-audio\nm mixer < a b\nt track < m")) == "t"
    assert track_of("a", graph_of("a microphone\nk null < a")) == ""
    assert [node.name for node in device_nodes(graph)] == ["mic-in", "system-in"]


def test_devices_are_admitted_once_and_dismissed_with_the_graph(desk: Desk) -> None:
    graph = usual_graph()
    assert desk.studio.admit(graph, 0) == ["mic-in", "system-in"]
    assert desk.studio.admit(graph, 0) == []
    assert desk.studio.feeds["mic-in"].name == "virtual_mic"
    assert desk.studio.dismiss(graph_of("mic-in microphone\nt track < mic-in")) == ["system-in"]
    assert list(desk.studio.feeds) == ["mic-in"]


def silent_ns(desk: Desk, graph: SoundGraph) -> int:
    """How much counted silence a second of the mix holds, while only the microphone was missing."""
    studio = desk.studio
    studio.admit(graph, 0)
    write = studio.sink(TrackNode(name="mix", inputs=["x"]), STEREO)
    studio.attribute(graph)
    studio.feeds["mic-in"].silences.add(0, RATE)
    write(tone(440, 0, RATE))
    studio.finish(SECOND_NS)
    return sum(message.silence_ns for message in desk.sent if isinstance(message, ChunkCaptured))


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("mic-in microphone\nmix track < mic-in", SECOND_NS),
        ("mic-in microphone\nb system-audio\nm mixer < mic-in b\nmix track < m", 0),
        ("mic-in microphone\nb tone\nm mixer < mic-in b\nmix track < m", 0),
    ],
)
def test_silence_counts_only_where_nothing_else_is_heard(text: str, silent: int, desk: Desk) -> None:
    assert silent_ns(desk, graph_of(text)) == pytest.approx(silent, abs=100)


def test_a_track_that_the_session_does_not_have_is_refused(desk: Desk) -> None:
    with pytest.raises(RequestRejected, match="no track other"):
        desk.studio.sink(TrackNode(name="other", inputs=["x"]), STEREO)


def test_a_file_goes_on_in_the_next_graph_and_another_setting_begins_another(desk: Desk, tmp_path: Path) -> None:
    node = WavNode(name="w", inputs=["a"], path=str(tmp_path / "x.wav"))
    desk.studio.sink(node, STEREO)(counting(0, 100))
    desk.studio.sink(structs.replace(node, inputs=["b"]), STEREO)(counting(100, 100))
    lossless = EncodedFileNode(name="w", inputs=["b"], path=str(tmp_path / "x.flac"))
    desk.studio.sink(lossless, STEREO)(counting(0, 50))
    desk.studio.finish(0)
    assert numbers(FileSource(tmp_path / "x.wav").read(200)) == list(range(200))
    assert numbers(FileSource(tmp_path / "x.flac").read(50)) == list(range(50))


def test_a_film_goes_on_where_it_was_in_the_next_graph(desk: Desk, tmp_path: Path) -> None:
    node = WavNode(name="w", inputs=["a"], path=str(tmp_path / "x.wav"))
    desk.studio.sink(node, STEREO)(counting(0, 300))
    desk.studio.finish(0)
    play = FileNode(name="f", path=str(tmp_path / "x.wav"))
    assert numbers(desk.studio.source(play)(100)) == list(range(100))
    assert numbers(desk.studio.source(play)(100)) == list(range(100, 200))
    assert numbers(desk.studio.source(structs.replace(play, loop=True))(100)) == list(range(100))


@pytest.mark.parametrize("blocks", [[10], [600, 600], [1000], [999, 3], [2500, 10], [1, 1, 1]])
def test_a_buffer_holds_the_newest_frames(blocks: list[int]) -> None:
    buffer = Buffer(BufferNode(name="b", inputs=["a"], seconds=1.0), Format(1000, 2))
    written: list[Samples] = []
    at = 0
    for frames in blocks:
        written.append(counting(at, frames))
        buffer.write(written[-1])
        at += frames
    assert np.array_equal(buffer.samples(), np.concatenate(written)[-1000:])
