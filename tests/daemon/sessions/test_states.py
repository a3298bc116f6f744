"""The transition table. Harm guarded against: a session that cannot be ended, or an event that leads nowhere."""

import pytest

from reeld.sessions.states import RUNNING, SETTLED, TRANSITIONS, Trigger, next_state
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState as S

LIVE_STATES = [state for state in S if state != S.INTERRUPTED]


def reachable_from(start: S) -> set[S]:
    found, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for (source, _), target in TRANSITIONS.items():
            if source == state and target not in found:
                found.add(target)
                todo.append(target)
    return found


def test_every_state_of_a_live_session_can_be_reached() -> None:
    assert reachable_from(S.IDLE) == set(LIVE_STATES)


@pytest.mark.parametrize("state", LIVE_STATES)
def test_every_state_leads_back_to_idle_without_a_reset(state: S) -> None:
    without_reset = {key: target for key, target in TRANSITIONS.items() if key[1] != Trigger.RESET}
    found, todo = {state}, [state]
    while todo:
        current = todo.pop()
        for (source, _), target in without_reset.items():
            if source == current and target not in found:
                found.add(target)
                todo.append(target)
    assert S.IDLE in found


@pytest.mark.parametrize("state", list(S))
def test_reset_is_possible_from_any_state(state: S) -> None:
    assert next_state(state, Trigger.RESET) == S.IDLE


@pytest.mark.parametrize(
    ("state", "trigger"),
    [
        (S.ACTIVE, Trigger.START),
        (S.PAUSED, Trigger.START),
        (S.PAUSED, Trigger.PAUSE),
        (S.ACTIVE, Trigger.RESUME),
        (S.IDLE, Trigger.END),
        (S.IDLE, Trigger.PAUSE),
        (S.IDLE, Trigger.MARK),
        (S.ENDING, Trigger.END),
        (S.PERSISTING, Trigger.END),
    ],
)
def test_what_is_not_allowed_names_the_present_state(state: S, trigger: Trigger) -> None:
    with pytest.raises(RequestRejected) as caught:
        next_state(state, trigger)
    assert caught.value.code == ErrorCode.WRONG_STATE
    assert caught.value.exit_code == 4
    assert state in str(caught.value)


def test_the_store_alone_marks_sessions_interrupted() -> None:
    assert S.INTERRUPTED not in TRANSITIONS.values()


def test_a_service_that_fails_never_moves_a_session_out_of_recording() -> None:
    for state in RUNNING:
        assert next_state(state, Trigger.SERVICE_ERROR) in RUNNING


def test_settled_states_wait_for_somebody() -> None:
    by_itself = {Trigger.VALIDATED, Trigger.PERMITTED, Trigger.STARTED, Trigger.PAUSED, Trigger.RESUMED, Trigger.ENDED}
    for state in SETTLED:
        assert not any((state, trigger) in TRANSITIONS for trigger in by_itself)
