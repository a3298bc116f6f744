"""Harm guarded against: sound at the wrong pitch or in the wrong ear, because two nodes did not agree on a format."""

import pytest

from reeld.audio.graph.checking import faults
from reeld.audio.graph.negotiation import Format, format_faults, negotiate
from tests.daemon.audio.graph.samples import graph_of

SPEECH = """
    mic microphone
    low resampler < mic : rate = 16000
    mono channel-map < low : channels = 1
    speech track < mono
"""


def test_formats_follow_from_node_to_node() -> None:
    found = negotiate(graph_of(SPEECH))
    assert found.outputs["mic"] == Format(48_000, 2)
    assert found.outputs["mono"] == found.inputs["speech"][0] == Format(16_000, 1)
    assert not found.converted
    assert format_faults(graph_of(SPEECH, convert=False)) == []


def test_inputs_of_a_mixer_meet_in_the_best_format_of_them() -> None:
    found = negotiate(graph_of(SPEECH + "bus mixer < mono mic\nmix track < bus"))
    assert found.inputs["bus"] == [Format(48_000, 2)] * 2
    assert found.outputs["bus"] == Format(48_000, 2)
    bus = next(node for node in found.graph.nodes if node.name == "bus")
    assert bus.inputs == ["convert-2", "mic"]


def test_a_conversion_that_two_need_is_made_once() -> None:
    found = negotiate(graph_of(SPEECH + "bus mixer < mono mic\nbar mixer < mic mono\na null < bus\nb null < bar"))
    assert [node.name for node in found.graph.nodes if node.name.startswith("convert")] == ["convert-1", "convert-2"]


def test_a_name_that_is_taken_is_not_given_to_a_conversion() -> None:
    found = negotiate(graph_of(SPEECH + "convert-1 mixer < mono mic\nmix track < convert-1"))
    names = [node.name for node in found.graph.nodes]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("rate", "codec", "needed"),
    [
        (16_000, "aac", 16_000),
        (17_000, "aac", 22_050),
        (44_100, "opus", 48_000),
        (192_000, "aac", 96_000),
        (17_000, "flac", 17_000),
    ],
)
def test_a_codec_gets_the_next_rate_that_it_has(rate: int, codec: str, needed: int) -> None:
    text = f"mic microphone\nr resampler < mic : rate = {rate}\nt track < r : codec = '{codec}'"
    assert negotiate(graph_of(text)).inputs["t"] == [Format(needed, 2)]


def test_many_channels_become_two_for_a_track() -> None:
    text = "mic microphone\nc channel-map < mic : channels = 6\nt track < c"
    assert negotiate(graph_of(text)).inputs["t"] == [Format(48_000, 2)]


def test_without_leave_to_convert_every_difference_is_a_fault_with_its_remedy() -> None:
    found = faults(graph_of(SPEECH + "bus mixer < mono mic\nmix track < bus", convert=False))
    assert found == [
        (
            "mono gives 16000 Hz mono, but bus needs 48000 Hz stereo; put a resampler or channel-map between them,"
            " or set convert = true"
        )
    ]
