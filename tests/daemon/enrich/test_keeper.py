"""The queue. Harms guarded against: work that is lost or done twice after a crash, a job that holds up all others for
ever, one that goes on though it was cancelled, and results of which the job knows nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from reeld.enrich import attempt as attempt_module
from reeld.enrich import breaker, choosing, saga
from reeld.enrich import keeper as keeper_module
from reeld.enrich import ledger as ledger_module
from reeld.enrich.engines.api import Busy
from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig, PlanConfig
from reeld.enrich.stages import StageRun, open_stage, opened
from reeld.enrich.weather import Weather
from reeld.store import spending
from reeld.store.enrichment import finding_of, jobs_of
from reeld.store.transaction import Table
from reeld_proto.enrich import EnrichAction, EnrichJob, EnrichState
from reeld_proto.enrich_orders import EngineChoice, KeepEnrichment, OpenStage, TakeSlice
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected
from reeld_proto.events import EnrichmentChanged, Event
from reeld_proto.findings import Stage
from reeld_proto.store_orders import EditRecord, RemoveSession
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


@pytest.fixture
def desk(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(saga, "FIRST_RETRY_S", 0.01)
    shelf.pages("s", [[1, 2], [3, 4], [5, 6], [7, 8]])
    return Desk(shelf, Hand(shelf))


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


def test_a_plan_goes_through_its_stages_in_order_and_the_store_knows_all_of_it(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.progress, job.attempts, job.error) == (EnrichState.COMPLETED, 1.0, 1, "")
        assert [(each.stage, each.state) for each in job.stages] == [
            (stage, EnrichState.COMPLETED) for stage in STANDARD
        ]
        assert desk.stored() == [job]

    run(work, desk.keeper())
    assert desk.hand.opened == STANDARD
    assert desk.results() == 4
    with desk.shelf.store.read() as txn:
        assert finding_of(txn, "s", Stage.CHAPTERS) is not None
    progress = [job.progress for job in desk.events]
    assert progress == sorted(progress)
    assert [job.state for job in desk.events][-1] is EnrichState.COMPLETED


def test_a_second_run_of_the_plan_calls_no_engine(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        await keeper.wait((await keeper.start("s", "standard")).id)
        calls = desk.hand.reader.calls
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert desk.hand.reader.calls == calls
        assert [each.calls for each in job.stages] == [0, 0, 0, 0]
        assert job.stages[0].cached == 4

    run(work, desk.keeper())


def test_what_is_asked_twice_while_it_goes_on_is_one_job(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        first, second = await keeper.start("s", "basic"), await keeper.start("s", "basic")
        assert first.id == second.id
        assert (await keeper.start("s", "standard")).id != first.id

    run(work, desk.keeper())


def test_an_unknown_plan_names_those_that_there_are(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        with pytest.raises(RequestRejected) as caught:
            await keeper.start("s", "everything")
        assert "basic" in caught.value.remedy
        assert keeper.jobs() == []

    run(work, desk.keeper())


@pytest.mark.parametrize("action", [EnrichAction.CANCEL, EnrichAction.PAUSE])
def test_cancel_and_pause_hold_at_once_and_nothing_is_found_afterwards(desk: Desk, action: EnrichAction) -> None:
    hangs = asyncio.Event()

    async def hang() -> None:
        if desk.hand.slices == 2:
            hangs.set()
            await asyncio.sleep(3600)

    desk.hand.before = hang

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "standard")
        await hangs.wait()
        async with asyncio.timeout(1.0):
            (steered,) = await keeper.steer(action, job.id)
        wanted = EnrichState.CANCELLED if action is EnrichAction.CANCEL else EnrichState.PAUSED
        assert steered.state is wanted
        assert desk.stored()[0].state is wanted
        assert not desk.hand.is_there, "an engine cannot be interrupted, so its process is ended"
        assert desk.results() == 1, "what was found before stays"
        if action is EnrichAction.PAUSE:
            desk.hand.before = None
            await keeper.steer(EnrichAction.RESUME, job.id)
            assert (await keeper.wait(job.id)).state is EnrichState.COMPLETED
            assert desk.results() == 4
            assert desk.hand.reader.calls == 4, "the slice that was cut off had called no engine yet"

    run(work, desk.keeper())


def test_a_job_that_ended_is_not_paused_and_an_unknown_one_is_told(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "basic")).id)
        for which, code in ((job.id, ErrorCode.WRONG_STATE), ("nobody", ErrorCode.NOT_FOUND)):
            with pytest.raises(RequestRejected) as caught:
                await keeper.steer(EnrichAction.PAUSE, which)
            assert caught.value.code == code
        assert (await keeper.steer(EnrichAction.CANCEL, job.id))[0].state is EnrichState.COMPLETED

    run(work, desk.keeper())


def test_a_worker_that_dies_costs_a_slice_and_the_job_goes_on(desk: Desk) -> None:
    async def die() -> None:
        if desk.hand.slices % 2 == 0:
            desk.hand.run = None
            raise LOST

    desk.hand.before = die

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert job.state is EnrichState.COMPLETED
        assert job.attempts > 3
        assert desk.hand.reader.calls == 4

    run(work, desk.keeper())
    assert desk.results() == 4


def test_a_fault_that_never_passes_ends_the_job_and_the_next_one_has_its_turn(desk: Desk) -> None:
    desk.hand.broken = {Stage.OCR}

    async def work(keeper: EnrichKeeper) -> None:
        first = await keeper.start("s", "standard", priority=5)
        desk.shelf.pages("other", [[9]])
        second = await keeper.start("other", "basic")
        assert (await keeper.wait(second.id)).state is EnrichState.COMPLETED
        failed = await keeper.wait(first.id)
        assert (failed.state, failed.attempts) == (EnrichState.FAILED, 4)
        assert "enrich-1 ended" in failed.error

    run(work, desk.keeper())


def test_a_permanent_fault_ends_the_job_at_once_with_its_remedy(desk: Desk) -> None:
    desk.hand.fails = [RequestRejected("no model", code=ErrorCode.NOT_FOUND, remedy="Install one.")]

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.attempts, job.error) == (EnrichState.FAILED, 1, "no model Install one.")

    run(work, desk.keeper())


def test_a_plan_that_undoes_leaves_nothing_of_what_it_found_and_all_of_what_others_did(desk: Desk) -> None:
    desk.config = EnrichConfig(plans=[PlanConfig(name="all", stages=[Stage.OCR, Stage.CHAPTERS], on_failure="undo")])
    desk.shelf.pages("before", [[1, 2], [40, 41]])

    async def spoil() -> None:
        if desk.hand.opened[-1] is Stage.CHAPTERS:
            raise RequestRejected("gone", code=ErrorCode.NOT_FOUND)

    async def work(keeper: EnrichKeeper) -> None:
        await keeper.wait((await keeper.start("before", "standard")).id)
        assert desk.results() == 2
        desk.hand.before = spoil
        job = await keeper.wait((await keeper.start("s", "all")).id)
        assert job.state is EnrichState.FAILED
        assert desk.results() == 2, "the page that both show was read by the other job"

    run(work, desk.keeper())


def test_what_the_store_did_not_keep_is_found_again_and_is_there_once(desk: Desk) -> None:
    desk.lost = 1

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.stages[0].done) == (EnrichState.COMPLETED, 4)

    run(work, desk.keeper())
    assert desk.results() == 4


def test_after_a_restart_what_was_running_goes_on_where_the_store_says_it_was(desk: Desk) -> None:
    hangs = asyncio.Event()

    async def hang() -> None:
        if desk.hand.slices == 3:
            hangs.set()
            await asyncio.sleep(3600)

    desk.hand.before = hang

    async def killed(keeper: EnrichKeeper) -> None:
        await keeper.start("s", "standard")
        await hangs.wait()

    run(killed, desk.keeper())
    left = desk.stored()
    assert [job.state for job in left] == [EnrichState.RUNNING]
    desk.hand.before = None
    keeper = desk.keeper()
    keeper.load(left)

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait(left[0].id)
        assert (job.state, job.attempts) == (EnrichState.COMPLETED, 2)
        assert job.stages[0].calls == 4, "what was read before the restart counts, and was not read again"

    run(work, keeper)
    assert desk.hand.reader.calls == 4


def test_work_waits_while_a_recording_needs_the_machine_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.weather = BUSY
    monkeypatch.setattr(attempt_module, "LOOK_EVERY_S", 0.01)

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "standard")
        async with asyncio.timeout(SOON_S):
            await desk.told.wait()
        assert "recording" in keeper.jobs()[0].waiting
        assert desk.hand.slices == 0
        desk.weather = FINE
        keeper.reconfigure(desk.config)
        done = await keeper.wait(job.id)
        assert (done.state, done.waiting) == (EnrichState.COMPLETED, "")

    run(work, desk.keeper())


def test_a_finding_of_what_has_changed_meanwhile_is_made_again(desk: Desk) -> None:
    changed = False

    async def rename() -> None:
        nonlocal changed
        if desk.hand.opened[-1] is Stage.CHAPTERS and not changed:
            changed = True
            desk.shelf.order(EditRecord(session="s", name="another"))

    desk.hand.before = rename

    async def work(keeper: EnrichKeeper) -> None:
        assert (await keeper.wait((await keeper.start("s", "standard")).id)).state is EnrichState.COMPLETED

    run(work, desk.keeper())
    assert desk.hand.opened.count(Stage.CHAPTERS) == 2
    with desk.shelf.store.read() as txn:
        assert finding_of(txn, "s", Stage.CHAPTERS) is not None


def test_higher_priorities_go_first(desk: Desk) -> None:
    begun: list[str] = []

    async def work(keeper: EnrichKeeper) -> None:
        jobs = [await keeper.start(session, "basic", priority) for session, priority in (("s", 0), ("t", 1), ("u", 9))]
        for job in jobs:
            await keeper.wait(job.id)
        begun.extend(job.session for job in desk.events if job.state is EnrichState.RUNNING and not job.stage)

    desk.shelf.pages("t", [[30]])
    desk.shelf.pages("u", [[31]])
    keeper = desk.keeper()
    run(work, keeper)
    assert begun.index("u") < begun.index("t")


def test_a_session_that_is_deleted_takes_its_jobs_with_it(desk: Desk) -> None:
    async def vanish() -> None:
        if desk.hand.slices == 2:
            desk.shelf.order(RemoveSession(session="s", reason="test"))
            raise RequestRejected("there is no session s", code=ErrorCode.NOT_FOUND)

    desk.hand.before = vanish

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "standard")
        await keeper.wait(job.id)
        keeper.forget_session("s")
        assert keeper.jobs() == []

    run(work, desk.keeper())
    assert desk.results() == 0


def test_a_job_does_not_come_back_by_what_was_being_written_when_its_session_went(desk: Desk) -> None:
    writes = asyncio.Event()

    async def work(keeper: EnrichKeeper) -> None:
        desk.slow_store = writes
        await keeper.start("s", "standard")
        await writes.wait()
        desk.shelf.order(RemoveSession(session="s", reason="test"))
        keeper.forget_session("s")
        desk.slow_store = None
        other = desk.shelf.pages("other", [[60]])
        assert (await keeper.wait((await keeper.start(other, "basic")).id)).state is EnrichState.COMPLETED
        assert [job.session for job in keeper.jobs()] == [other]
        assert [job.session for job in desk.stored()] == [other]

    run(work, desk.keeper())


def test_who_asks_for_what_is_done_by_itself_has_it_first(desk: Desk) -> None:
    async def ask(keeper: EnrichKeeper) -> None:
        first = await keeper.start("s", "standard", -10, asked=False)
        second = await keeper.start("s", "standard")
        assert (second.id, second.priority) == (first.id, 0)

    asyncio.run(ask(desk.keeper()))  # nothing is begun meanwhile


def test_what_ended_long_ago_is_forgotten_as_in_the_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "JOBS_KEPT_MAX", 3)

    async def work(keeper: EnrichKeeper) -> None:
        for _ in range(6):
            await keeper.start("s", "off")
        assert len(keeper.jobs()) == 3

    run(work, desk.keeper())


def test_the_plan_off_does_nothing_and_is_done(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "off")
        assert (job.state, desk.hand.slices) == (EnrichState.COMPLETED, 0)

    run(work, desk.keeper())


PAID = EnrichConfig(price_in=1000.0, price_out=1000.0)
"""A question and its answer cost 0.2."""


def test_a_model_is_asked_once_and_what_it_cost_is_told(desk: Desk) -> None:
    desk.config = PAID

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "full")).id)
        assert (job.state, job.cost, desk.hand.writer.calls) == (EnrichState.COMPLETED, 0.2, 1)
        again = await keeper.wait((await keeper.start("s", "full")).id)
        assert (again.cost, desk.hand.writer.calls) == (0.0, 1)
        with desk.shelf.store.read() as txn:
            assert finding_of(txn, "s", Stage.LANGUAGE) is not None

    run(work, desk.keeper())
    assert desk.hand.writer.asked[0].startswith("[0.0] screen: ")


@pytest.mark.parametrize("cap", ["cap_session", "cap_day", "cap_month"])
def test_a_cap_of_zero_asks_nothing_and_leaves_what_was_found(desk: Desk, cap: str) -> None:
    desk.config = replace(PAID, **{cap: 0.0})

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "full")).id)
        assert (job.state, job.cost, desk.hand.writer.calls) == (EnrichState.FAILED, 0.0, 0)
        assert cap in job.error
        assert [each.state for each in job.stages[:4]] == [EnrichState.COMPLETED] * 4

    run(work, desk.keeper())
    assert desk.results() == 4


def test_a_busy_service_is_asked_again_when_it_wants_to_be(desk: Desk) -> None:
    desk.hand.writer.faults = [
        Busy("the language model answers 429", 0.2),
        Busy("the language model answers 500", 0.01),
    ]

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "full")).id)
        assert (job.state, desk.hand.writer.calls, job.attempts) == (EnrichState.COMPLETED, 3, 3)

    run(work, desk.keeper())
    assert desk.hand.reader.calls == 4, "nothing that was done is done again for it"


def test_a_service_that_talks_nonsense_is_given_up_and_its_cost_is_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FIRST_S", 0.01)
    desk.config = PAID
    desk.hand.writer.faults = [InternalError("the language model's answer is no JSON")] * 9

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "full")).id)
        assert (job.state, desk.hand.writer.calls) == (EnrichState.FAILED, saga.FRUITLESS_MAX)
        assert job.cost == pytest.approx(0.2 * saga.FRUITLESS_MAX)
        assert "no JSON" in job.error

    run(work, desk.keeper())


def test_while_a_service_is_dead_other_work_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.hand.writer.faults = [Busy("the language model cannot be reached", 3600.0)]
    desk.shelf.pages("other", [[50]])

    async def work(keeper: EnrichKeeper) -> None:
        first = await keeper.start("s", "full", priority=9)
        second = await keeper.start("other", "full")
        third = await keeper.start("other", "standard")
        assert (await keeper.wait(third.id)).state is EnrichState.COMPLETED
        assert desk.hand.writer.calls == 1, "it is left alone by all jobs"
        assert [keeper.jobs()[place].state for place in (0, 1)] == [EnrichState.PENDING] * 2
        assert {first.id, second.id} == {job.id for job in keeper.jobs()[:2]}

    run(work, desk.keeper())


def test_several_workers_take_a_session_each(desk: Desk) -> None:
    """Harm: more workers than one are paid for with memory and do nothing, or do the same session twice."""
    desk.config = EnrichConfig(workers=3)
    desk.shelf.pages("t", [[1, 2], [3, 4]])
    both = asyncio.Event()
    inside: set[int] = set()

    def meeting(number: int) -> Callable[[], Coroutine[Any, Any, None]]:
        async def meet() -> None:
            inside.add(number)
            if len(inside) == 2:
                both.set()
            await both.wait()

        return meet

    desk.others = [Hand(desk.shelf), Hand(desk.shelf)]
    for number, hand in enumerate((desk.hand, *desk.others)):
        hand.before = meeting(number)

    async def work(keeper: EnrichKeeper) -> None:
        jobs = [
            await keeper.start(session, plan) for session, plan in (("s", "standard"), ("s", "basic"), ("t", "basic"))
        ]
        done = [await keeper.wait(job.id) for job in jobs]
        assert [job.state for job in done] == [EnrichState.COMPLETED] * 3
        assert both.is_set()

    run(work, desk.keeper())
    assert len(inside) == 2, "the second job of a session waits for the first"
    assert desk.results() == 4


async def _pause_before_writing(hand: Hand, answer: asyncio.Event) -> None:
    if hand.opened[-1] is Stage.LANGUAGE:
        await answer.wait()


def test_two_workers_do_not_pass_a_cap_together(desk: Desk) -> None:
    """Harm: each alone may spend the rest of the month, and both do."""
    desk.config = EnrichConfig(
        workers=2, cap_day=0.3, price_in=1000, price_out=1000, language_url="http://x", language_model="m"
    )
    desk.shelf.pages("t", [[5, 6]])
    answer = asyncio.Event()

    other = Hand(desk.shelf)
    desk.others = [other]

    async def work(keeper: EnrichKeeper) -> None:
        for session in ("s", "t"):
            await keeper.wait((await keeper.start(session, "standard")).id)
        for hand in (desk.hand, other):
            hand.before = partial(_pause_before_writing, hand, answer)
        jobs = [await keeper.start(session, "full") for session in ("s", "t")]
        waits = [asyncio.create_task(keeper.wait(job.id)) for job in jobs]
        done, _ = await asyncio.wait(waits, timeout=SOON_S, return_when=asyncio.FIRST_COMPLETED)
        answer.set()
        assert ["cap_day" in each.result().error for each in done] == [True]
        states = [(await each).state for each in waits]
        assert sorted(states) == [EnrichState.COMPLETED, EnrichState.FAILED]

    run(work, desk.keeper())
    assert desk.hand.writer.calls + other.writer.calls == 1


def test_what_was_spent_counts_after_its_session_and_its_job_are_gone(desk: Desk) -> None:
    desk.config = EnrichConfig(cap_day=0.3, price_in=1000, price_out=1000, language_url="http://x", language_model="m")
    desk.shelf.pages("t", [[5, 6]])

    async def spend(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "full")).id)
        assert (job.state, job.cost) == (EnrichState.COMPLETED, 0.2)
        desk.shelf.order(RemoveSession(session="s", reason="test"))
        keeper.forget_session("s")
        assert "cap_day" in (await keeper.wait((await keeper.start("t", "full")).id)).error

    run(spend, desk.keeper())

    async def again(keeper: EnrichKeeper) -> None:
        with desk.shelf.store.read() as txn:
            keeper.load(jobs_of(txn), spending.of(txn))
        assert "cap_day" in (await keeper.wait((await keeper.start("t", "full")).id)).error

    run(again, desk.keeper())


def test_work_goes_on_where_somebody_looks(desk: Desk) -> None:
    """Harm: who opens a recording of hours waits for all that comes before what is looked at."""
    looked = False

    async def look() -> None:
        nonlocal looked
        if not looked:
            looked = True
            desk.seen.want("s", 35_000_000_000)

    desk.hand.before = look

    async def work(keeper: EnrichKeeper) -> None:
        desk.seen = keeper
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.attempts) == (EnrichState.COMPLETED, 1)
        assert (job.stages[0].done, job.stages[0].cached, job.stages[0].calls) == (4, 0, 4)

    run(work, desk.keeper())
    assert desk.hand.opened[:2] == [Stage.OCR, Stage.OCR]
    assert [order.first_ns for order in desk.hand.orders[:2]] == [0, 35_000_000_000]


def test_without_a_model_of_meanings_the_built_in_plans_do_without_and_ones_own_say_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = EnrichConfig(plans=[PlanConfig(name="mine", stages=[Stage.EMBEDDINGS])])
    keeper = desk.keeper()
    assert Stage.EMBEDDINGS in keeper.stages("full")
    monkeypatch.setattr(choosing, "has_embedder", lambda: False)
    assert Stage.EMBEDDINGS not in keeper.stages("full")
    assert Stage.LANGUAGE in keeper.stages("full")
    assert keeper.stages("mine") == (Stage.EMBEDDINGS,)


def test_workers_that_are_not_used_any_more_are_let_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: who sets `workers` back keeps paying for them with memory."""
    monkeypatch.setattr(keeper_module, "IDLE_S", 0.05)
    desk.config = EnrichConfig(workers=2)
    desk.shelf.pages("t", [[1, 2]])
    other = Hand(desk.shelf)
    desk.others = [other]

    async def work(keeper: EnrichKeeper) -> None:
        jobs = [await keeper.start(session, "standard") for session in ("s", "t")]
        for job in jobs:
            await keeper.wait(job.id)
        assert desk.hand.opened
        assert other.opened
        keeper.reconfigure(EnrichConfig(workers=1))
        async with asyncio.timeout(SOON_S):
            for hand in (desk.hand, other):
                await hand.gone.wait()

    run(work, desk.keeper())
