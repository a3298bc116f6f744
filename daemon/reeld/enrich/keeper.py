"""The queue of enrichment: gives jobs to workers, one job to each, and keeps the store's word for all of it.

DESIGN: what a job is, is in the store; here is only what is being done about it. Whatever is killed when: what was kept
is known, and the slice that was not is taken again. To pause or cancel, the worker is killed.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from reeld.enrich import choosing, saga
from reeld.enrich.adapting import USUAL
from reeld.enrich.attempt import IDLE_S, Attempt, Choose, IsMarked, Surroundings, Told, Worker
from reeld.enrich.breaker import Breaker
from reeld.enrich.ledger import STORE_S, Ask, Ledger
from reeld.enrich.settings import BUILT_IN, EnrichConfig
from reeld.enrich.weather import Weather, Wish
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld_proto.enrich import FINAL_STATES, EnrichAction, EnrichJob, EnrichState
from reeld_proto.enrich_orders import EngineChoice, UndoEnrichment
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.events import Event
from reeld_proto.findings import Stage
from reeld_proto.units import NS_PER_MS, NS_PER_S

WANTED_KEPT_MAX = 500
"""Sessions of which it is known where somebody looked last."""


class EnrichKeeper:
    """Belongs to the event loop's thread.

    hands: the workers there may be, of which the config says how many are used. ask_store: gives an order to the store;
    look: how this machine is doing; publish: tells everybody; is_marked: see `Surroundings`.
    """

    def __init__(
        self,
        hands: Sequence[Worker],
        config: EnrichConfig,
        ask_store: Ask,
        look: Callable[[], Weather],
        publish: Callable[[Event], None],
        is_marked: IsMarked,
        *,
        choose: Choose = choosing.choose,
    ) -> None:
        self._hands, self._config, self._ask_store = hands, config, ask_store
        self._ledger = Ledger(ask_store, publish, self._on_ended)
        self._unasked: set[str] = set()
        self._not_before_ns: dict[str, int] = {}
        self._fruitless: dict[str, int] = {}
        self._breaker = Breaker()
        self._around = Surroundings(self._ledger, self._breaker, lambda: self._config, look, choose, is_marked)
        self._closing = False
        self._wanted_ns: dict[str, int] = {}
        self._running: dict[str, tuple[asyncio.Task[None], Worker]] = {}
        self._idle_since_ns = 0
        self._news = asyncio.Event()

    def reconfigure(self, config: EnrichConfig) -> None:
        """Other settings from the next stage on."""
        self._config = config
        self._news.set()

    def load(self, jobs: list[EnrichJob], days: dict[str, float] | None = None) -> None:
        """What the store has when the daemon begins; what was running waits for its turn again.

        days: money that was spent, by day.
        """
        self._ledger.load(jobs, days or {})
        self._news.set()

    def jobs(self, session: str = "") -> list[EnrichJob]:
        """All jobs, or those of a session, the oldest first."""
        return self._ledger.jobs(session)

    def job(self, id: str) -> EnrichJob | None:
        """One job."""
        return self._ledger.get(id)

    async def start(self, session: str, plan: str, priority: int = 0, *, asked: bool = True) -> EnrichJob:
        """A new job, or the one of this session and plan that has not ended. asked: by a person, who wants it now.

        Raises RequestRejected: INVALID_REQUEST for an unknown plan, NOT_FOUND if an engine is not installed.
        """
        stages = self.stages(plan)
        for stage in stages:
            self._around.choose(stage, self._config, USUAL)
        for job in self._ledger.jobs(session):
            if job.plan == plan and job.state not in FINAL_STATES:
                if asked:
                    self._unasked.discard(job.id)
                if job.state is EnrichState.PENDING and priority > job.priority:
                    await self._ledger.keep(replace(job, priority=priority))
                self._news.set()
                return self._ledger[job.id]
        now_ns = wall_ns()
        name = f"e{now_ns // NS_PER_MS:012x}{secrets.token_hex(2)}"
        job = saga.new_job(name, session, plan, stages, priority, now_ns)
        if not stages:
            job = saga.ended(job, EnrichState.COMPLETED, now_ns)
        if not asked:
            self._unasked.add(name)
        await self._ledger.keep(job)
        self._news.set()
        return job

    def stages(self, plan: str) -> tuple[Stage, ...]:
        """The stages of a plan. Raises RequestRejected naming the plans there are."""
        stages = self._config.stages_of(plan)
        if stages is None:
            known = ", ".join(self._config.names)
            raise RequestRejected(f"there is no plan {plan}", remedy=f"There are {known}.")
        if plan in BUILT_IN and not choosing.has_embedder():
            # Whoever wants meanings and nothing less names them in a plan of their own.
            return tuple(stage for stage in stages if stage is not Stage.EMBEDDINGS)
        return stages

    def want(self, session: str, at_ns: int) -> None:
        """Work on a session begins, or goes on, around this media time."""
        self._wanted_ns.pop(session, None)
        self._wanted_ns[session] = at_ns
        while len(self._wanted_ns) > WANTED_KEPT_MAX:
            del self._wanted_ns[next(iter(self._wanted_ns))]

    def _wish(self, id: str) -> Wish:
        if id not in self._unasked:
            return Wish.ASKS
        job = self._ledger.get(id)
        return Wish.LOOKS if job is not None and job.session in self._wanted_ns else Wish.NONE

    def _first_ns(self, id: str) -> int:
        job = self._ledger.get(id)
        return 0 if job is None else self._wanted_ns.get(job.session, 0)

    async def planned(self, session: str, stage: Stage) -> tuple[EngineChoice, str]:
        """The engine that a stage of a session would take now, and why. Raises RequestRejected (NOT_FOUND)."""
        now = await self._around.circumstances(EnrichJob(id="", session=session, plan=""))
        return self._around.choose(stage, self._config, now)

    async def steer(self, action: EnrichAction, which: str) -> list[EnrichJob]:
        """Cancel, pause or resume jobs, and wait until that is so. which: a job, a session, or empty for all.

        Raises RequestRejected: NOT_FOUND if there is none, WRONG_STATE if one named has ended.
        """
        chosen = [job for job in self._ledger.jobs() if which in ("", job.id, job.session)]
        if which and not chosen:
            raise RequestRejected(
                f"there is no job of enrichment {which}",
                code=ErrorCode.NOT_FOUND,
                remedy="`reelctl enrich list` lists them.",
            )
        one = self._ledger.get(which)
        if one is not None and one.state in FINAL_STATES and action is not EnrichAction.CANCEL:
            raise RequestRejected(f"job {one.id} is {one.state.value}", code=ErrorCode.WRONG_STATE)
        done = []
        for job in chosen:
            if job.state not in FINAL_STATES:
                await self._steer(action, job.id)
            done.append(self._ledger[job.id])
        self._news.set()
        return done

    async def _steer(self, action: EnrichAction, id: str) -> None:
        if action is not EnrichAction.RESUME:
            await self._stop(id)
        job = self._ledger[id]
        if job.state in FINAL_STATES:
            return
        if action is EnrichAction.CANCEL:
            job = saga.ended(job, EnrichState.CANCELLED, wall_ns())
        elif action is EnrichAction.PAUSE:
            job = saga.paused(job)
        else:
            job = saga.resumed(job)
            self._fruitless.pop(id, None)
            self._not_before_ns.pop(id, None)
        await self._ledger.keep(job)

    async def _stop(self, *ids: str) -> None:
        """End the attempts at these jobs, and wait until they have ended."""
        tasks = [self._running[each][0] for each in ids if each in self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def wait(self, id: str) -> EnrichJob:
        """The job when it has come to a final state, or was paused. Raises RequestRejected (NOT_FOUND)."""
        return await self._ledger.wait(id)

    def forget_session(self, session: str) -> None:
        """Its jobs went with it."""
        for job in self.jobs(session):
            if job.id in self._running:
                self._running[job.id][0].cancel()
            self._ledger.forget(job.id)

    async def serve(self) -> None:
        """Do what is to be done, until cancelled."""
        try:
            while True:
                self._begin()
                await self._rest()
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop what is being done; it goes on when the daemon is there again."""
        self._closing = True
        await self._stop(*self._running)
        for hand in self._hands:
            await hand.kill()

    def _begin(self) -> None:
        """Give a job to each worker that has none."""
        for hand in self._free():
            job = self._next()
            if job is None:
                return
            task = asyncio.create_task(self._attempt(job.id, hand))
            self._running[job.id] = task, hand
            task.add_done_callback(partial(self._over, job.id))

    def _over(self, id: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            get_logger().error("enrich.failed", job=id, exc_info=error)
        del self._running[id]
        self._idle_since_ns = monotonic_ns()
        self._news.set()

    def _free(self) -> list[Worker]:
        """Workers without a job; those that are there already first, with their models."""
        used = self._idle(self._hands[: self._config.workers])
        return sorted(used, key=lambda hand: not hand.is_there)

    def _idle(self, hands: Sequence[Worker]) -> list[Worker]:
        busy = [hand for _, hand in self._running.values()]
        return [hand for hand in hands if hand not in busy]

    def _next(self) -> EnrichJob | None:
        """The job whose turn it is: the highest priority first, the oldest first; one of a session at a time."""
        if self._closing:
            return None
        now_ns = monotonic_ns()
        taken = {job.session for each in self._running if (job := self._ledger.get(each)) is not None}
        ready = [job for job in self._waiting() if self._due_ns(job) <= now_ns and job.session not in taken]
        return max(ready, key=lambda job: job.priority, default=None)

    def _waiting(self) -> list[EnrichJob]:
        return [job for job in self._ledger.jobs() if job.state is EnrichState.PENDING and job.id not in self._running]

    def _due_ns(self, job: EnrichJob) -> int:
        """When a job may go on: a service that does not answer is left alone by all."""
        due_ns = self._not_before_ns.get(job.id, 0)
        return max(due_ns, self._breaker.open_until_ns) if saga.next_stage(job) is Stage.LANGUAGE else due_ns

    async def _rest(self) -> None:
        """Wait until there may be something to do; workers without anything for a while are let go."""
        now_ns = monotonic_ns()
        later = [due_ns for job in self._waiting() if (due_ns := self._due_ns(job)) > now_ns]
        idle = [hand for hand in self._idle(self._hands) if hand.is_there] if not later else []
        ends = [self._idle_since_ns + round(IDLE_S * NS_PER_S)] if idle else later
        timeout_s = max(0.01, (min(ends) - now_ns) / NS_PER_S) if ends else None
        self._news.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            for hand in idle:
                await hand.kill()

    async def _attempt(self, id: str, hand: Worker) -> None:
        told = Told(partial(self._wish, id), partial(self._first_ns, id), partial(self._fruitful, id))
        attempt = Attempt(id, hand, self._around, told)
        try:
            await attempt.run()
        except ReeldError as error:
            if id in self._ledger:
                await self._failed(id, error)

    def _fruitful(self, id: str) -> None:
        self._fruitless.pop(id, None)

    async def _failed(self, id: str, error: ReeldError) -> None:
        job = self._ledger[id]
        if job.state is not EnrichState.RUNNING:
            return
        self._fruitless[id] = fruitless = self._fruitless.get(id, 0) + 1
        told = f"{error} {error.remedy}".strip()
        if saga.is_transient(error) and fruitless < saga.FRUITLESS_MAX:
            self._not_before_ns[id] = monotonic_ns() + round(saga.retry_s(fruitless) * NS_PER_S)
            get_logger().warning("enrich.put_off", job=id, code=error.code, reason=str(error))
            waiting = saga.put_off(job, told)
            self._ledger.put(waiting)
            with suppress(ReeldError):
                await self._ledger.keep(waiting)
            return
        get_logger().error("enrich.gave_up", job=id, code=error.code, reason=str(error))
        over = saga.ended(job, EnrichState.FAILED, wall_ns(), told)
        self._ledger.put(over)
        with suppress(ReeldError):
            if self._config.undoes(job.plan):
                await self._ask_store(UndoEnrichment(job=over), STORE_S)
            await self._ledger.keep(over)

    def _on_ended(self, job: EnrichJob) -> None:
        """What ended needs no notes any more."""
        self._unasked.discard(job.id)
        self._fruitless.pop(job.id, None)
        self._not_before_ns.pop(job.id, None)
