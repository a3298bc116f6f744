"""What hooks are told. Harm guarded against: an upload script that runs twice, or for a recording that goes on."""

import json

from hypothesis import given
from hypothesis import strategies as st

from reeld.hooks.happenings import VALUE_CHARACTERS_MAX, VARIABLES, Happening, Happenings
from reeld_proto.events import ExportProgress, MarkerAdded, SessionStateChanged, TroubleReported
from reeld_proto.records import SessionState as S


def state(which: S, session: str = "s1", reason: str = "") -> SessionStateChanged:
    return SessionStateChanged(session=session, name="Monday", state=which, elapsed_s=1.5, reason=reason)


def kinds(*states: S | SessionStateChanged) -> list[str]:
    happenings = Happenings()
    events = [each if isinstance(each, SessionStateChanged) else state(each) for each in states]
    return [found.kind for event in events if (found := happenings.see(event))]


def told(happenings: Happenings, event: SessionStateChanged | MarkerAdded | TroubleReported) -> Happening:
    found = happenings.see(event)
    assert found is not None
    return found


def test_a_session_from_start_to_stop() -> None:
    states = [S.VALIDATING, S.STARTING, S.ACTIVE, S.PAUSING, S.PAUSED, S.RESUMING, S.ACTIVE, S.ENDING, S.PERSISTING]
    assert kinds(*states, S.COMPLETED, S.IDLE) == ["start", "pause", "resume", "stop"]


def test_a_loss_that_is_mended_is_no_second_start() -> None:
    assert kinds(S.ACTIVE, S.PARTIAL, S.ACTIVE, S.PARTIAL, S.COMPLETED) == ["start", "stop"]
    assert kinds(S.PARTIAL, S.PAUSED, S.PAUSED, S.PARTIAL) == ["start", "pause", "resume"]


def test_a_start_that_failed_neither_started_nor_stopped() -> None:
    assert kinds(S.VALIDATING, S.STARTING, S.ERROR, S.IDLE) == []


def test_a_session_that_fails_later_stops_with_its_reason() -> None:
    happenings = Happenings()
    happenings.see(state(S.ACTIVE))
    stop = told(happenings, state(S.ERROR, reason="the disk is full"))
    assert stop.environment["REELD_EVENT"] == "stop"
    assert (stop.environment["REELD_STATE"], stop.environment["REELD_REASON"]) == ("error", "the disk is full")


def test_the_next_session_starts_anew() -> None:
    assert kinds(S.ACTIVE, S.PAUSED, S.COMPLETED, state(S.ACTIVE, "s2"), state(S.COMPLETED, "s2")) == [
        "start",
        "pause",
        "stop",
        "start",
        "stop",
    ]


def test_markers_and_trouble_know_their_session() -> None:
    happenings = Happenings()
    happenings.see(state(S.ACTIVE))
    marker = told(happenings, MarkerAdded(session="s1", at_s=2.25, text="decided\0!")).environment
    assert (marker["REELD_EVENT"], marker["REELD_SESSION"], marker["REELD_NAME"]) == ("marker", "s1", "Monday")
    assert (marker["REELD_AT_S"], marker["REELD_TEXT"], marker["REELD_STATE"]) == ("2.250", "decided!", "active")
    trouble = told(happenings, TroubleReported(worker="audio-1", code="silent", message="hush", track="mic"))
    assert trouble.kind == "trouble"
    assert [trouble.environment[f"REELD_{key}"] for key in ("WORKER", "CODE", "REASON", "TRACK", "SESSION")] == [
        "audio-1",
        "silent",
        "hush",
        "mic",
        "s1",
    ]


def test_the_document_is_the_event() -> None:
    document = json.loads(told(Happenings(), state(S.ACTIVE)).document)
    assert document == {
        "type": "session.state",
        "session": "s1",
        "name": "Monday",
        "state": "active",
        "elapsed_s": 1.5,
        "reason": "",
    }


def test_other_events_are_none() -> None:
    assert Happenings().see(ExportProgress(session="s1", path="/x", done_s=1, total_s=2)) is None


@given(st.text(), st.text(max_size=20))
def test_any_words_fit_into_an_environment(code: str, message: str) -> None:
    found = told(Happenings(), TroubleReported(worker="w", code=code, message=message * 1000))
    assert set(found.environment) == set(VARIABLES)
    assert all(type(value) is str and "\0" not in value for value in found.environment.values())
    assert max(map(len, found.environment.values())) <= VALUE_CHARACTERS_MAX


@given(st.lists(st.tuples(st.sampled_from(S), st.sampled_from(["s1", "s2"]))))
def test_whatever_happens_stops_and_starts_alternate(steps: list[tuple[S, str]]) -> None:
    found = [kind for kind in kinds(*(state(which, session) for which, session in steps)) if kind in {"start", "stop"}]
    last: dict[str, str] = {}
    for kind in found:
        assert kind != "stop" or last.get("kind") == "start"
        last["kind"] = kind
