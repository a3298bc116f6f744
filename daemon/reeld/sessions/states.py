"""States of a session and what leads from one to the next: the one transition table."""

from enum import StrEnum

from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState as S


class Trigger(StrEnum):
    """What moves a session. The first eleven are asked for; the others are found out."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    MARK = "mark"
    ARRANGE = "arrange"
    STEER = "steer"
    CANCEL = "cancel"
    RETRY = "retry"
    DISMISS = "dismiss"
    RESET = "reset"
    SERVICE_ERROR = "service_error"
    SERVICE_RECOVERED = "service_recovered"
    VALIDATED = "validated"
    PERMITTED = "permitted"
    STARTED = "started"
    STARTED_PARTLY = "started_partly"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESUMED_PARTLY = "resumed_partly"
    ENDED = "ended"
    PERSISTED = "persisted"
    FAILED = "failed"


T = Trigger

TRANSITIONS: dict[tuple[S, Trigger], S] = {
    (S.IDLE, T.START): S.VALIDATING,
    (S.VALIDATING, T.VALIDATED): S.CHECKING_PERMISSIONS,
    (S.VALIDATING, T.FAILED): S.ERROR,
    (S.VALIDATING, T.CANCEL): S.IDLE,
    (S.CHECKING_PERMISSIONS, T.PERMITTED): S.STARTING,
    (S.CHECKING_PERMISSIONS, T.FAILED): S.ERROR,
    (S.CHECKING_PERMISSIONS, T.CANCEL): S.IDLE,
    (S.STARTING, T.STARTED): S.ACTIVE,
    (S.STARTING, T.STARTED_PARTLY): S.PARTIAL,
    (S.STARTING, T.SERVICE_ERROR): S.STARTING,
    (S.STARTING, T.SERVICE_RECOVERED): S.STARTING,
    (S.STARTING, T.CANCEL): S.ENDING,
    (S.STARTING, T.FAILED): S.ERROR,
    (S.ACTIVE, T.PAUSE): S.PAUSING,
    (S.ACTIVE, T.MARK): S.ACTIVE,
    (S.ACTIVE, T.ARRANGE): S.ACTIVE,
    (S.ACTIVE, T.STEER): S.ACTIVE,
    (S.ACTIVE, T.END): S.ENDING,
    (S.ACTIVE, T.SERVICE_ERROR): S.PARTIAL,
    (S.PARTIAL, T.PAUSE): S.PAUSING,
    (S.PARTIAL, T.MARK): S.PARTIAL,
    (S.PARTIAL, T.ARRANGE): S.PARTIAL,
    (S.PARTIAL, T.STEER): S.PARTIAL,
    (S.PARTIAL, T.END): S.ENDING,
    (S.PARTIAL, T.SERVICE_ERROR): S.PARTIAL,
    (S.PARTIAL, T.SERVICE_RECOVERED): S.ACTIVE,
    (S.PAUSING, T.PAUSED): S.PAUSED,
    (S.PAUSING, T.STEER): S.PAUSING,
    (S.PAUSING, T.SERVICE_ERROR): S.PAUSING,
    (S.PAUSING, T.SERVICE_RECOVERED): S.PAUSING,
    (S.PAUSED, T.RESUME): S.RESUMING,
    (S.PAUSED, T.MARK): S.PAUSED,
    (S.PAUSED, T.ARRANGE): S.PAUSED,
    (S.PAUSED, T.STEER): S.PAUSED,
    (S.PAUSED, T.END): S.ENDING,
    (S.PAUSED, T.SERVICE_ERROR): S.PAUSED,
    (S.PAUSED, T.SERVICE_RECOVERED): S.PAUSED,
    (S.RESUMING, T.RESUMED): S.ACTIVE,
    (S.RESUMING, T.STEER): S.RESUMING,
    (S.RESUMING, T.RESUMED_PARTLY): S.PARTIAL,
    (S.RESUMING, T.SERVICE_ERROR): S.RESUMING,
    (S.RESUMING, T.SERVICE_RECOVERED): S.RESUMING,
    (S.ENDING, T.ENDED): S.PERSISTING,
    (S.ENDING, T.SERVICE_ERROR): S.ENDING,
    (S.PERSISTING, T.PERSISTED): S.COMPLETED,
    (S.PERSISTING, T.FAILED): S.ERROR,
    (S.COMPLETED, T.DISMISS): S.IDLE,
    (S.COMPLETED, T.START): S.VALIDATING,
    (S.ERROR, T.RETRY): S.VALIDATING,
    (S.ERROR, T.START): S.VALIDATING,
    (S.ERROR, T.DISMISS): S.IDLE,
    # The store is gone for good: nothing that follows could be kept.
    **{(state, T.FAILED): S.ERROR for state in (S.ACTIVE, S.PARTIAL, S.PAUSING, S.PAUSED, S.RESUMING, S.ENDING)},
    **{(state, T.RESET): S.IDLE for state in S},
}
"""(state, trigger) -> next state. What is not listed is not allowed. `interrupted` is given by the store after a
crash; no live session is in it."""

RUNNING = frozenset({S.STARTING, S.ACTIVE, S.PARTIAL, S.PAUSING, S.PAUSED, S.RESUMING})
"""States in which tracks are wanted: a worker lost now is replaced."""

SETTLED = frozenset({S.IDLE, S.ACTIVE, S.PARTIAL, S.PAUSED})
"""States that wait for somebody; all others pass by themselves."""


def next_state(state: S, trigger: Trigger) -> S:
    """Where `trigger` leads. Raises RequestRejected WRONG_STATE naming the present state."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise RequestRejected(
            f"cannot {_VERBS.get(trigger, trigger)}: {_NOTHING if state == S.IDLE else f'the session is {state}'}",
            code=ErrorCode.WRONG_STATE,
            remedy=_REMEDIES.get((state, trigger), ""),
        ) from None


_VERBS = {T.END: "stop", T.ARRANGE: "change the picture", T.STEER: "change the sound"}
_NOTHING = "no session is being recorded (idle)"
_REMEDIES = {
    (S.IDLE, T.PAUSE): "Start a session first.",
    (S.IDLE, T.RESUME): "Start a session first.",
    (S.IDLE, T.END): "Start a session first.",
    (S.IDLE, T.MARK): "Start a session first.",
    (S.IDLE, T.ARRANGE): "Start a session first.",
    (S.IDLE, T.STEER): "Start a session first.",
    (S.ACTIVE, T.START): "Stop the running session first.",
    (S.PARTIAL, T.START): "Stop the running session first.",
    (S.PAUSED, T.START): "Stop or resume the paused session first.",
    (S.PAUSED, T.PAUSE): "It is paused already; resume goes on.",
    (S.ACTIVE, T.RESUME): "It is recording already.",
    (S.PARTIAL, T.RESUME): "It is recording already.",
}
