"""What is recorded of sound. Harm guarded against: a microphone that somebody refused is recorded all the same, a mute
that mutes nothing, or a track that nobody can mix anew."""

from typing import Any

import pytest

from reeld.audio.graph.checking import faults as graph_faults
from reeld.config import Config
from reeld.sessions.findings import Findings
from reeld.sessions.sounds import SoundPlan, names_audio, plan_edit, plan_sounds, usual_graph, wants_audio
from reeld.sessions.validation import make_plan
from reeld_proto.commands import ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.records import AudioSource
from reeld_proto.sound_graph import (
    AnyNode,
    MicrophoneNode,
    MixerNode,
    SoundCodec,
    SoundGraph,
    SystemAudioNode,
    ToneNode,
    TrackNode,
)
from tests.daemon.sessions.conversation import NO_AUDIO, SOUNDS, surroundings

HEADSET = AudioSource(id="headset", name="Headset", default=False)
TWO_MICS = Sources(microphones=[*SOUNDS.microphones, HEADSET], system_audio=SOUNDS.system_audio)
NO_MIC = Sources(system_audio=SOUNDS.system_audio, warnings=["nothing plugged in"])


def plan(
    listed: Sources | ErrorReply = SOUNDS, configured: SoundGraph | None = None, **options: Any
) -> tuple[SoundPlan, Findings]:
    findings = Findings()
    return plan_sounds(StartSession(**options), listed, configured, findings), findings


def planned(*arguments: Any, **options: Any) -> SoundPlan:
    found, findings = plan(*arguments, **options)
    assert findings.faults == []
    assert not found.tracks or graph_faults(found.graph) == []
    return found


def faults(*arguments: Any, **options: Any) -> list[str]:
    return [message for _, message, _ in plan(*arguments, **options)[1].faults]


def path_to(graph: SoundGraph, name: str) -> list[str]:
    """The nodes from a source to `name`, where each has one input."""
    nodes = {node.name: node for node in graph.nodes}
    way = [name]
    while len(nodes[way[0]].inputs) == 1:
        way.insert(0, nodes[way[0]].inputs[0])
    return way


# -- the usual graph --------------------------------------------------------------------------------------------------


def test_separate_tracks_are_as_they_came_and_the_mix_is_what_was_made_of_them() -> None:
    graph = planned().graph
    assert path_to(graph, "mic") == ["mic-in", "mic-voice", "mic"]
    assert path_to(graph, "system") == ["system-in", "system"]
    assert path_to(graph, "mix") == ["mix-bus", "mix-limiter", "mix-meter", "mix"]
    (bus,) = (node for node in graph.nodes if isinstance(node, MixerNode))
    assert [path_to(graph, port)[-2:] for port in bus.inputs] == [
        ["mic-volume", "mic-meter"],
        ["system-volume", "system-meter"],
    ]


@pytest.mark.parametrize("kind", ["mic", "system"])
def test_a_mute_mutes_the_only_track_there_is(kind: str) -> None:
    """Harm: somebody mutes the microphone, and the only track goes on with it."""
    options = {"microphone": "none"} if kind == "system" else {"system_audio": "none"}
    found = planned(**options)
    assert [spec.track for spec in found.tracks] == [kind]
    assert f"{kind}-volume" in path_to(found.graph, kind)


def test_the_devices_are_found_and_that_they_were_the_default_is_kept() -> None:
    found = planned()
    assert found.devices == {"mic-in": "virtual_mic", "system-in": "speakers.monitor"}
    assert {node.device for node in found.graph.nodes if isinstance(node, MicrophoneNode)} == {"default"}
    named = planned(TWO_MICS, microphone="headset")
    assert named.devices["mic-in"] == "headset"
    assert {node.device for node in named.graph.nodes if isinstance(node, MicrophoneNode)} == {"headset"}
    assert named.tracks[1].label == "Headset"


def test_without_any_sound_there_is_no_graph() -> None:
    assert planned(microphone="none", system_audio="none") == SoundPlan()
    found, findings = plan(NO_AUDIO)
    assert found == SoundPlan()
    assert len(findings.warnings) == 2


def test_a_default_that_is_missing_is_a_warning_once() -> None:
    found, findings = plan(NO_MIC)
    assert [spec.track for spec in found.tracks] == ["system"]
    assert findings.warnings == ["no microphone is recorded: nothing plugged in"]


# -- a graph of somebody's own ----------------------------------------------------------------------------------------


def own(*more: AnyNode) -> SoundGraph:
    return SoundGraph(
        nodes=[
            MicrophoneNode(name="m"),
            SystemAudioNode(name="s"),
            MixerNode(name="x", inputs=["m", "s"]),
            TrackNode(name="all", inputs=["x"], codec=SoundCodec.OPUS, bit_rate=32_000),
            TrackNode(name="voice", inputs=["m"], label="what I say"),
            *more,
        ]
    )


