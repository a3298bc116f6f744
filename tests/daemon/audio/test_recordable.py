"""Harm guarded against: a session that begins through a graph of which nothing is kept, or that cannot be kept."""

from reeld.audio.recordable import recording_faults
from reeld.sessions.sounds import usual_graph
from reeld_proto import codec
from reeld_proto.sound_graph import GRAPH_BYTES_MAX, FileNode, NullNode, SoundGraph, ToneNode, TrackNode


def test_the_usual_graph_can_be_recorded_through() -> None:
    for ends in ((True, True), (True, False), (False, True)):
        graph = usual_graph(microphone=ends[0], system_audio=ends[1])
        assert recording_faults(graph) == []
        assert len(codec.pack_record(graph)) < 2_000


def test_a_graph_without_a_track_is_a_fault() -> None:
    graph = SoundGraph(nodes=[ToneNode(name="tone"), NullNode(name="end", inputs=["tone"])])
    (fault,) = recording_faults(graph)
    assert "no track" in fault


def test_a_track_of_sound_cannot_take_the_name_of_a_picture() -> None:
    graph = SoundGraph(nodes=[ToneNode(name="tone"), TrackNode(name="video-1", inputs=["tone"])])
    (fault,) = recording_faults(graph)
    assert "cannot be called video-1" in fault


def test_a_graph_too_large_to_be_kept_is_a_fault() -> None:
    nodes = [FileNode(name=f"f{number}", path="/" + "x" * 2000) for number in range(20)]
    tracks = [TrackNode(name=f"t{number}", inputs=[f"f{number}"]) for number in range(20)]
    (fault,) = recording_faults(SoundGraph(nodes=[*nodes, *tracks]))
    assert f"more than {GRAPH_BYTES_MAX}" in fault


def test_all_faults_are_told_at_once() -> None:
    faults = recording_faults(SoundGraph(nodes=[ToneNode(name="tone")]))
    assert any("leads nowhere" in fault for fault in faults)
    assert any("no track" in fault for fault in faults)
