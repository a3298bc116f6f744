"""The session's decisions, without sockets, clocks or workers: events in, commands out.

DESIGN: one session at a time. What can run in parallel is ordered in one go, and the step is over when everybody
who was asked has answered or failed (`Live.waiting`). Session time changes a moment after a pause or resume was asked
for, so that every worker has the order before the instant it names. A worker that is lost is replaced with the clock
of the moment in which the replacement takes its order; answers of a worker already replaced carry an old epoch and
are ignored.
"""

from reeld.config import Config
from reeld.sessions import signals
from reeld.sessions.journal import error_reply
from reeld.sessions.live import Live, ServiceState
from reeld.sessions.signals import Command, Step
from reeld.sessions.states import RUNNING, Trigger, next_state
from reeld.sessions.steering import SoundKeeper
from reeld.sessions.validation import make_plan
from reeld_proto.commands import ErrorReply, Reply, SessionChanged, SessionStarted, SessionStopped, StartSession
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.events import MarkerAdded
from reeld_proto.records import SessionState
from reeld_proto.units import NS_PER_MS, NS_PER_S, seconds
from reeld_proto.workers import (
    FinishSession,
    PauseTracks,
    RecordClockJump,
    RecordMarker,
    RecordPause,
    ResumeTracks,
    StopTracks,
)

NOTICE_NS = 30 * NS_PER_MS
"""From a pause or resume order to the instant it names: many times what an order takes to arrive."""

CLOCK_JUMP_NS = NS_PER_S // 2
"""A civil clock off by more than this was set, or the machine slept."""


