"""The queue of enrichment: takes one job after the other through its stages, and keeps the store's word for all of it.

DESIGN: what a job is, is in the store; here is only what is being done about it. A slice is asked of the worker, then
kept by the store together with the job's new state, then the next is asked. Whatever is killed when: what was kept is
known, and the slice that was not is taken again. To pause or cancel, the worker is killed.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from msgspec.structs import replace

from reeld.enrich import choosing, estimates, money, saga
from reeld.enrich.breaker import Breaker
from reeld.enrich.settings import EnrichConfig
from reeld.enrich.weather import Weather, hindrance
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld_proto.enrich import FINAL_STATES, EnrichAction, EnrichJob, EnrichState
from reeld_proto.enrich_orders import (
    EnrichmentKept,
    KeepEnrichment,
    OpenStage,
    SliceDone,
    StageOpened,
    TakeSlice,
    UndoEnrichment,
)
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, TransportError
from reeld_proto.events import EnrichmentChanged, Event
from reeld_proto.findings import Stage
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import AnyOrder, AnyReport

TELL_EVERY_NS = 250 * NS_PER_MS
STORE_S = 55.0
SLICE_S = 600.0
"""A slice is half a minute of sound or one still; an engine that takes ten minutes for that hangs."""
OPEN_S = 180.0
"""Models of gigabytes are read from disk."""
LOOK_EVERY_S = 2.0
"""How often a job that waits for better conditions looks again."""
JOBS_KEPT_MAX = 500
"""Jobs that ended, as in the store."""
IDLE_S = 20.0
"""So long the worker stays, with its models, when there is nothing to do."""

Ask = Callable[[AnyOrder, float], Coroutine[Any, Any, AnyReport]]


class Worker(Protocol):
    """See `Staff`."""

    @property
    def is_there(self) -> bool:
        """Whether the process runs."""
        ...

    async def ask(self, order: AnyOrder, memory_bytes: int, timeout_s: float, /) -> AnyReport:
        """The report on an order."""
        ...

    async def kill(self) -> None:
        """End the process at once."""
        ...


class EnrichKeeper:
    """Belongs to the event loop's thread.

    ask_store: gives an order to the store; look: how this machine is doing; publish: tells everybody.
    """

    def __init__(
        self,
        staff: Worker,
        config: EnrichConfig,
        ask_store: Ask,
        look: Callable[[], Weather],
        publish: Callable[[Event], None],
        *,
        choose: Callable[[Stage, EnrichConfig], tuple[Any, str]] = choosing.choose,
    ) -> None:
        self._staff, self._config, self._ask_store = staff, config, ask_store
        self._look, self._publish, self._choose = look, publish, choose
        self._jobs: dict[str, EnrichJob] = {}
        self._unasked: set[str] = set()
        self._not_before_ns: dict[str, int] = {}
        self._fruitless: dict[str, int] = {}
        self._told_ns = 0
        self._breaker = Breaker()
        self._closing = False
        self._current: tuple[str, asyncio.Task[None]] | None = None
        self._writing: asyncio.Task[EnrichmentKept] | None = None
        self._news = asyncio.Event()
        self._changed = asyncio.Condition()

    def reconfigure(self, config: EnrichConfig) -> None:
        """Other settings from the next stage on."""
        self._config = config
        self._news.set()

    def load(self, jobs: list[EnrichJob]) -> None:
        """The jobs that the store has, when the daemon begins; what was running waits for its turn again."""
        self._jobs |= {job.id: saga.recovered(job) for job in jobs}
        self._news.set()

    def jobs(self, session: str = "") -> list[EnrichJob]:
        """All jobs, or those of a session, the oldest first."""
        return [job for job in self._jobs.values() if session in ("", job.session)]

    def job(self, id: str) -> EnrichJob | None:
        """One job."""
        return self._jobs.get(id)

    async def start(self, session: str, plan: str, priority: int = 0, *, asked: bool = True) -> EnrichJob:
        """A new job, or the one of this session and plan that has not ended. asked: by a person, who wants it now.

        Raises RequestRejected: INVALID_REQUEST for an unknown plan, NOT_FOUND if an engine is not installed.
        """
        stages = self.stages(plan)
        for stage in stages:
            self._choose(stage, self._config)
        for job in self._jobs.values():
            if (job.session, job.plan) == (session, plan) and job.state not in FINAL_STATES:
                if not asked:
                    return job
                self._unasked.discard(job.id)
                if job.state is EnrichState.PENDING and priority > job.priority:
                    await self._keep(replace(job, priority=priority))
                self._news.set()
                return self._jobs[job.id]
        now_ns = wall_ns()
        name = f"e{now_ns // NS_PER_MS:012x}{secrets.token_hex(2)}"
        job = saga.new_job(name, session, plan, stages, priority, now_ns)
        if not stages:
            job = saga.ended(job, EnrichState.COMPLETED, now_ns)
        if not asked:
            self._unasked.add(name)
        await self._keep(job)
        self._news.set()
        return job

    def stages(self, plan: str) -> tuple[Stage, ...]:
        """The stages of a plan. Raises RequestRejected naming the plans there are."""
        stages = self._config.stages_of(plan)
        if stages is None:
            known = ", ".join(self._config.names)
            raise RequestRejected(f"there is no plan {plan}", remedy=f"There are {known}.")
        return stages

    async def steer(self, action: EnrichAction, which: str) -> list[EnrichJob]:
        """Cancel, pause or resume jobs, and wait until that is so. which: a job, a session, or empty for all.

        Raises RequestRejected: NOT_FOUND if there is none, WRONG_STATE if one named has ended.
        """
        chosen = [job for job in self._jobs.values() if which in ("", job.id, job.session)]
        if which and not chosen:
            raise RequestRejected(
                f"there is no job of enrichment {which}",
                code=ErrorCode.NOT_FOUND,
                remedy="`reelctl enrich list` lists them.",
            )
        one = self._jobs.get(which)
        if one is not None and one.state in FINAL_STATES and action is not EnrichAction.CANCEL:
            raise RequestRejected(f"job {one.id} is {one.state.value}", code=ErrorCode.WRONG_STATE)
        done = []
        for job in chosen:
            if job.state not in FINAL_STATES:
                await self._steer(action, job.id)
            done.append(self._jobs[job.id])
        self._news.set()
        return done

    async def _steer(self, action: EnrichAction, id: str) -> None:
        if action is not EnrichAction.RESUME and self._current is not None and self._current[0] == id:
            task = self._current[1]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        job = self._jobs[id]
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
        await self._keep(job)

    async def wait(self, id: str) -> EnrichJob:
        """The job when it has come to a final state, or was paused. Raises RequestRejected (NOT_FOUND)."""
        async with self._changed:
            while (job := self._jobs.get(id)) is not None and not _rests(job):
                await self._changed.wait()
        if job is None:
            raise RequestRejected(f"there is no job of enrichment {id}", code=ErrorCode.NOT_FOUND)
        return job

    def forget_session(self, session: str) -> None:
        """Its jobs went with it."""
        for job in self.jobs(session):
            if self._current is not None and self._current[0] == job.id:
                self._current[1].cancel()
            del self._jobs[job.id]

    async def serve(self) -> None:
        """Do what is to be done, until cancelled."""
        try:
            while True:
                job = self._next()
                if job is None:
                    await self._rest()
                    continue
                task = asyncio.create_task(self._run(job))
                self._current = (job.id, task)
                try:
                    await asyncio.wait([task])
                finally:
                    self._current = None
                    if not task.done():
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)
                if not task.cancelled() and (error := task.exception()) is not None:
                    get_logger().error("enrich.failed", job=job.id, exc_info=error)
        finally:
            await self._staff.kill()

    async def close(self) -> None:
        """Stop what is being done; it goes on when the daemon is there again."""
        self._closing = True
        if self._current is not None:
            task = self._current[1]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._staff.kill()

    def _next(self) -> EnrichJob | None:
        """The job whose turn it is: the highest priority first, the oldest first."""
        if self._closing:
            return None
        now_ns = monotonic_ns()
        ready = [job for job in self._jobs.values() if job.state is EnrichState.PENDING and self._due_ns(job) <= now_ns]
        return max(ready, key=lambda job: job.priority, default=None)

    def _due_ns(self, job: EnrichJob) -> int:
        """When a job may go on: a service that does not answer is left alone by all."""
        due_ns = self._not_before_ns.get(job.id, 0)
        return max(due_ns, self._breaker.open_until_ns) if saga.next_stage(job) is Stage.LANGUAGE else due_ns

    async def _rest(self) -> None:
        """Wait until there may be something to do; without anything for a while, let the worker go."""
        now_ns = monotonic_ns()
        later = [self._due_ns(job) for job in self._jobs.values() if job.state is EnrichState.PENDING]
        timeout_s = max(0.01, (min(later) - now_ns) / 1e9) if later else IDLE_S if self._staff.is_there else None
        self._news.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            if not later:
                await self._staff.kill()

    async def _run(self, job: EnrichJob) -> None:
        """One attempt at a job."""
        try:
            await self._keep(saga.begun(job))
            while (stage := saga.next_stage(self._jobs[job.id])) is not None:
                if stage is Stage.LANGUAGE and self._breaker.is_open(monotonic_ns()):
                    await self._keep(saga.put_off(self._jobs[job.id], "waits for the language model to answer again"))
                    return
                await self._stage(job.id, stage)
            await self._keep(saga.ended(self._jobs[job.id], EnrichState.COMPLETED, wall_ns()))
            get_logger().info("enrich.completed", job=job.id, session_id=job.session)
        except asyncio.CancelledError:
            # Whoever cancels says what becomes of the job, after whatever is being written of it.
            if self._writing is not None:
                await asyncio.wait([self._writing])
            await self._staff.kill()
            raise
        except ReeldError as error:
            if job.id in self._jobs:
                await self._failed(job.id, error)

    async def _failed(self, id: str, error: ReeldError) -> None:
        job = self._jobs[id]
        if job.state is not EnrichState.RUNNING:
            return
        self._fruitless[id] = fruitless = self._fruitless.get(id, 0) + 1
        told = f"{error} {error.remedy}".strip()
        if saga.is_transient(error) and fruitless < saga.FRUITLESS_MAX:
            self._not_before_ns[id] = monotonic_ns() + round(saga.retry_s(fruitless) * 1e9)
            get_logger().warning("enrich.put_off", job=id, code=error.code, reason=str(error))
            self._jobs[id] = waiting = saga.put_off(job, told)
            with suppress(ReeldError):
                await self._keep(waiting)
            return
        get_logger().error("enrich.gave_up", job=id, code=error.code, reason=str(error))
        self._jobs[id] = over = saga.ended(job, EnrichState.FAILED, wall_ns(), told)
        with suppress(ReeldError):
            if self._config.undoes(job.plan):
                await self._ask_store(UndoEnrichment(job=over), STORE_S)
            await self._keep(over)

    async def _stage(self, id: str, stage: Stage) -> None:
        job = self._jobs[id]
        choice, _ = self._choose(stage, self._config)
        order = OpenStage(
            session=job.session,
            stage=stage,
            choice=choice,
            threads=choosing.threads(self._config),
            scheduler=self._config.scheduler,
            objects=self._config.objects,
        )
        await self._clear(id)
        opened = await self._ask(order, OPEN_S, StageOpened)
        await self._keep(saga.stage_opened(self._jobs[id], stage, opened))
        finished = False
        while not finished:
            await self._clear(id)
            most = money.price(self._config, opened.tokens_in, opened.tokens_out)
            money.check(self._config, self._jobs[id], self._jobs.values(), most, saga.instant(wall_ns())[:10])
            found = await self._ask(TakeSlice(), SLICE_S, SliceDone)
            cost = money.price(self._config, found.tokens_in, found.tokens_out)
            if found.busy:
                await self._keep(replace(self._jobs[id], cost=round(self._jobs[id].cost + cost, 6)))
                self._breaker.failed(monotonic_ns(), found.busy_s)
                raise TransportError(found.busy, code=ErrorCode.TIMEOUT)
            if stage is Stage.LANGUAGE:
                self._breaker.answered()
            job = saga.slice_done(self._jobs[id], stage, opened, found, cost)
            job = replace(job, remaining_s=estimates.remaining_s(job, self._jobs.values()))
            kept = await self._keep(job, found)
            if kept.stale:
                # Something was changed while this was made of it: it is made again of what is there now.
                return await self._again(id, stage)
            finished = found.finished
            if kept.kept:
                self._fruitless.pop(id, None)
        return None

    async def _again(self, id: str, stage: Stage) -> None:
        job = self._jobs[id]
        stages = [replace(each, state=EnrichState.RUNNING) if each.stage is stage else each for each in job.stages]
        await self._keep(replace(job, stages=stages))

    async def _clear(self, id: str) -> None:
        """Wait until nothing hinders the work. The worker keeps its models meanwhile, unless that lasts."""
        waited_s = 0.0
        while reason := hindrance(self._look(), self._config, asked=id not in self._unasked):
            if self._jobs[id].waiting != reason:
                await self._keep(replace(self._jobs[id], waiting=reason))
            if waited_s > IDLE_S:
                await self._staff.kill()
            waited_s += LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
        if self._jobs[id].waiting:
            await self._keep(replace(self._jobs[id], waiting=""))
            if waited_s > IDLE_S:
                raise InternalError("waited long, and begins the stage again", code=ErrorCode.WORKER_LOST)

    async def _ask(self, order: AnyOrder, timeout_s: float, kind: type[Any]) -> Any:
        report = await self._staff.ask(order, self._config.memory_mb * 1_000_000, timeout_s)
        if not isinstance(report, kind):
            raise InternalError(f"the enrichment worker answered {type(report).__name__}")
        return report

    async def _keep(self, job: EnrichJob, found: SliceDone | None = None) -> EnrichmentKept:
        """Have the store keep the job, and what it found; then it is so here, too, and everybody is told."""
        self._writing = asyncio.create_task(self._written(job, found))
        return await asyncio.shield(self._writing)

    async def _written(self, job: EnrichJob, found: SliceDone | None) -> EnrichmentKept:
        results, findings = ([], []) if found is None else (found.results, found.findings)
        former = self._jobs.get(job.id)
        report = await self._ask_store(KeepEnrichment(job=job, results=results, findings=findings), STORE_S)
        if not isinstance(report, EnrichmentKept):
            raise InternalError(f"the store answered {type(report).__name__}")
        if job.attempts and job.id not in self._jobs:
            return report  # it went with its session meanwhile
        self._jobs[job.id] = job
        if job.state in FINAL_STATES:
            self._forget_old(job)
        self._tell(job, news=former is None or former.state is not job.state or former.waiting != job.waiting)
        async with self._changed:
            self._changed.notify_all()
        return report

    def _forget_old(self, ended: EnrichJob) -> None:
        """What ended needs no notes any more; of what ended the store keeps as many."""
        self._unasked.discard(ended.id)
        self._fruitless.pop(ended.id, None)
        self._not_before_ns.pop(ended.id, None)
        old = [job.id for job in self._jobs.values() if job.state in FINAL_STATES]
        for name in old[: max(0, len(old) - JOBS_KEPT_MAX)]:
            del self._jobs[name]

    def _tell(self, job: EnrichJob, *, news: bool) -> None:
        now_ns = monotonic_ns()
        if news or now_ns - self._told_ns >= TELL_EVERY_NS:
            self._told_ns = now_ns
            self._publish(EnrichmentChanged(job=job))


def _rests(job: EnrichJob) -> bool:
    return job.state in FINAL_STATES or job.state is EnrichState.PAUSED
