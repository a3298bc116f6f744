"""What the daemon knows of the jobs of enrichment, in step with the store: nothing is so here before it is so there."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from reeld.enrich import saga
from reeld.enrich.money import Spent
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld_proto.enrich import FINAL_STATES, EnrichJob, EnrichState
from reeld_proto.enrich_orders import EnrichmentKept, KeepEnrichment, SliceDone
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.events import EnrichmentChanged, Event
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import AnyOrder, AnyReport

TELL_EVERY_NS = 250 * NS_PER_MS
STORE_S = 55.0
JOBS_KEPT_MAX = 500
"""Jobs that ended, as in the store."""

Ask = Callable[[AnyOrder, float], Coroutine[Any, Any, AnyReport]]


class Ledger:
    """Belongs to the event loop's thread. ask_store: gives an order to the store; publish: tells everybody.

    on_ended: called with each job that has come to a final state. reserved: money that requests under way may cost, by
    job.
    """

    def __init__(self, ask_store: Ask, publish: Callable[[Event], None], on_ended: Callable[[EnrichJob], None]) -> None:
        self._ask_store, self._publish, self._on_ended = ask_store, publish, on_ended
        self._jobs: dict[str, EnrichJob] = {}
        self._days: dict[str, float] = {}
        self.reserved: dict[str, float] = {}
        self._told_ns = 0
        self._changed = asyncio.Condition()

    def load(self, jobs: list[EnrichJob], days: dict[str, float]) -> None:
        """What the store has when the daemon begins; what was running waits for its turn again. days: see `Spent`."""
        self._jobs |= {job.id: saga.recovered(job) for job in jobs}
        self._days = dict(days)

    def __contains__(self, id: str) -> bool:
        return id in self._jobs

    def __getitem__(self, id: str) -> EnrichJob:
        return self._jobs[id]

    def get(self, id: str) -> EnrichJob | None:
        """One job."""
        return self._jobs.get(id)

    def jobs(self, session: str = "") -> list[EnrichJob]:
        """All jobs, or those of a session, the oldest first."""
        return [job for job in self._jobs.values() if session in ("", job.session)]

    def spent(self, job: EnrichJob) -> Spent:
        """Money that was spent, and may be by what others have asked just now."""
        today = today_of(wall_ns())
        others = {other: most for other, most in self.reserved.items() if other != job.id}
        waiting = sum(others.values())
        return Spent(
            session=sum(each.cost + others.get(each.id, 0.0) for each in self.jobs(job.session)),
            day=self._days.get(today, 0.0) + waiting,
            month=sum(cost for day, cost in self._days.items() if day[:7] == today[:7]) + waiting,
        )

    async def keep(self, job: EnrichJob, found: SliceDone | None = None, spent: float = 0.0) -> EnrichmentKept:
        """Have the store keep the job, what it found and what that cost; then it is so here, and everybody is told."""
        results, findings = ([], []) if found is None else (found.results, found.findings)
        day = today_of(wall_ns())
        former = self._jobs.get(job.id)
        order = KeepEnrichment(job=job, results=results, findings=findings, day=day, spent=spent)
        report = await self._ask_store(order, STORE_S)
        if not isinstance(report, EnrichmentKept):
            raise InternalError(f"the store answered {type(report).__name__}")
        if spent:
            self._days[day] = self._days.get(day, 0.0) + spent
        if job.attempts and job.id not in self._jobs:
            return report  # it went with its session meanwhile
        self._jobs[job.id] = job
        if job.state in FINAL_STATES:
            self._forget_old(job)
        self._tell(job, news=former is None or former.state is not job.state or former.waiting != job.waiting)
        async with self._changed:
            self._changed.notify_all()
        return report

    def put(self, job: EnrichJob) -> None:
        """So it is here, whatever the store can say now: what failed must not be taken for running."""
        self._jobs[job.id] = job

    async def wait(self, id: str) -> EnrichJob:
        """The job when it has come to a final state, or was paused. Raises RequestRejected (NOT_FOUND)."""
        async with self._changed:
            while (job := self._jobs.get(id)) is not None and not _rests(job):
                await self._changed.wait()
        if job is None:
            raise RequestRejected(f"there is no job of enrichment {id}", code=ErrorCode.NOT_FOUND)
        return job

    def forget(self, id: str) -> None:
        """A job went with its session."""
        del self._jobs[id]

    def _forget_old(self, ended: EnrichJob) -> None:
        """Of what ended the store keeps as many."""
        self._on_ended(ended)
        old = [job.id for job in self._jobs.values() if job.state in FINAL_STATES]
        for name in old[: max(0, len(old) - JOBS_KEPT_MAX)]:
            del self._jobs[name]

    def _tell(self, job: EnrichJob, *, news: bool) -> None:
        now_ns = monotonic_ns()
        if news or now_ns - self._told_ns >= TELL_EVERY_NS:
            self._told_ns = now_ns
            self._publish(EnrichmentChanged(job=job))


def today_of(now_wall_ns: int) -> str:
    """The day in UTC, as 2026-11-27."""
    return saga.instant(now_wall_ns)[:10]


def _rests(job: EnrichJob) -> bool:
    return job.state in FINAL_STATES or job.state is EnrichState.PAUSED