class SessionCore(SoundKeeper):
    """The one session of the daemon. Pure; one owner. buffer: its sessions are parts of the rolling buffer."""

    def __init__(self, config: Config, *, buffer: bool = False) -> None:
        super().__init__()
        self._config = config
        self._buffer = buffer
        self._asked: tuple[int, StartSession, int] | None = None

    def reconfigure(self, config: Config) -> None:
        """Plan with these settings from now on; a session that runs stays as it was planned."""
        self._config = config

    def handle(self, event: signals.Event) -> list[Command]:
        """What shall be done, in this order, about `event`. Never raises for what a client or worker did."""
        self._commands = []
        match event:
            case signals.StartAsked() | signals.PauseAsked() | signals.ResumeAsked():
                self._try(event, event.ask)
            case signals.MarkAsked() | signals.StopAsked() | signals.ArrangeAsked():
                self._try(event, event.ask)
            case signals.AdjustAsked() | signals.EditAsked():
                self._try(event, event.ask)
            case signals.ServiceAnswered(step=Step.STEER):
                self._steer_answered(event)
            case signals.ServiceAnswered(step=Step.ARRANGE):
                self._arrange_answered(event)
            case signals.Surveyed():
                self._surveyed(event)
            case signals.SessionRead():
                self._read(event)
            case signals.StoreAnswered():
                self._store_answered(event)
            case signals.StoreGivenUp(reason=reason, now_ns=now):
                self._store_given_up(reason, now)
            case signals.ClockRead():
                self._clock_read(event)
            case _ if self.live is not None:
                self._service_event(self.live, event)
        return self._commands

    # -- what is asked for ------------------------------------------------------------------------------------------

    def _try(self, event: signals.Event, ask: int) -> None:
        try:
            match event:
                case signals.StartAsked(request=request, now_ns=now):
                    self._move(Trigger.START, now)
                    self._asked = (ask, request, now)
                    self._do(signals.Survey(request=request))
                case signals.PauseAsked(now_ns=now):
                    self._pause(ask, now)
                case signals.ResumeAsked(now_ns=now):
                    self._resume(ask, now)
                case signals.MarkAsked(text=text, now_ns=now):
                    self._mark(ask, text, now)
                case signals.StopAsked(reason=reason, now_ns=now):
                    self._stop(ask, reason, now)
                case signals.ArrangeAsked():
                    self._arrange(event)
                case signals.AdjustAsked():
                    self._adjust(event)
                case signals.EditAsked():
                    self._edit(event)
        except ReeldError as error:
            self._answer(ask, error_reply(error))

    def _pause(self, ask: int, now_ns: int) -> None:
        self._move(Trigger.PAUSE, now_ns)
        live = self._session()
        at_ns = now_ns + NOTICE_NS
        live.clock.pause(at_ns)
        record = RecordPause(session=live.id, start_ns=live.offset_ns(at_ns), end_ns=None)
        self._order_all(live, ask, Step.PAUSE, PauseTracks(at_ns=at_ns), record)
        live.changed_ns = at_ns

    def _resume(self, ask: int, now_ns: int) -> None:
        self._move(Trigger.RESUME, now_ns)
        live = self._session()
        at_ns = now_ns + NOTICE_NS
        live.clock.resume(at_ns)
        span = live.clock.pauses[-1]
        record = RecordPause(
            session=live.id, start_ns=live.offset_ns(span.start_ns), end_ns=live.offset_ns(span.end_ns)
        )
        self._order_all(live, ask, Step.RESUME, ResumeTracks(at_ns=at_ns), record)
        live.changed_ns = at_ns
        for service, status in live.services.items():
            if status.state in {ServiceState.LOST, ServiceState.ERROR}:
                self._claim(service, status)

    def _order_all(
        self, live: Live, ask: int, step: Step, order: PauseTracks | ResumeTracks, record: RecordPause
    ) -> None:
        live.ask = ask
        live.waiting = {step}
        self._do(signals.OrderStore(step=step, order=record))
        for service, status in live.services.items():
            if status.takes_orders:
                live.waiting.add(service)
                self._expect(service, recording=step == Step.RESUME)
                self._do(signals.OrderService(service=service, epoch=status.epoch, step=step, order=order))

    def _mark(self, ask: int, text: str, now_ns: int) -> None:
        next_state(self.state, Trigger.MARK)
        live = self._session()
        media_ns = max(0, live.clock.media_ns(now_ns))
        mark = MarkerAdded(session=live.id, at_s=seconds(media_ns), text=text)
        order = RecordMarker(session=live.id, media_ns=media_ns, text=text)
        self._do(signals.OrderStore(step=Step.MARK, order=order, mark=mark, ask=ask))

    def _stop(self, ask: int, reason: str, now_ns: int) -> None:
        self._move(Trigger.END, now_ns, reason)
        live = self._session()
        live.ask = ask
        # A resume asked for a moment ago names an instant that is still to come.
        live.ended_ns = max(now_ns, live.changed_ns)
        live.waiting = set()
        for service, status in live.services.items():
            if status.takes_orders:
                live.waiting.add(service)
                self._expect(service, recording=False)
                order = StopTracks(at_ns=live.ended_ns)
                self._do(signals.OrderService(service=service, epoch=status.epoch, step=Step.STOP, order=order))
            else:
                status.state = ServiceState.STOPPED
        self._advance(live, now_ns)

    # -- start ------------------------------------------------------------------------------------------------------

    def _surveyed(self, event: signals.Surveyed) -> None:
        if self._asked is None or self.state != SessionState.VALIDATING:
            return
        ask, request, arrived_ns = self._asked
        self._asked = None
        try:
            plan = make_plan(request, event.surroundings, self._config)
        except ReeldError as error:
            self._move(Trigger.FAILED, event.now_ns)
            self._move(Trigger.DISMISS, event.now_ns)
            self._answer(ask, error_reply(error))
            return
        self._move(Trigger.VALIDATED, event.now_ns)
        # The workers listed these sources a moment ago, so the system lets us have them; nothing more is asked for.
        self._move(Trigger.PERMITTED, event.now_ns)
        live = self.live = Live.begin(
            plan,
            session=event.session,
            now_ns=event.now_ns,
            wall_ns=event.wall_ns,
            arrived_ns=arrived_ns,
            ask=ask,
            buffer=self._buffer,
        )
        self._do(signals.KeepSession(session=live.id))
        self._do(signals.OrderStore(step=Step.CREATE, order=live.create_order()))
        for service, status in live.services.items():
            self._do(signals.Claim(service=service, epoch=status.epoch))
        self._publish_state(live, event.now_ns)

    def _advance(self, live: Live, now_ns: int) -> None:
        """Go on to the next state when everybody has answered."""
        if live.waiting:
            return
        match self.state:
            case SessionState.STARTING:
                self._started(live, now_ns)
            case SessionState.PAUSING:
                self._move(Trigger.PAUSED, now_ns)
                self._record_state(live)
                self._answer(live.ask, self._changed(live))
            case SessionState.RESUMING:
                self._move(Trigger.RESUMED_PARTLY if live.failed() else Trigger.RESUMED, now_ns)
                self._record_state(live)
                self._answer(live.ask, self._changed(live))
            case SessionState.ENDING:
                self._move(Trigger.ENDED, now_ns)
                self._release(live)
                end_ns = max(0, live.clock.media_ns(live.ended_ns))
                order = FinishSession(session=live.id, end_ns=end_ns, state=SessionState.COMPLETED)
                live.waiting = {Step.FINISH}
                self._do(signals.OrderStore(step=Step.FINISH, order=order))

    def _started(self, live: Live, now_ns: int) -> None:
        failed = live.failed()
        fatal = live.store_error
        for service, error in failed.items():
            if live.services[service].named or len(failed) == len(live.services):
                fatal = fatal or error
        if fatal is not None:
            self._abort(live, fatal, now_ns)
            return
        for service, error in failed.items():
            self._warn(live, f"no {service} is recorded: {error.message}")
        self._move(Trigger.STARTED_PARTLY if failed else Trigger.STARTED, now_ns)
        if failed:
            self._record_state(live, live.warnings[-1])
        first_frame_ms = None if live.first_ns is None else (live.first_ns - live.arrived_ns) / NS_PER_MS
        self._answer(
            live.ask,
            SessionStarted(
                session=live.id,
                state=self.state,
                first_frame_ms=first_frame_ms,
                name=live.plan.name,
                warnings=list(live.warnings),
            ),
        )

    def _abort(self, live: Live, error: ErrorReply, now_ns: int) -> None:
        live.ended_ns = now_ns
        self._move(Trigger.FAILED, now_ns, error.message)
        end_ns = max(0, live.clock.media_ns(now_ns))
        if live.store_error is None:
            order = FinishSession(session=live.id, end_ns=end_ns, state=SessionState.ERROR)
            self._do(signals.OrderStore(step=Step.NOTE, order=order))
        self._release(live)
        self._leave(live, error, now_ns)

    # -- store ------------------------------------------------------------------------------------------------------

    def _store_answered(self, event: signals.StoreAnswered) -> None:
        live = self.live
        if event.step == Step.MARK and event.mark is not None:
            self._marked(event, event.mark)
            return
        if event.step == Step.STEER:
            self._steer_kept(event)
            return
        if live is None or event.step not in live.waiting:
            return
        live.waiting.discard(event.step)
        if event.step == Step.CREATE:
            live.store_error = event.error
        if event.step == Step.FINISH:
            self._finished(live, event)
            return
        self._advance(live, event.now_ns)

    def _marked(self, event: signals.StoreAnswered, mark: MarkerAdded) -> None:
        if event.error is not None:
            self._answer(event.ask, event.error)
            return
        self._do(signals.Publish(event=mark))
        elapsed_s = self.live.elapsed_s(event.now_ns) if self.live else mark.at_s
        self._answer(
            event.ask,
            SessionChanged(session=mark.session, state=self.state, elapsed_s=elapsed_s, marker_at_s=mark.at_s),
        )

    def _finished(self, live: Live, event: signals.StoreAnswered) -> None:
        if event.error is not None:
            self._move(Trigger.FAILED, event.now_ns, event.error.message)
            self._leave(live, event.error, event.now_ns)
        else:
            self._do(signals.ReadSession(session=live.id))

    def _read(self, event: signals.SessionRead) -> None:
        live = self.live
        if live is None or self.state != SessionState.PERSISTING:
            return
        self._move(Trigger.PERSISTED, event.now_ns)
        found = event.session
        if isinstance(found, ErrorReply):
            self._leave(live, found, event.now_ns)
            return
        reply = SessionStopped(
            session=live.id,
            state=self.state,
            duration_s=found.duration_s,
            tracks=found.tracks,
            gaps=found.gaps,
            name=live.plan.name,
            warnings=list(dict.fromkeys([*live.warnings, *found.warnings])),
        )
        self._leave(live, reply, event.now_ns)

    def _store_given_up(self, reason: str, now_ns: int) -> None:
        live = self.live
        if live is not None:
            error = ErrorReply(code=ErrorCode.WORKER_LOST, message=f"the store keeps failing: {reason}")
            live.ended_ns = live.ended_ns or now_ns
            self._move(Trigger.FAILED, now_ns, error.message)
            self._release(live)
            self._leave(live, error, now_ns)

    def _leave(self, live: Live, reply: Reply, now_ns: int) -> None:
        """The session is over: whoever waits is answered, and the next one may come."""
        self._do(signals.KeepSession(session=None))
        self.live = None
        self._move(Trigger.DISMISS, now_ns)
        self._answer(live.ask, reply)

    def _clock_read(self, event: signals.ClockRead) -> None:
        live = self.live
        if live is None or self.state not in RUNNING:
            return
        offset_ns = event.wall_ns - event.now_ns
        if abs(offset_ns - live.wall_offset_ns) > CLOCK_JUMP_NS:
            live.wall_offset_ns = offset_ns
            media_ns = max(0, live.clock.media_ns(event.now_ns))
            order = RecordClockJump(session=live.id, media_ns=media_ns, wall_ns=event.wall_ns)
            self._do(signals.OrderStore(step=Step.NOTE, order=order))

    def _changed(self, live: Live) -> SessionChanged:
        return SessionChanged(session=live.id, state=self.state, elapsed_s=live.elapsed_s(live.changed_ns))
