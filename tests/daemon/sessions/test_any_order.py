"""The session core whatever happens in whatever order. Harm guarded against: an ask that is never answered, a session
that never ends.

`REELD_EXAMPLES=5000` tries as many conversations; without it a hundred and fifty.
"""

import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reeld.config import Config
from reeld.sessions import signals
from reeld.sessions.signals import Service
from reeld.sessions.sounds import usual_graph
from reeld_proto.commands import ErrorReply, StartSession
from reeld_proto.records import SessionState
from reeld_proto.sound_graph import SoundChange, SoundGraph
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import (
    CreateSession,
    FinishSession,
    TracksStarted,
)
from tests.daemon.sessions.conversation import (
    BROKEN,
    LOST,
    SOUNDS,
    START_NS,
    TIMEOUT,
    WALL_NS,
    Conversation,
    finished,
    surroundings,
)

EXAMPLES = int(os.environ.get("REELD_EXAMPLES", "150"))


class AnyOrder(RuleBasedStateMachine):
    """Clients, workers and the store say what they like, when they like; what must always hold is checked."""

    @initialize(running=st.booleans())
    def begin(self, running: bool) -> None:
        self.talk = Conversation(Config())
        self.pending: list[signals.Command] = []
        self.epochs: dict[Service, int] = {}
        self.asked: set[int] = set()
        self.answered: set[int] = set()
        self.created: set[str] = set()
        self.finished_: list[str] = []
        self.sessions = 0
        if running:
            self.start(StartSession())
            self.settle()

    def say(self, event: signals.Event) -> None:
        ask = getattr(event, "ask", 0)
        if ask and not isinstance(event, signals.StoreAnswered | signals.ServiceAnswered):
            self.asked.add(ask)
        paused_before = self.talk.core.state in {SessionState.PAUSED, SessionState.PAUSING}
        for command in self.talk.say(event):
            match command:
                case signals.Answer(ask=answered):
                    if answered in self.asked:
                        self.answered.add(answered)
                case signals.StartService(service=service, epoch=epoch):
                    assert not paused_before, "a worker starts in a pause"
                    assert epoch > self.epochs.get(service, 0)
                    self.epochs[service] = epoch
                    self.pending.append(command)
                case signals.OrderStore(order=CreateSession(session=session)):
                    self.created.add(session)
                    self.epochs = {}
                    self.pending.append(command)
                case signals.OrderStore(order=FinishSession(session=session)):
                    self.finished_.append(session)
                    self.pending.append(command)
                case signals.Survey() | signals.Claim() | signals.OrderService() | signals.OrderStore():
                    self.pending.append(command)
                case signals.ReadSession() | signals.RetryLater():
                    self.pending.append(command)
                case _:
                    pass

    def take_one(self, data: st.DataObject) -> signals.Command:
        index = data.draw(st.integers(0, len(self.pending) - 1))
        return self.pending.pop(index)

    @rule(ms=st.integers(0, 5000))
    def time_passes(self, ms: int) -> None:
        self.talk.later(ms)

    @rule(request=st.sampled_from([StartSession(), StartSession(displays=["LEFT"]), StartSession(fps=0)]))
    def start(self, request: StartSession) -> None:
        self.say(signals.StartAsked(ask=self.talk.ask(), request=request, now_ns=self.talk.now_ns))

    @rule(kind=st.sampled_from([signals.PauseAsked, signals.ResumeAsked, signals.StopAsked]))
    def ask(self, kind: Any) -> None:
        self.say(kind(ask=self.talk.ask(), now_ns=self.talk.now_ns))

    @rule()
    def mark(self) -> None:
        self.say(signals.MarkAsked(ask=self.talk.ask(), text="x", now_ns=self.talk.now_ns))

    @rule(muted=st.sampled_from([True, False, 7.0]))
    def adjust(self, muted: bool | float) -> None:
        changes = [SoundChange(node="mic-volume", setting="muted", value=muted)]
        self.say(signals.AdjustAsked(ask=self.talk.ask(), changes=changes, now_ns=self.talk.now_ns))

    @rule(graph=st.sampled_from([usual_graph(), usual_graph(microphone=False)]))
    def edit(self, graph: SoundGraph) -> None:
        self.say(signals.EditAsked(ask=self.talk.ask(), graph=graph, listed=SOUNDS, now_ns=self.talk.now_ns))

    @rule(service=st.sampled_from(Service))
    def lose(self, service: Service) -> None:
        self.say(signals.WorkerLost(service=service, reason="killed", now_ns=self.talk.now_ns))

    @rule(service=st.sampled_from(Service))
    def give_up(self, service: Service) -> None:
        self.say(signals.ServiceGivenUp(service=service, reason="killed", now_ns=self.talk.now_ns))

    @rule()
    def lose_the_store_for_good(self) -> None:
        self.say(signals.StoreGivenUp(reason="killed", now_ns=self.talk.now_ns))

    @rule(jump=st.booleans())
    def read_clock(self, jump: bool) -> None:
        wall_ns = WALL_NS + self.talk.now_ns - START_NS + (7200 * NS_PER_S if jump else 0)
        self.say(signals.ClockRead(wall_ns=wall_ns, now_ns=self.talk.now_ns))

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), error=st.sampled_from([None, None, None, BROKEN, TIMEOUT, LOST]))
    def something_is_done(self, data: st.DataObject, error: ErrorReply | None) -> None:
        self.do(self.take_one(data), error)

    def do(self, command: signals.Command, error: ErrorReply | None) -> None:
        now_ns = self.talk.now_ns
        match command:
            case signals.Survey():
                self.sessions += 1
                self.say(
                    signals.Surveyed(
                        surroundings=surroundings(), session=f"s{self.sessions}", wall_ns=WALL_NS, now_ns=now_ns
                    )
                )
            case signals.Claim(service=service, epoch=epoch) | signals.StartService(service=service, epoch=epoch) if (
                error
            ):
                self.say(signals.ServiceFailed(service=service, epoch=epoch, error=error, now_ns=now_ns))
            case signals.Claim(service=service, epoch=epoch):
                self.say(signals.WorkerClaimed(service=service, epoch=epoch, now_ns=now_ns))
            case signals.StartService(service=service, epoch=epoch):
                report = TracksStarted(first_ns=now_ns)
                self.say(signals.ServiceStarted(service=service, epoch=epoch, report=report, now_ns=now_ns))
            case signals.OrderService(service=service, epoch=epoch, step=step, ask=ask):
                answer = signals.ServiceAnswered(
                    service=service, epoch=epoch, step=step, error=error, ask=ask, now_ns=now_ns
                )
                self.say(answer)
            case signals.OrderStore(step=step, mark=marked, ask=ask):
                self.say(signals.StoreAnswered(step=step, error=error, mark=marked, ask=ask, now_ns=now_ns))
            case signals.ReadSession(session=session):
                self.say(signals.SessionRead(session=error or finished(session), now_ns=now_ns))
            case signals.RetryLater(service=service, session=session):
                self.say(signals.RetryDue(service=service, session=session, now_ns=now_ns))

    @invariant()
    def a_session_is_known_exactly_while_there_is_one(self) -> None:
        if hasattr(self, "talk"):
            without = {SessionState.IDLE, SessionState.VALIDATING}
            assert (self.talk.core.live is None) == (self.talk.core.state in without)

    @invariant()
    def session_time_stands_still_exactly_in_pauses(self) -> None:
        live = self.talk.core.live if hasattr(self, "talk") else None
        if live is not None and self.talk.core.state in {SessionState.PAUSED, SessionState.PAUSING}:
            assert live.clock.paused_since_ns is not None
        if live is not None and self.talk.core.state in {SessionState.ACTIVE, SessionState.RESUMING}:
            assert live.clock.paused_since_ns is None

    def teardown(self) -> None:
        if not hasattr(self, "talk"):
            return
        # Whatever happened: when everybody answers, every ask is answered and a stop ends the session.
        self.settle()
        if self.talk.core.state != SessionState.IDLE:
            self.ask(signals.StopAsked)
            self.settle()
        assert self.talk.core.state == SessionState.IDLE
        assert self.asked == self.answered
        assert len(self.finished_) == len(set(self.finished_))
        assert set(self.finished_) <= self.created

    def settle(self) -> None:
        for _ in range(200):
            todo = [c for c in self.pending if not isinstance(c, signals.RetryLater)]
            if not todo:
                return
            self.pending.remove(todo[0])
            self.do(todo[0], None)
        raise AssertionError("it never settles")


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
