"""The services of a session: claimed, started, replaced when lost, tried again when failed. Pure."""

from abc import abstractmethod

from reeld.sessions import signals
from reeld.sessions.journal import Journal
from reeld.sessions.live import Live, ServiceState, ServiceStatus
from reeld.sessions.signals import Service, Step
from reeld.sessions.states import RUNNING, Trigger
from reeld_proto.commands import ErrorReply
from reeld_proto.errors import ErrorCode
from reeld_proto.records import SessionState

RETRY_S = 5.0
"""A device that failed is tried again this often; the person may have plugged it in again."""

RETRY_GIVEN_UP_S = 60.0
"""A service whose workers keep dying is tried again this often."""


class ServiceKeeper(Journal):
    """Handles what happens to the workers of the live session."""

    @abstractmethod
    def _advance(self, live: Live, now_ns: int) -> None:
        """Go on to the next state when everybody has answered."""

    def _service_event(self, live: Live, event: signals.Event) -> None:
        match event:
            case signals.WorkerClaimed(service=service, epoch=epoch):
                self._claimed(live, service, epoch)
            case signals.ServiceStarted():
                self._service_started(live, event)
            case signals.ServiceFailed():
                self._start_failed(live, event)
            case signals.ServiceAnswered():
                self._service_answered(live, event)
            case signals.WorkerLost(service=service, now_ns=now):
                self._worker_lost(live, service, now)
            case signals.ServiceGivenUp(service=service, reason=reason, now_ns=now):
                if service in live.services:
                    error = ErrorReply(code=ErrorCode.WORKER_LOST, message=f"{service} keeps failing: {reason}")
                    self._service_failed(live, service, error, RETRY_GIVEN_UP_S, now)
            case signals.RetryDue(service=service, session=session):
                status = live.services.get(service)
                if session == live.id and status and status.state == ServiceState.ERROR and self._wanted():
                    self._claim(service, status)

    def _claimed(self, live: Live, service: Service, epoch: int) -> None:
        if not self._is_current(live, service, epoch):
            return
        status = live.services[service]
        if status.state != ServiceState.CLAIMING or self.state not in RUNNING:
            return
        if self._wanted():
            status.state = ServiceState.INITIALIZING
            self._do(signals.StartService(service=service, epoch=epoch, order=live.start_order(service)))
        else:
            status.state = ServiceState.LOST

    def _service_started(self, live: Live, event: signals.ServiceStarted) -> None:
        status = live.services.get(event.service)
        if status is None or status.epoch != event.epoch or status.state != ServiceState.INITIALIZING:
            return
        status.state = ServiceState.ACTIVE
        status.error = None
        live.warnings.extend(event.report.warnings)
        if live.first_ns is None:
            live.first_ns = event.report.first_ns
        if self._wanted():
            self._expect(event.service, recording=True)
        if self.state == SessionState.STARTING:
            live.waiting.discard(event.service)
            self._advance(live, event.now_ns)
        elif self.state == SessionState.PARTIAL and not live.failed():
            self._move(Trigger.SERVICE_RECOVERED, event.now_ns)
            self._record_state(live)

    def _start_failed(self, live: Live, event: signals.ServiceFailed) -> None:
        if self._is_current(live, event.service, event.epoch):
            if event.error.code == ErrorCode.TIMEOUT:
                self._do(signals.Distrust(service=event.service, reason=event.error.message))
            self._service_failed(live, event.service, event.error, RETRY_S, event.now_ns)

    def _service_failed(self, live: Live, service: Service, error: ErrorReply, retry_s: float, now_ns: int) -> None:
        status = live.services[service]
        news = status.error is None
        status.state = ServiceState.ERROR
        status.error = error
        status.epoch += 1
        live.waiting.discard(service)
        self._expect(service, recording=False)
        if self.state in RUNNING:
            self._do(signals.RetryLater(service=service, session=live.id, after_s=retry_s))
            if self.state != SessionState.STARTING and news:
                self._warn(live, f"{service} failed: {error.message}")
                self._move(Trigger.SERVICE_ERROR, now_ns, live.warnings[-1])
                self._record_state(live, live.warnings[-1])
        self._advance(live, now_ns)

    def _service_answered(self, live: Live, event: signals.ServiceAnswered) -> None:
        if not self._is_current(live, event.service, event.epoch):
            return
        status = live.services[event.service]
        if event.step == Step.STOP:
            status.state = ServiceState.STOPPED
        if event.error is not None and event.error.code != ErrorCode.WORKER_LOST:
            # Whatever the reason: a worker that may go on recording through a pause must not live.
            self._do(signals.Distrust(service=event.service, reason=event.error.message))
        live.waiting.discard(event.service)
        self._advance(live, event.now_ns)

    def _worker_lost(self, live: Live, service: Service, now_ns: int) -> None:
        status = live.services.get(service)
        if status is None or status.state in {ServiceState.ERROR, ServiceState.STOPPED}:
            return
        if self.state not in RUNNING:
            status.state = ServiceState.STOPPED
        elif self._wanted():
            self._claim(service, status)
        else:
            status.state = ServiceState.LOST
            status.epoch += 1
        if self.state != SessionState.STARTING:
            live.waiting.discard(service)
        self._advance(live, now_ns)

    def _wanted(self) -> bool:
        """Whether a worker has something to record now: nothing is captured while the session is paused."""
        return self.state in RUNNING - {SessionState.PAUSING, SessionState.PAUSED}

    def _claim(self, service: Service, status: ServiceStatus) -> None:
        status.state = ServiceState.CLAIMING
        status.epoch += 1
        self._do(signals.Claim(service=service, epoch=status.epoch))

    @staticmethod
    def _is_current(live: Live, service: Service, epoch: int) -> bool:
        status = live.services.get(service)
        return status is not None and status.epoch == epoch
