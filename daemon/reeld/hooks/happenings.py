"""Which events are happenings that a hook may be for, and what the hook is told. Pure.

Events tell states; a hook is for what leads from one to another. A session that is damaged and mended meanwhile
(`partial`, `active`) has not started twice.
"""

from dataclasses import dataclass

import msgspec

from reeld_proto.events import Event, MarkerAdded, SessionStateChanged, TroubleReported
from reeld_proto.records import SessionState as S

VALUE_CHARACTERS_MAX = 4096
"""Longest value in the environment; the document on stdin has all."""

VARIABLES = (
    "REELD_EVENT",
    "REELD_SESSION",
    "REELD_NAME",
    "REELD_STATE",
    "REELD_REASON",
    "REELD_ELAPSED_S",
    "REELD_AT_S",
    "REELD_TEXT",
    "REELD_WORKER",
    "REELD_CODE",
    "REELD_TRACK",
)
"""All are set, empty where they do not apply, so that none is left over from the daemon's own environment."""


@dataclass(frozen=True)
class Happening:
    """kind: `start`, `stop`, `pause`, `resume`, `trouble` or `marker`; document: the event as JSON."""

    kind: str
    environment: dict[str, str]
    document: bytes


class Happenings:
    """Follows the daemon's events."""

    def __init__(self) -> None:
        self._session = ""
        self._name = ""
        self._state = ""
        self._paused = False

    def see(self, event: Event) -> Happening | None:
        """What an event means; None for most of them."""
        match event:
            case SessionStateChanged():
                kind = self._kind_of(event)
                if not kind:
                    return None
                told = _told(event, kind, REASON=event.reason, ELAPSED_S=f"{event.elapsed_s:.3f}", STATE=event.state)
                return self._about(told, event.session, event.name)
            case MarkerAdded():
                told = _told(event, "marker", AT_S=f"{event.at_s:.3f}", TEXT=event.text, STATE=self._state)
                return self._about(told, event.session, self._name)
            case TroubleReported():
                told = _told(
                    event,
                    "trouble",
                    REASON=event.message,
                    WORKER=event.worker,
                    CODE=event.code,
                    TRACK=event.track,
                    STATE=self._state,
                )
                return self._about(told, self._session, self._name)
        return None

    def _kind_of(self, event: SessionStateChanged) -> str:
        running = event.state in {S.ACTIVE, S.PARTIAL}
        if event.session != self._session:
            if not running:
                return ""
            self._session, self._name, self._paused = event.session, event.name, False
            self._state = event.state
            return "start"
        self._name, self._state = event.name, event.state
        if event.state in {S.COMPLETED, S.ERROR}:
            self._session = self._name = self._state = ""
            return "stop"
        if event.state == S.PAUSED and not self._paused:
            self._paused = True
            return "pause"
        if running and self._paused:
            self._paused = False
            return "resume"
        return ""

    @staticmethod
    def _about(told: Happening, session: str, name: str) -> Happening:
        told.environment.update(REELD_SESSION=session, REELD_NAME=_clean(name))
        return told


def _told(event: Event, kind: str, **values: str) -> Happening:
    environment = dict.fromkeys(VARIABLES, "")
    environment |= {f"REELD_{key}": _clean(value) for key, value in values.items()}
    environment["REELD_EVENT"] = kind
    return Happening(kind, environment, msgspec.json.encode(event))


def _clean(value: str) -> str:
    """As the environment can hold it: no null character, not too long."""
    return str(value).replace("\0", "")[:VALUE_CHARACTERS_MAX]
