"""What every part of the session core needs: the state, the live session, and the commands of the present event."""

from reeld.sessions import signals
from reeld.sessions.live import Live
from reeld.sessions.signals import Command, Service, Step
from reeld.sessions.states import Trigger, next_state
from reeld_proto.commands import ErrorReply, Reply
from reeld_proto.errors import ReeldError
from reeld_proto.events import SessionStateChanged
from reeld_proto.records import SessionBrief, SessionState
from reeld_proto.workers import RecordState


def error_reply(error: ReeldError) -> ErrorReply:
    """The wire form of an error."""
    return ErrorReply(code=error.code, message=str(error), remedy=error.remedy, faults=list(error.faults))


class Journal:
    """State and commands; pure. `handle` of the subclass clears and returns the commands."""

    def __init__(self) -> None:
        self.state = SessionState.IDLE
        self.live: Live | None = None
        self._commands: list[Command] = []

    def brief(self, now_ns: int) -> SessionBrief | None:
        """The session as others see it at monotonic `now_ns`; None without one."""
        live = self.live
        if live is None:
            return None
        at_ns = live.ended_ns or max(now_ns, live.changed_ns)
        return SessionBrief(id=live.id, name=live.plan.name, state=self.state, elapsed_s=live.elapsed_s(at_ns))

    def _session(self) -> Live:
        assert self.live is not None, "every state but idle, validating and checking has a session"  # noqa: S101
        return self.live

    def _warn(self, live: Live, warning: str) -> None:
        if warning not in live.warnings:
            live.warnings.append(warning)

    def _record_state(self, live: Live, warning: str = "") -> None:
        order = RecordState(session=live.id, state=self.state, warning=warning)
        if self.state in {SessionState.ACTIVE, SessionState.PARTIAL, SessionState.PAUSED}:
            self._do(signals.OrderStore(step=Step.NOTE, order=order))

    def _release(self, live: Live) -> None:
        for service in live.services:
            self._do(signals.Release(service=service))

    def _expect(self, service: Service, *, recording: bool) -> None:
        self._do(signals.ExpectProgress(service=service, recording=recording))

    def _move(self, trigger: Trigger, now_ns: int, reason: str = "") -> None:
        before, self.state = self.state, next_state(self.state, trigger)
        if self.live is not None and (before != self.state or reason):
            self._publish_state(self.live, now_ns, reason)

    def _publish_state(self, live: Live, now_ns: int, reason: str = "") -> None:
        at_ns = live.ended_ns or max(now_ns, live.changed_ns)
        event = SessionStateChanged(
            session=live.id, name=live.plan.name, state=self.state, elapsed_s=live.elapsed_s(at_ns), reason=reason
        )
        self._do(signals.Publish(event=event))

    def _answer(self, ask: int, reply: Reply) -> None:
        self._do(signals.Answer(ask=ask, reply=reply))

    def _do(self, command: Command) -> None:
        self._commands.append(command)
