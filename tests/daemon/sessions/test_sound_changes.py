"""Harm guarded against: a value that no node can have reaches the recording, a typo changes nothing in silence, or a
change that failed stays in the plan."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.sessions.sound_changes import changed, reverted
from reeld.sessions.sounds import usual_graph
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound import CHANGES_MAX
from reeld_proto.sound_graph import ResamplerNode, SoundChange, SoundGraph, ToneNode, TrackNode, VolumeNode

GRAPH = usual_graph()


def change(node: str, setting: str, value: Any) -> SoundChange:
    return SoundChange(node=node, setting=setting, value=value)


def refusal(*changes: SoundChange, graph: SoundGraph = GRAPH) -> RequestRejected:
    with pytest.raises(RequestRejected) as caught:
        changed(graph, changes)
    return caught.value


def setting(graph: SoundGraph, node: str, name: str) -> Any:
    return getattr(next(each for each in graph.nodes if each.name == node), name)


def test_settings_change_and_nothing_else_does() -> None:
    made = changed(GRAPH, [change("mic-volume", "gain_db", -6), change("mix-bus", "balance", 30.0)])
    assert setting(made, "mic-volume", "gain_db") == -6.0
    assert setting(made, "mix-bus", "balance") == 30.0
    assert setting(GRAPH, "mic-volume", "gain_db") == 0.0
    differing = [one.name for one, other in zip(made.nodes, GRAPH.nodes, strict=True) if one != other]
    assert differing == ["mic-volume", "mix-bus"]


def test_the_last_of_several_changes_of_one_setting_holds() -> None:
    made = changed(GRAPH, [change("mic-volume", "muted", True), change("mic-volume", "muted", False)])
    assert setting(made, "mic-volume", "muted") is False


@pytest.mark.parametrize(
    ("one", "code", "word"),
    [
        (change("mic-volum", "gain_db", 1), ErrorCode.NOT_FOUND, "the nearest is mic-volume"),
        (change("mic-volume", "gain", 1), ErrorCode.NOT_FOUND, "the nearest is gain_db"),
        (change("mic-volume", "gain_db", 31), ErrorCode.INVALID_REQUEST, "gain_db: expected `float` <= 30.0"),
        (change("mic-volume", "gain_db", "loud"), ErrorCode.INVALID_REQUEST, "expected `float`, got `str`"),
        (change("mic-volume", "muted", 1.0), ErrorCode.INVALID_REQUEST, "expected `bool`"),
        (change("mix-bus", "mode", "sideways"), ErrorCode.INVALID_REQUEST, "mode: invalid enum value"),
        (change("mix-bus", "mode", "weighted"), ErrorCode.INVALID_REQUEST, "one weight for each"),
        (change("mic-in", "device", "other"), ErrorCode.INVALID_REQUEST, "`reelctl audio edit`"),
        (change("mic", "codec", "flac"), ErrorCode.INVALID_REQUEST, "`reelctl audio edit`"),
        (change("mix-bus", "inputs", "mic-in"), ErrorCode.INVALID_REQUEST, "`reelctl audio edit`"),
        (change("mix-bus", "name", "bus"), ErrorCode.INVALID_REQUEST, "`reelctl audio edit`"),
        (change("mic-voice", "type", "gate"), ErrorCode.NOT_FOUND, "no setting 'type'"),
        (change("mic-meter", "speed", 1), ErrorCode.NOT_FOUND, "no setting 'speed'; it has none"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(one: SoundChange, code: ErrorCode, word: str) -> None:
    error = refusal(one)
    assert (error.code, word in str(error)) == (code, True), str(error)


def test_the_rate_of_a_stretch_of_the_graph_does_not_change_under_it() -> None:
    graph = SoundGraph(
        nodes=[
            ToneNode(name="t"),
            ResamplerNode(name="r", inputs=["t"], rate=16_000),
            TrackNode(name="a", inputs=["r"]),
        ]
    )
    assert "cannot change alone" in str(refusal(change("r", "rate", 8_000), graph=graph))


def test_all_faults_are_told_at_once_and_none_of_the_changes_is_made() -> None:
    error = refusal(
        change("nobody", "gain_db", 1), change("mic-volume", "pan", 7), change("system-volume", "gain_db", -3)
    )
    assert len(error.faults) == 2
    assert error.code == ErrorCode.INVALID_REQUEST
    assert "reelctl audio graph" in error.remedy


def test_nothing_and_too_much_are_no_changes() -> None:
    assert "nothing to change" in str(refusal())
    flood = [change("mic-volume", "gain_db", 1.0)] * (CHANGES_MAX + 1)
    assert "more than" in str(refusal(*flood))


def test_a_change_that_failed_is_taken_back_but_not_what_came_after_it() -> None:
    ours = [change("mic-volume", "gain_db", -6.0), change("mic-volume", "muted", True)]
    made = changed(GRAPH, ours)
    assert reverted(made, GRAPH, ours) == GRAPH
    later = changed(made, [change("mic-volume", "gain_db", -9.0), change("mix-bus", "balance", 10.0)])
    left = reverted(later, GRAPH, ours)
    assert setting(left, "mic-volume", "gain_db") == -9.0
    assert setting(left, "mic-volume", "muted") is False
    assert setting(left, "mix-bus", "balance") == 10.0


def test_taking_back_passes_over_nodes_that_are_gone() -> None:
    ours = [change("mic-volume", "gain_db", -6.0)]
    other = SoundGraph(nodes=[ToneNode(name="mic-volume"), TrackNode(name="mic", inputs=["mic-volume"])])
    assert reverted(other, GRAPH, ours) == other
    assert reverted(SoundGraph(), GRAPH, ours) == SoundGraph()


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_gain_is_taken_exactly_if_a_volume_can_have_it(gain_db: float) -> None:
    ours = [change("mic-volume", "gain_db", gain_db)]
    if -120.0 <= gain_db <= 30.0:
        made = changed(GRAPH, ours)
        assert setting(made, "mic-volume", "gain_db") == gain_db
        assert reverted(made, GRAPH, ours) == GRAPH
    else:
        assert "gain_db" in str(refusal(*ours))


def test_one_node_that_is_no_volume_has_no_volume() -> None:
    graph = SoundGraph(
        nodes=[ToneNode(name="t"), VolumeNode(name="v", inputs=["t"]), TrackNode(name="a", inputs=["v"])]
    )
    assert setting(changed(graph, [change("v", "pan", -1)]), "v", "pan") == -1.0
    assert "cannot change alone" in str(refusal(change("t", "level_db", -3.0), graph=graph))
