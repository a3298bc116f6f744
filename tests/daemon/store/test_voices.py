"""Which tracks are listened to. Harms guarded against: every word told twice, once of the mix; and a voice that nobody
listens to because its mix was left out."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from reeld.sessions.sounds import usual_graph
from reeld.store import automation, sessions
from reeld.store.voices import mixed_tracks, voices_of
from reeld_proto.sound_graph import (
    AnyNode,
    MicrophoneNode,
    MixerNode,
    SoundGraph,
    SplitterNode,
    SystemAudioNode,
    ToneNode,
    TrackNode,
    VolumeNode,
)
from tests.daemon.store.builders import NS, SESSION, creation, new_store

MIC, SYSTEM, TONE = MicrophoneNode(name="m"), SystemAudioNode(name="s"), ToneNode(name="t")


def track(name: str, *inputs: str) -> TrackNode:
    return TrackNode(name=name, inputs=list(inputs))


def mixer(name: str, *inputs: str) -> MixerNode:
    return MixerNode(name=name, inputs=list(inputs))


def voices(tmp_path: Path, tracks: Sequence[str], *graphs: SoundGraph) -> list[str]:
    """The tracks that are listened to, of a session whose sounds ran through these graphs one after the other."""
    with new_store(tmp_path / "store", creation(tracks=("video-1", *tracks))) as store:
        with store.write() as txn:
            for number, graph in enumerate(graphs):
                automation.put_graph(txn, SESSION, number * NS, graph)
        with store.read() as txn:
            return [each.id for each in voices_of(txn, sessions.load(txn, SESSION))]


BOTH = usual_graph()
APART = SoundGraph(nodes=[MIC, SYSTEM, track("mic", "m"), track("system", "s"), track("mix", "s")])


def test_a_mix_is_left_out_where_each_of_its_sources_has_a_track(tmp_path: Path) -> None:
    assert voices(tmp_path, ["mix", "mic", "system"], BOTH) == ["mic", "system"]


def test_a_mix_is_all_there_is_where_its_sources_have_no_tracks(tmp_path: Path) -> None:
    assert voices(tmp_path, ["mix"], BOTH) == ["mix"]


def test_a_mix_is_listened_to_where_one_of_its_sources_is_in_it_alone(tmp_path: Path) -> None:
    assert voices(tmp_path, ["mix", "mic"], BOTH) == ["mix", "mic"]


def test_without_a_graph_every_sound_is_listened_to_and_no_picture_is(tmp_path: Path) -> None:
    assert voices(tmp_path, ["mix", "mic", "system"]) == ["mix", "mic", "system"]


def test_a_session_without_sound_has_no_voices(tmp_path: Path) -> None:
    assert voices(tmp_path, [], BOTH) == []


def test_a_track_that_was_a_mix_only_for_a_while_is_listened_to(tmp_path: Path) -> None:
    """Else what it alone held before or after is lost."""
    assert voices(tmp_path, ["mix", "mic", "system"], BOTH, APART) == ["mix", "mic", "system"]
    assert voices(tmp_path / "again", ["mix", "mic", "system"], BOTH, BOTH) == ["mic", "system"]


@pytest.mark.parametrize(
    ("nodes", "left_out"),
    [
        # Over whatever lies between, and through whichever port.
        ([MIC, SYSTEM, VolumeNode(name="v", inputs=["m.out"]), mixer("x", "v", "s"), track("mix", "x")], ["mix"]),
        ([MIC, SYSTEM, SplitterNode(name="p", inputs=["m"]), mixer("x", "p.1", "s"), track("mix", "x")], ["mix"]),
        # A mix of mixes.
        ([MIC, SYSTEM, mixer("x", "m", "s"), mixer("y", "x", "m"), track("mix", "y")], ["mix"]),
        # One of three sources is heard in the mix alone.
        ([MIC, SYSTEM, TONE, mixer("x", "m", "s", "t"), track("mix", "x")], []),
        # The same source twice is no mix.
        ([MIC, SYSTEM, mixer("x", "m", "m"), track("mix", "x")], []),
        # A track of which the graph knows nothing, or that takes from nothing.
        ([MIC, SYSTEM], []),
        ([MIC, SYSTEM, track("mix")], []),
        ([MIC, SYSTEM, track("mix", "nobody")], []),
    ],
)
def test_a_mix_is_known_by_what_flows_into_it(nodes: Sequence[AnyNode], left_out: Sequence[str]) -> None:
    graph = SoundGraph(nodes=[*nodes, track("mic", "m"), track("system", "s")])
    assert mixed_tracks(graph, ["mix", "mic", "system"]) == left_out


def test_two_mixes_are_not_each_others_reason_to_be_left_out() -> None:
    graph = SoundGraph(nodes=[MIC, SYSTEM, mixer("x", "m", "s"), track("mix", "x"), track("mix-2", "x")])
    assert mixed_tracks(graph, ["mix", "mix-2"]) == []


def test_a_graph_that_runs_in_a_circle_ends() -> None:
    graph = SoundGraph(nodes=[MIC, SYSTEM, mixer("x", "y", "m"), mixer("y", "x", "s"), track("mix", "x")])
    assert mixed_tracks(graph, ["mix"]) == []
