"""Devices as inputs. Harm guarded against: the mute of a microphone that mutes something else."""

import pytest

from reeld.obs.inputs import inputs_of, metered, to_mul
from reeld.sessions.sounds import usual_graph
from reeld_proto.sound import NodeLevels
from reeld_proto.sound_graph import AnyNode, MicrophoneNode, MixerNode, SoundGraph, SystemAudioNode, VolumeNode


def test_the_usual_graph_has_a_microphone_and_the_sound_of_the_computer() -> None:
    found = {each.name: each for each in inputs_of(usual_graph())}
    assert list(found) == ["mic", "system"]
    for name, each in found.items():
        assert each.volume is not None
        assert (each.volume.name, each.meter) == (f"{name}-volume", f"{name}-meter")
    assert found["mic"].is_microphone
    assert found["mic"].described()["inputKind"] == "microphone"
    assert found["system"].described()["inputKind"] == "system-audio"


def test_a_fader_that_others_go_through_is_not_the_fader_of_one() -> None:
    nodes: list[AnyNode] = [
        MicrophoneNode(name="mic-in"),
        SystemAudioNode(name="system-in"),
        MixerNode(name="mix", inputs=["mic-in", "system-in"]),
        VolumeNode(name="master", inputs=["mix"]),
    ]
    assert [(each.volume, each.meter) for each in inputs_of(SoundGraph(nodes=nodes))] == [(None, "")] * 2
    assert inputs_of(SoundGraph()) == []


@pytest.mark.parametrize(("db", "mul"), [(0.0, 1.0), (-20.0, 0.1), (-100.0, 0.0), (-120.0, 0.0)])
def test_gains_are_factors(db: float, mul: float) -> None:
    assert to_mul(db) == pytest.approx(mul)


def test_levels_are_told_of_each_channel_and_none_where_there_is_no_meter() -> None:
    levels = [NodeLevels(node="mic-meter", peak_db=[0.0, -20.0], rms_db=[-20.0, -40.0])]
    mic, system = metered(inputs_of(usual_graph()), levels)["inputs"]
    assert mic["inputName"] == "mic"
    assert mic["inputLevelsMul"] == [pytest.approx([0.1, 1.0, 1.0]), pytest.approx([0.01, 0.1, 0.1])]
    assert system["inputLevelsMul"] == []
