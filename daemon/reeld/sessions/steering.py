"""Changing the sound while it is recorded: the worker first, then the store, then whoever asked. Pure.

DESIGN: a change is part of the plan from the moment it was checked, so that the next one is checked against it and a
worker that takes over begins with it. A worker that refuses a change keeps the sound as it was, and the plan follows;
one that is lost over it is replaced by one that knows it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from reeld.sessions import signals
from reeld.sessions.arranging import PictureKeeper
from reeld.sessions.live import Live
from reeld.sessions.signals import Service, Step
from reeld.sessions.sound_changes import changed, reverted
from reeld.sessions.sounds import SoundPlan, plan_edit
from reeld.sessions.states import Trigger, next_state
from reeld_proto.commands import ErrorReply, SoundAdjusted
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import SoundChange
from reeld_proto.units import seconds
from reeld_proto.workers import AdjustTracks, EditGraph, RecordAutomation, RecordGraph

_SURVIVED = (ErrorCode.TIMEOUT, ErrorCode.WORKER_LOST)
"""Errors after which another worker takes over, with the plan as it is then."""


@dataclass(frozen=True, kw_only=True)
class _Change:
    """A change under way. record: for the store, once the worker has it; undo: the plan without it, from a later one.

    whole: another graph, beside which nothing else may change.
    """

    session: str
    media_ns: int
    changes: list[SoundChange]
    record: RecordAutomation | RecordGraph
    undo: Callable[[SoundPlan], SoundPlan]
    whole: bool = False


class SoundKeeper(PictureKeeper):
    """Handles what is asked of the sound of the live session."""

    def __init__(self) -> None:
        super().__init__()
        self._changes: dict[int, _Change] = {}

    def _adjust(self, event: signals.AdjustAsked) -> None:
        """Raises RequestRejected: WRONG_STATE, or what is wrong with the changes."""
        live = self._sounding()
        before = live.plan.sound
        graph = changed(before.graph, event.changes)
        media_ns = max(0, live.clock.media_ns(event.now_ns))
        change = _Change(
            session=live.id,
            media_ns=media_ns,
            changes=event.changes,
            record=RecordAutomation(session=live.id, media_ns=media_ns, changes=event.changes),
            undo=lambda now: replace(now, graph=reverted(now.graph, before.graph, event.changes)),
        )
        order = AdjustTracks(at_ns=event.now_ns, changes=event.changes)
        self._begin(live, event.ask, change, replace(before, graph=graph), order)

    def _edit(self, event: signals.EditAsked) -> None:
        """Raises RequestRejected: WRONG_STATE, or what is wrong with the graph."""
        live = self._sounding()
        before = live.plan.sound
        plan = plan_edit(event.graph, before, event.listed)
        media_ns = max(0, live.clock.media_ns(event.now_ns))
        change = _Change(
            session=live.id,
            media_ns=media_ns,
            changes=[],
            record=RecordGraph(session=live.id, media_ns=media_ns, graph=plan.graph),
            undo=lambda _now: before,
            whole=True,
        )
        order = EditGraph(at_ns=event.now_ns, graph=plan.graph, devices=plan.devices)
        self._begin(live, event.ask, change, plan, order)

    def _sounding(self) -> Live:
        next_state(self.state, Trigger.STEER)
        live = self._session()
        if Service.AUDIO not in live.services:
            raise RequestRejected("no sound is being recorded", code=ErrorCode.WRONG_STATE)
        if any(change.whole for change in self._changes.values()):
            raise RequestRejected("the graph of sounds is being changed", code=ErrorCode.WRONG_STATE)
        return live

    def _begin(self, live: Live, ask: int, change: _Change, plan: SoundPlan, order: AdjustTracks | EditGraph) -> None:
        live.plan = replace(live.plan, sound=plan)
        self._changes[ask] = change
        status = live.services[Service.AUDIO]
        if not status.takes_orders:
            # Whoever takes over the sound is told how it is by then.
            self._keep(ask, change)
            return
        self._do(signals.OrderService(service=Service.AUDIO, epoch=status.epoch, step=Step.STEER, order=order, ask=ask))

    def _steer_answered(self, event: signals.ServiceAnswered) -> None:
        change = self._changes.get(event.ask)
        if change is None:
            return
        error, live = event.error, self.live
        if error is not None and error.code not in _SURVIVED:
            del self._changes[event.ask]
            if live is not None and live.id == change.session:
                live.plan = replace(live.plan, sound=change.undo(live.plan.sound))
            self._answer(event.ask, error)
            return
        if error is not None and live is not None and self._is_current(live, event.service, event.epoch):
            # Lost workers are gone already; of one that is replaced nobody need be told either.
            self._do(signals.Distrust(service=event.service, reason=error.message))
        self._keep(event.ask, change)

    def _keep(self, ask: int, change: _Change) -> None:
        self._do(signals.OrderStore(step=Step.STEER, order=change.record, ask=ask))

    def _steer_kept(self, event: signals.StoreAnswered) -> None:
        change = self._changes.pop(event.ask, None)
        if change is None:
            return
        reply: SoundAdjusted | ErrorReply | None = event.error
        if reply is None:
            reply = SoundAdjusted(
                session=change.session, state=self.state, at_s=seconds(change.media_ns), changes=change.changes
            )
        self._answer(event.ask, reply)
