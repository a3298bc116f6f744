"""Harm guarded against: a word on the command line that changes another node, or another value, than was meant."""

import pytest

from reeld_client.cli.sound_words import change_of, volume_of
from reeld_proto.sound_graph import SoundChange


def test_sources_are_called_by_their_short_names() -> None:
    assert volume_of("mic") == "mic-volume"
    assert volume_of("system") == "system-volume"
    assert volume_of("fader") == "fader"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gain_db=-6", -6.0),
        ("muted=true", True),
        ("muted = False", False),
        ("weights=1,0.5", [1.0, 0.5]),
        ("mode=average", "average"),
    ],
)
def test_values_are_read_as_what_they_are(text: str, value: object) -> None:
    faults: list[str] = []
    (change,) = change_of("n", text, faults)
    assert change == SoundChange(node="n", setting=text.partition("=")[0].strip(), value=value)  # type: ignore[arg-type]
    assert faults == []


@pytest.mark.parametrize("text", ["gain_db", "=3", "gain_db=", " = "])
def test_what_is_no_setting_is_a_fault_with_an_example(text: str) -> None:
    faults: list[str] = []
    assert change_of("n", text, faults) == []
    assert "SETTING=VALUE" in faults[0]