def test_the_tracks_are_those_of_the_graph() -> None:
    found = planned(configured=own(ToneNode(name="t"), TrackNode(name="beep", inputs=["t"])))
    assert [(spec.track, spec.role, spec.source, spec.label, spec.codec) for spec in found.tracks] == [
        ("all", "mix", "", "all", "opus"),
        ("voice", "mic", "virtual_mic", "what I say", "aac"),
        ("beep", "other", "", "beep", "aac"),
    ]
    assert [spec.bit_rate for spec in found.tracks] == [32_000, None, None]
    records = make_plan(StartSession(displays=["none"]), surroundings(), Config(audio=own())).records()
    assert [(record.id, record.codec) for record in records] == [("all", "opus"), ("voice", "aac")]


def test_the_start_command_decides_over_the_config() -> None:
    other = SoundGraph(nodes=[MicrophoneNode(name="m"), TrackNode(name="only", inputs=["m"])])
    assert [spec.track for spec in planned(configured=own(), audio=other).tracks] == ["only"]


@pytest.mark.parametrize("device", ["default", "virtual_mic"])
def test_a_microphone_that_is_refused_is_not_recorded_whatever_the_config_says(device: str) -> None:
    graph = own(MicrophoneNode(name="m2", device=device), TrackNode(name="two", inputs=["m2"]))
    found = planned(configured=graph, microphone="none")
    assert [spec.track for spec in found.tracks] == ["all"]
    assert found.devices == {"s": "speakers.monitor"}
    assert {node.name for node in found.graph.nodes} == {"s", "x", "all"}


def test_a_microphone_that_is_named_takes_the_place_of_the_default_alone() -> None:
    graph = own(MicrophoneNode(name="m2", device="virtual_mic"), TrackNode(name="two", inputs=["m2"]))
    assert planned(TWO_MICS, graph, microphone="headset").devices == {
        "m": "headset",
        "m2": "virtual_mic",
        "s": "speakers.monitor",
    }


def test_a_device_of_the_config_that_is_not_there_is_a_fault() -> None:
    graph = own(MicrophoneNode(name="m2", device="banana"), TrackNode(name="two", inputs=["m2"]))
    (fault,) = faults(configured=graph)
    assert "banana" in fault
    assert plan(configured=graph)[0] == SoundPlan()


def test_all_faults_of_a_graph_are_told_at_the_start_beside_the_others() -> None:
    graph = SoundGraph(nodes=[MicrophoneNode(name="m"), TrackNode(name="a", inputs=["mm"])])
    with pytest.raises(ReeldError) as caught:
        make_plan(StartSession(audio=graph, fps=99), surroundings(), Config())
    assert len(caught.value.faults) == 3
    assert caught.value.code == ErrorCode.INVALID_REQUEST
    for word in ("fps is 99", "leads nowhere", "mm, which is no node"):
        assert any(word in fault for fault in caught.value.faults)


def test_a_graph_whose_devices_are_all_missing_records_nothing_and_says_so() -> None:
    found, findings = plan(NO_AUDIO, own())
    assert (found, findings.faults) == (SoundPlan(), [])
    assert len(findings.warnings) == 2
    # ... but what needs none goes on.
    tone = own(ToneNode(name="t"), TrackNode(name="beep", inputs=["t"]))
    assert [spec.track for spec in planned(NO_AUDIO, tone).tracks] == ["beep"]


def test_a_list_of_devices_is_asked_for_only_if_one_is_wanted() -> None:
    tone = SoundGraph(nodes=[ToneNode(name="t"), TrackNode(name="beep", inputs=["t"])])
    silent = StartSession(microphone="none", system_audio="none")
    assert wants_audio(silent, tone)
    assert not wants_audio(silent, own())
    assert not wants_audio(silent)
    assert wants_audio(StartSession(system_audio="none"), own())


def test_what_somebody_named_is_an_error_when_it_is_lost() -> None:
    assert not names_audio(StartSession())
    assert not names_audio(StartSession(), own())
    assert names_audio(StartSession(microphone="headset"))
    assert names_audio(StartSession(), own(MicrophoneNode(name="m2", device="headset")))
    assert names_audio(StartSession(audio=own()))


# -- another graph while it runs --------------------------------------------------------------------------------------


def test_another_graph_finds_its_devices_and_keeps_the_tracks() -> None:
    before = planned(configured=own())
    loud = SoundGraph(nodes=[*(node for node in own().nodes if node.name != "x"), MixerNode(name="x", inputs=["s"])])
    made = plan_edit(loud, before, TWO_MICS)
    assert made.tracks == before.tracks
    assert made.graph == loud
    assert made.devices == before.devices


def test_another_graph_is_refused_with_every_fault() -> None:
    before = planned(configured=own())
    with pytest.raises(ReeldError) as caught:
        plan_edit(usual_graph(), before, SOUNDS)
    text = " ".join(caught.value.faults)
    for word in ("all is being recorded and must remain", "voice is", "mix cannot be added", "system cannot"):
        assert word in text
    nodes = [node for node in own().nodes if node.name != "voice"]
    with pytest.raises(ReeldError, match="codec of the track voice"):
        plan_edit(
            SoundGraph(nodes=[*nodes, TrackNode(name="voice", inputs=["m"], codec=SoundCodec.OPUS)]), before, SOUNDS
        )


def test_another_graph_does_not_lose_a_source_in_silence() -> None:
    with pytest.raises(ReeldError, match="no microphone is recorded") as caught:
        plan_edit(own(), planned(configured=own()), NO_MIC)
    assert caught.value.code == ErrorCode.NO_AUDIO
