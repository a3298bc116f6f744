"""Harm guarded against: a mix made anew from the wrong tracks, or with the settings of another time."""

import pytest

from reeld.export.remixing import leading_to, mix_of, plan_remix, stand_in
from reeld.sessions.sounds import usual_graph
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundMoment, VolumeNode
from tests.daemon.audio.graph.samples import graph_of

RECORDED = ["video-1", "mix", "mic", "system"]
USUAL = usual_graph()


def moment(at_ns: int, node: str, setting: str, value: float | bool) -> SoundMoment:
    return SoundMoment(at_ns=at_ns, change=SoundChange(node=node, setting=setting, value=value))


def test_the_usual_graph_is_made_of_the_tracks_that_lie_behind_its_sources() -> None:
    (part,) = plan_remix("mix", [(0, USUAL)], [], [], RECORDED)
    assert part.stand_ins == {"mic-in": "mic", "system-in": "system"}
    names = {node.name for node in part.graph.nodes}
    assert {"mic-volume", "mix-bus", "mix-limiter", "mix"} <= names
    assert not names & {"mic", "system", "levels", "voice-marks"}
    assert mix_of([(0, USUAL)]) == "mix"


def test_changes_belong_to_the_graph_of_their_time_and_what_is_fixed_is_not_changed() -> None:
    graphs = [(0, USUAL), (100, USUAL)]
    moments = [
        moment(50, "mic-volume", "gain_db", -3.0),
        moment(100, "mic-volume", "gain_db", -6.0),
        moment(150, "system-volume", "muted", True),
    ]
    fixed = [SoundChange(node="system-volume", setting="muted", value=False)]
    first, second = plan_remix("mix", graphs, moments, fixed, RECORDED)
    assert [each.at_ns for each in first.moments] == [50]
    assert [each.at_ns for each in second.moments] == [100]
    volume = next(node for node in second.graph.nodes if node.name == "system-volume")
    assert isinstance(volume, VolumeNode)
    assert not volume.muted


@pytest.mark.parametrize(
    ("text", "track"),
    [
        ("mic microphone\nmic-track track < mic\nmix track < mic", "mic-track"),
        ("mic microphone\nv voice-detector < mic\nmic-track track < v\nmix track < mic", "mic-track"),
        ("mic microphone\nv volume < mic\nmic-track track < v\nother track < v", None),
        ("mic microphone\nr resampler < mic : rate = 16000\nlow track < r", None),
        ("mic microphone\nlow resampler < mic : rate = 16000\nmic-track track < low\nx track < mic", "x"),
    ],
)
def test_only_what_came_as_it_was_can_stand_for_a_source(text: str, track: str | None) -> None:
    graph = graph_of(text)
    assert stand_in("mic", graph, [node.name for node in graph.nodes]) == track


def test_a_track_that_was_not_recorded_stands_for_nothing() -> None:
    assert stand_in("mic-in", USUAL, ["mix"]) is None


def test_all_that_forbids_a_remix_is_told_at_once() -> None:
    changes = [SoundChange(node="mik-volume", setting="gain_db", value=0.0)]
    with pytest.raises(RequestRejected) as caught:
        plan_remix("mix", [(0, USUAL)], [], changes, ["mix", "system"])
    assert caught.value.faults == (
        "mik-volume is no node that track mix hears",
        "mic-in was recorded in no track of its own, as it came",
    )


def test_a_session_without_a_graph_says_so() -> None:
    with pytest.raises(RequestRejected, match="without a graph"):
        plan_remix("mix", [], [], [], RECORDED)
    assert mix_of([]) is None


def test_what_does_not_lead_to_a_track_is_left_out() -> None:
    graph = graph_of("a tone\nb silence\nv volume < a\nt track < v\nu track < b")
    assert [node.name for node in leading_to("t", graph).nodes] == ["a", "v", "t"]
    assert leading_to("none", graph).nodes == []
