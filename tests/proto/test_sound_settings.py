"""Harm guarded against: a change that sets something else, or a value that no setting may have."""

import msgspec
import pytest

from reeld_proto.sound_graph import MixerNode, MixMode, SoundChange, SoundGraph, ToneNode, VolumeNode
from reeld_proto.sound_settings import with_changes, with_setting

GRAPH = SoundGraph(nodes=[ToneNode(name="t"), VolumeNode(name="v", inputs=["t"])], convert=False)


def test_one_setting_changes_and_nothing_else() -> None:
    change = SoundChange(node="v", setting="gain_db", value=-3)
    assert with_setting(GRAPH.nodes[1], change) == VolumeNode(name="v", inputs=["t"], gain_db=-3.0)
    made = with_setting(MixerNode(name="m"), SoundChange(node="m", setting="mode", value="average"))
    assert made == MixerNode(name="m", mode=MixMode.AVERAGE)


@pytest.mark.parametrize(
    ("setting", "value"), [("gain_db", 900.0), ("gain_db", "loud"), ("muted", 3.0), ("volum", 1.0), ("pan", [0.0])]
)
def test_what_a_setting_cannot_be_is_refused(setting: str, value: float | str | list[float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        with_setting(GRAPH.nodes[1], SoundChange(node="v", setting=setting, value=value))


def test_changes_of_a_graph_come_in_order_and_keep_the_rest() -> None:
    changes = [SoundChange(node="v", setting="gain_db", value=value) for value in (-3.0, -6.0)]
    made = with_changes(GRAPH, changes)
    assert made.nodes == [ToneNode(name="t"), VolumeNode(name="v", inputs=["t"], gain_db=-6.0)]
    assert not made.convert
    with pytest.raises(KeyError):
        with_changes(GRAPH, [SoundChange(node="x", setting="gain_db", value=0.0)])
