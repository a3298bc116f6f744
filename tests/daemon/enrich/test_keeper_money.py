"""The queue and money. Harms guarded against: a cap that is passed, by one worker or by several, a cost that is
forgotten, and a dead service that holds up all other work."""

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from reeld.enrich import breaker, saga
from reeld.enrich.engines.api import Busy
from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig
from reeld.store import spending
from reeld.store.enrichment import finding_of, jobs_of
from reeld_proto.enrich import EnrichState
from reeld_proto.errors import InternalError
from reeld_proto.findings import Stage
from reeld_proto.store_orders import RemoveSession
from tests.daemon.enrich.queueing import SOON_S, Desk, Hand, run

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
