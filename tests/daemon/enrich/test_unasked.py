"""Enrichment that nobody asks for. Harms guarded against: lazy work that is done for nobody, or not for the one who
looks; the session that everybody looks at last in the queue; and looking that does finished work again."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from reeld.enrich.settings import EnrichConfig
from reeld.enrich.unasked import PRIORITY, WANTED_MAX, Unasked
from reeld_proto.enrich import EnrichJob, EnrichState
from reeld_proto.events import SessionStateChanged
from reeld_proto.records import SessionState

LAZY = EnrichConfig(plan="standard", lazy=True)


@dataclass
class Queue:
    """Notes what is begun, as the keeper does: again with a higher priority if it is wanted more."""

    begun: list[tuple[str, int]] = field(default_factory=list)
    wants: list[tuple[str, int]] = field(default_factory=list)
    known: list[EnrichJob] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, count: int) -> None:
        """So much was begun."""
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: len(self.begun) >= count)

    async def start(self, session: str, plan: str, priority: int, *, asked: bool) -> None:
        assert (plan, asked) == ("standard", False)
        self.begun.append((session, priority))
        async with self.news:
            self.news.notify_all()

    def want(self, session: str, at_ns: int) -> None:
        self.wants.append((session, at_ns))

    def jobs(self, session: str) -> list[EnrichJob]:
        return [job for job in self.known if job.session == session]


def changed(session: str, state: SessionState) -> SessionStateChanged:
    return SessionStateChanged(session=session, name=session, state=state, elapsed_s=1.0)


def run(unasked: Unasked, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        serving = asyncio.create_task(unasked.serve())
        try:
            await work()
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(main())


def test_lazy_work_waits_until_somebody_looks_and_goes_by_how_often() -> None:
    queue = Queue()
    unasked = Unasked(cast("Any", queue), LAZY, live_every_s=0.01)

    async def work() -> None:
        for state in (SessionState.ACTIVE, SessionState.COMPLETED):
            unasked.heard(changed("a", state))
        unasked.heard(changed("live", SessionState.ACTIVE))
        unasked.wanted("b", 7)
        unasked.wanted("c")
        for _ in range(30):
            unasked.wanted("b", 8)
        await queue.until(32)

    run(unasked, work)
    assert {session for session, _ in queue.begun} == {"b", "c"}
    assert queue.begun[:2] == [("b", PRIORITY + 1), ("c", PRIORITY + 1)]
    assert queue.begun[-1] == ("b", WANTED_MAX)
    assert queue.wants[:2] == [("b", 7), ("c", 0)]


def test_who_looks_at_what_is_done_begins_nothing() -> None:
    done = EnrichJob(id="e", session="a", plan="standard", state=EnrichState.COMPLETED)
    other = EnrichJob(id="f", session="b", plan="basic", state=EnrichState.COMPLETED)
    queue = Queue(known=[done, other])
    unasked = Unasked(cast("Any", queue), LAZY)

    async def work() -> None:
        unasked.wanted("a")
        unasked.wanted("b")
        await queue.until(1)

    run(unasked, work)
    assert queue.begun == [("b", PRIORITY + 1)]


def test_without_laziness_every_session_is_begun_when_it_has_ended_and_looks_begin_none() -> None:
    queue = Queue()
    unasked = Unasked(cast("Any", queue), EnrichConfig(plan="standard"))

    async def work() -> None:
        unasked.wanted("b", 7)
        unasked.heard(changed("a", SessionState.COMPLETED))
        await queue.until(1)

    run(unasked, work)
    assert queue.begun == [("a", PRIORITY)]
    assert queue.wants == [("b", 7)]
