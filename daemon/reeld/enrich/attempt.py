"""One attempt at a job: stage after stage, slice after slice, each kept by the store before the next is asked."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec.structs import replace

from reeld.enrich import choosing, estimates, money, saga
from reeld.enrich.adapting import Circumstances
from reeld.enrich.breaker import Breaker
from reeld.enrich.ledger import Ledger
from reeld.enrich.settings import EnrichConfig
from reeld.enrich.weather import Weather, Wish, hindrance
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld_proto.enrich import EnrichJob, EnrichState
from reeld_proto.enrich_orders import EngineChoice, EnrichmentKept, OpenStage, SliceDone, StageOpened, TakeSlice
from reeld_proto.errors import ErrorCode, InternalError, TransportError
from reeld_proto.findings import RESULT_KINDS, Stage
from reeld_proto.workers import AnyOrder, AnyReport

SLICE_S = 600.0
"""A slice is half a minute of sound or one still; an engine that takes ten minutes for that hangs."""
OPEN_S = 180.0
"""Models of gigabytes are read from disk."""
LOOK_EVERY_S = 2.0
"""How often a job that waits for better conditions looks again."""
IDLE_S = 20.0
"""So long a worker stays, with its models, when there is nothing to do."""

Choose = Callable[[Stage, EnrichConfig, Circumstances], tuple[EngineChoice, str]]
IsMarked = Callable[[str], Coroutine[Any, Any, bool]]


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


@dataclass(frozen=True)
class Surroundings:
    """What all attempts share. config, look: what holds now; choose: which engine a stage takes, and why.

    is_marked: whether a session has markers, or is pinned.
    """

    ledger: Ledger
    breaker: Breaker
    config: Callable[[], EnrichConfig]
    look: Callable[[], Weather]
    choose: Choose
    is_marked: IsMarked

    async def circumstances(self, job: EnrichJob) -> Circumstances:
        """What a choice for this job depends on. Raises ReeldError if the session is gone."""
        return Circumstances(
            on_battery=self.look().on_battery,
            marked=await self.is_marked(job.session),
            near_cap=money.is_near_cap(self.config(), self.ledger.spent(job)),
            paces=estimates.paces(self.ledger.jobs()),
        )


@dataclass(frozen=True)
class Told:
    """Between one attempt and the queue.

    wish: how much a person wants the job; first_ns: media time that is wanted first; fruitful: called whenever
    something new was found.
    """

    wish: Callable[[], Wish]
    first_ns: Callable[[], int]
    fruitful: Callable[[], None]


class Attempt:
    """Belongs to the event loop's thread."""

    def __init__(
        self,
        id: str,
        hand: Worker,
        around: Surroundings,
        told: Told,
    ) -> None:
        self._id, self._hand, self._told = id, hand, told
        self._ledger, self._breaker = around.ledger, around.breaker
        self._around, self._config, self._look = around, around.config, around.look
        self._writing: asyncio.Task[EnrichmentKept] | None = None

    async def run(self) -> None:
        """Go on with the job until it is done. Raises ReeldError; if cancelled, the worker is ended first."""
        try:
            await self._keep(saga.begun(self._job))
            while (stage := saga.next_stage(self._job)) is not None:
                if stage is Stage.LANGUAGE and self._breaker.is_open(monotonic_ns()):
                    await self._keep(saga.put_off(self._job, "waits for the language model to answer again"))
                    return
                await self._stage(stage)
            await self._keep(saga.ended(self._job, EnrichState.COMPLETED, wall_ns()))
            get_logger().info("enrich.completed", job=self._id, session_id=self._job.session)
        except asyncio.CancelledError:
            # Whoever cancels says what becomes of the job, after whatever is being written of it.
            if self._writing is not None:
                await asyncio.wait([self._writing])
            await self._hand.kill()
            raise
        finally:
            self._ledger.reserved.pop(self._id, None)

    @property
    def _job(self) -> EnrichJob:
        return self._ledger[self._id]

    async def _stage(self, stage: Stage) -> None:
        config = self._config()
        choice, _ = self._around.choose(stage, config, await self._around.circumstances(self._job))
        order = OpenStage(
            session=self._job.session,
            stage=stage,
            choice=choice,
            threads=choosing.threads(config),
            first_ns=(first_ns := self._told.first_ns()),
            scheduler=config.scheduler,
            objects=config.objects,
        )
        await self._clear()
        opened = await self._ask(order, OPEN_S, StageOpened)
        await self._keep(saga.stage_opened(self._job, stage, opened))
        finished = False
        while not finished:
            if stage in RESULT_KINDS and self._told.first_ns() != first_ns:
                return None  # somebody looks elsewhere now: the stage is opened again, and begins there
            await self._clear()
            found, cost = await self._slice(opened, choice.model)
            if stage is Stage.LANGUAGE:
                self._breaker.answered()
            job = saga.slice_done(self._job, stage, opened, found, cost)
            job = replace(job, remaining_s=estimates.remaining_s(job, self._ledger.jobs()))
            kept = await self._keep(job, found, cost)
            self._ledger.reserved.pop(self._id, None)
            if kept.stale:
                # Something was changed while this was made of it: it is made again of what is there now.
                return await self._again(stage)
            finished = found.finished
            if kept.kept:
                self._told.fruitful()
        return None

    async def _slice(self, opened: StageOpened, model: str) -> tuple[SliceDone, float]:
        """What was found, and what it cost; nothing is asked that might pass a cap."""
        config = self._config()
        most = money.price(config, model, opened.tokens_in, opened.tokens_out)
        money.check(config, self._ledger.spent(self._job), most)
        self._ledger.reserved[self._id] = most
        found = await self._ask(TakeSlice(), SLICE_S, SliceDone)
        cost = money.price(config, model, found.tokens_in, found.tokens_out)
        if found.busy:
            await self._keep(replace(self._job, cost=round(self._job.cost + cost, 6)), None, cost)
            self._breaker.failed(monotonic_ns(), found.busy_s)
            raise TransportError(found.busy, code=ErrorCode.TIMEOUT)
        return found, cost

    async def _again(self, stage: Stage) -> None:
        stages = [
            replace(each, state=EnrichState.RUNNING) if each.stage is stage else each for each in self._job.stages
        ]
        await self._keep(replace(self._job, stages=stages))

    async def _clear(self) -> None:
        """Wait until nothing hinders the work. The worker keeps its models meanwhile, unless that lasts."""
        waited_s = 0.0
        while reason := hindrance(self._look(), self._config(), self._told.wish()):
            if self._job.waiting != reason:
                await self._keep(replace(self._job, waiting=reason))
            if waited_s > IDLE_S:
                await self._hand.kill()
            waited_s += LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
        if self._job.waiting:
            await self._keep(replace(self._job, waiting=""))
            if waited_s > IDLE_S:
                raise InternalError("waited long, and begins the stage again", code=ErrorCode.WORKER_LOST)

    async def _ask(self, order: AnyOrder, timeout_s: float, kind: type[Any]) -> Any:
        report = await self._hand.ask(order, self._config().memory_mb * 1_000_000, timeout_s)
        if not isinstance(report, kind):
            raise InternalError(f"the enrichment worker answered {type(report).__name__}")
        return report

    async def _keep(self, job: EnrichJob, found: SliceDone | None = None, spent: float = 0.0) -> EnrichmentKept:
        """As the ledger, and finished even if the attempt is cancelled."""
        self._writing = asyncio.create_task(self._ledger.keep(job, found, spent))
        return await asyncio.shield(self._writing)
