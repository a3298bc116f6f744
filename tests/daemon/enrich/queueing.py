"""The queue of enrichment with its surroundings: real store, toy engines in this process, a weather of one's choice."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig
from reeld.enrich.stages import StageRun, open_stage, opened
from reeld.enrich.weather import Weather
from reeld.store.enrichment import jobs_of
from reeld.store.transaction import Table
from reeld_proto.enrich import EnrichJob
from reeld_proto.enrich_orders import EngineChoice, KeepEnrichment, OpenStage, TakeSlice
from reeld_proto.errors import ErrorCode, InternalError, ReeldError
from reeld_proto.events import EnrichmentChanged, Event
from reeld_proto.findings import Stage
from reeld_proto.workers import AnyOrder, AnyReport
from tests.daemon.enrich.library import Shelf
from tests.support.toy_engines import ToyEmbedder, ToyListener, ToyReader, ToyWriter

FINE = Weather(recording=False, others=0.0, on_battery=False, minute=600)
BUSY = Weather(recording=True, others=0.9, on_battery=False, minute=600)
SOON_S = 5.0
STANDARD = [Stage.OCR, Stage.SPEECH, Stage.CHAPTERS, Stage.SUMMARY]
LOST = InternalError("enrich-1 ended", code=ErrorCode.WORKER_LOST)


@dataclass
class Hand:
    """A worker in this process. fails: faults that the next orders meet; before: called before each slice."""

    shelf: Shelf
    reader: ToyReader = field(default_factory=ToyReader)
    listener: ToyListener = field(default_factory=ToyListener)
    writer: ToyWriter = field(default_factory=ToyWriter)
    embedder: ToyEmbedder = field(default_factory=ToyEmbedder)
    fails: list[ReeldError] = field(default_factory=list)
    before: Callable[[], Coroutine[Any, Any, None]] | None = None
    run: StageRun | None = None
    is_there: bool = False
    killed: int = 0
    slices: int = 0
    opened: list[Stage] = field(default_factory=list)
    orders: list[OpenStage] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    broken: set[Stage] = field(default_factory=set)

    async def ask(self, order: AnyOrder, _memory_bytes: int, _timeout_s: float) -> AnyReport:
        self.is_there = True
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop(0)
        if isinstance(order, OpenStage):
            if order.stage in self.broken:
                raise LOST
            engines: dict[Stage, Any] = {
                Stage.OCR: self.reader,
                Stage.SPEECH: self.listener,
                Stage.EMBEDDINGS: self.embedder,
                Stage.LANGUAGE: self.writer,
            }
            engine = engines.get(order.stage)
            self.run = run = open_stage(self.shelf.reader, order, engine)
            self.opened.append(order.stage)
            self.orders.append(order)
            return opened(run)
        assert isinstance(order, TakeSlice)
        assert self.run is not None
        self.slices += 1
        if self.before is not None:
            await self.before()
        return self.run.step()

    async def kill(self) -> None:
        self.is_there, self.run = False, None
        self.killed += 1
        self.gone.set()


@dataclass
class Desk:
    """A keeper with its surroundings.

    weather: as it is now; lost: how many orders to the store fail; told: a job waits;
    slow_store: set when the store takes its time over a result.
    """

    shelf: Shelf
    hand: Hand
    config: EnrichConfig = field(default_factory=EnrichConfig)
    weather: Weather = FINE
    events: list[EnrichJob] = field(default_factory=list)
    lost: int = 0
    told: asyncio.Event = field(default_factory=asyncio.Event)
    orders: list[AnyOrder] = field(default_factory=list)
    slow_store: asyncio.Event | None = None
    others: list[Hand] = field(default_factory=list)
    seen: Any = None

    def keeper(self) -> EnrichKeeper:
        def publish(event: Event) -> None:
            assert isinstance(event, EnrichmentChanged)
            self.events.append(event.job)
            if event.job.waiting:
                self.told.set()

        return EnrichKeeper(
            [self.hand, *self.others],
            self.config,
            self._ask_store,
            lambda: self.weather,
            publish,
            self._is_marked,
            choose=lambda stage, _config, _now: (EngineChoice(engine=f"toy-{stage}"), "for tests"),
        )

    async def _is_marked(self, _session: str) -> bool:
        return False

    async def _ask_store(self, order: AnyOrder, _timeout_s: float) -> AnyReport:
        self.orders.append(order)
        await asyncio.sleep(0)
        if self.slow_store is not None and isinstance(order, KeepEnrichment) and order.results:
            self.slow_store.set()
            await asyncio.sleep(0.1)
        if self.lost and isinstance(order, KeepEnrichment) and order.results:
            self.lost -= 1
            raise InternalError("the store ended", code=ErrorCode.WORKER_LOST)
        return self.shelf.order(order)

    def stored(self) -> list[EnrichJob]:
        with self.shelf.store.read() as txn:
            return jobs_of(txn)

    def results(self) -> int:
        with self.shelf.store.read() as txn:
            return txn.count(Table.RESULTS)


def run(work: Callable[[EnrichKeeper], Coroutine[Any, Any, None]], keeper: EnrichKeeper) -> None:
    """Carry out `work` while the keeper serves."""

    async def main() -> None:
        serving = asyncio.create_task(keeper.serve())
        try:
            async with asyncio.timeout(SOON_S * 4):
                await work(keeper)
        finally:
            await keeper.close()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(main())
