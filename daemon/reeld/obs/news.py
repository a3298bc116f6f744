"""States of sessions as OBS tells those of its recording. Pure."""

from reeld.obs.wire import Intent, Message, event
from reeld_proto.records import SessionState

_RUNNING = frozenset({SessionState.ACTIVE, SessionState.PAUSING, SessionState.PAUSED, SessionState.RESUMING})
_OVER = frozenset({SessionState.COMPLETED, SessionState.ERROR, SessionState.INTERRUPTED, SessionState.PARTIAL})
_AT_REST = frozenset({SessionState.PAUSING, SessionState.PAUSED, SessionState.RESUMING})


def is_running(state: SessionState) -> bool:
    """Whether OBS would say that it records, paused or not."""
    return state in _RUNNING


def is_over(state: SessionState) -> bool:
    """Whether the session has come to its end, a good one or not."""
    return state in _OVER


class RecordNews:
    """Follows the states of sessions, one after the other."""

    def __init__(self) -> None:
        self._state = SessionState.IDLE

    def begin(self, state: SessionState) -> None:
        """What there was before the first event."""
        self._state = state

    def tell(self, state: SessionState) -> str:
        """What OBS calls the change to this state (`STARTED`); empty where it has no word for it."""
        before, self._state = self._state, state
        if state is before:
            return ""
        if state is SessionState.ACTIVE:
            return "RESUMED" if before in _AT_REST else "STARTED"
        words = {
            SessionState.STARTING: "STARTING",
            SessionState.PAUSED: "PAUSED",
            SessionState.ENDING: "STOPPING",
            **dict.fromkeys(_OVER, "STOPPED"),
        }
        return words.get(state, "")


def record_event(word: str, path: str | None = None) -> Message:
    """`RecordStateChanged`. path: of what was recorded, once it has stopped."""
    data = {
        "outputActive": word in {"STARTED", "RESUMED"},
        "outputState": f"OBS_WEBSOCKET_OUTPUT_{word}",
        "outputPath": path,
    }
    return event("RecordStateChanged", Intent.OUTPUTS, data)
