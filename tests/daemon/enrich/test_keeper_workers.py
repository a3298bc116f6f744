"""The queue with several workers, and people who look. Harms guarded against: workers that cost memory and do nothing,
a session that two work at, and who looks at the end of a recording and waits for its beginning."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reeld.enrich import keeper as keeper_module
from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig
from reeld_proto.enrich import EnrichState
from reeld_proto.findings import Stage
from tests.daemon.enrich.queueing import SOON_S, Desk, Hand, run


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
