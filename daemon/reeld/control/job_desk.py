"""Jobs being carried out: one task a job, with whoever waits for it or without. Belongs to the event loop's thread."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from reeld.access.audit import now_text
from reeld.access.door import CALLER, Caller
from reeld.control.job_table import Job, JobTable
from reeld.export.target import remove_orphans
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.supervisor.jobs import FOLLOWER
from reeld_proto.commands import ErrorReply, LongCommand, Reply
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.events import Event, JobChanged
from reeld_proto.jobs import JobDetail, JobInfo, JobList
from reeld_proto.scopes import check

UNDER_WAY_MAX = 64
"""Jobs that have not ended, over all clients."""


class JobDesk:
    """Begins, follows and cancels jobs.

    publish: tells everybody; written: told of the end of a job for which nobody waits.
    """

    def __init__(self, publish: Callable[[Event], None], written: Callable[[Caller, LongCommand, Reply], None]) -> None:
        self._publish = publish
        self._written = written
        self._table = JobTable(os.urandom(2).hex() + "-", now_text)
        self._tasks: dict[str, asyncio.Task[Reply]] = {}

    async def carry_out(self, command: LongCommand, work: Coroutine[Any, Any, Reply]) -> Reply:
        """The reply to `command` at the end of its work. Cancelling cancels the job. Raises RequestRejected."""
        job, task = self._begin(command, work, None)
        try:
            return await task
        except asyncio.CancelledError:
            if task.cancelled() and not _is_being_cancelled():
                return _cancelled(job.info.id)
            raise

    def start(self, command: LongCommand, work: Coroutine[Any, Any, Reply], timeout_s: float | None) -> JobDetail:
        """Begin, and do not wait for the end. Raises RequestRejected when too much is under way."""
        job, task = self._begin(command, work, timeout_s)
        caller = CALLER.get()
        task.add_done_callback(lambda _task: self._written(caller, command, job.reply) if job.reply else None)
        return self._detail(job)

    def _begin(
        self, command: LongCommand, work: Coroutine[Any, Any, Reply], timeout_s: float | None
    ) -> tuple[Job, asyncio.Task[Reply]]:
        if len(self._tasks) >= UNDER_WAY_MAX:
            work.close()
            raise RequestRejected(
                f"{UNDER_WAY_MAX} jobs are under way", code=ErrorCode.DENIED, remedy="Wait for one of them to end."
            )
        job = self._table.add(command, CALLER.get().who)
        task = asyncio.get_running_loop().create_task(self._run(job, work, timeout_s))
        self._tasks[job.info.id] = task
        # Not in the task itself, for one that is cancelled before its first step never gets to its end.
        task.add_done_callback(lambda task: self._ended(job, work, task))
        self._tell(job)
        return job, task

    async def _run(self, job: Job, work: Coroutine[Any, Any, Reply], timeout_s: float | None) -> Reply:
        FOLLOWER.set(_Follower(self, job))
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                return await work
        except asyncio.CancelledError:
            await _remove_parts(job)
            raise
        except ReeldError as error:
            return ErrorReply(code=error.code, message=str(error), remedy=error.remedy, faults=list(error.faults))
        except Exception as error:  # noqa: BLE001 - whoever waits is told, the daemon lives
            if not limit.expired():
                get_logger().error("job.failed", job=job.info.id, exc_info=error)
                message = f"{type(error).__name__} in the daemon; its log has more"
                return ErrorReply(code=ErrorCode.INTERNAL, message=message)
        await _remove_parts(job)
        return _cancelled(job.info.id, f", for it was not done within {timeout_s} s")

    def _ended(self, job: Job, work: Coroutine[Any, Any, Reply], task: asyncio.Task[Reply]) -> None:
        work.close()
        del self._tasks[job.info.id]
        reply = _cancelled(job.info.id) if task.cancelled() else task.result()
        self._table.end(job, reply, monotonic_ns())
        self._tell(job)

    def all(self) -> JobList:
        """Every job that is known."""
        return JobList(jobs=self._table.all(monotonic_ns()))

    def under_way(self) -> list[JobInfo]:
        """Jobs that have not ended."""
        return self._table.under_way()

    def show(self, id: str) -> JobDetail:
        """One job. Raises RequestRejected(NOT_FOUND)."""
        return self._detail(self._find(id))

    async def wait(self, id: str) -> Reply:
        """The reply to the command of a job, at its end. Cancelling leaves the job alone. Raises RequestRejected."""
        job = self._allowed(id)
        if (task := self._tasks.get(id)) is not None:
            await asyncio.wait([task])
        return job.reply if job.reply is not None else _cancelled(id)

    async def cancel(self, id: str) -> JobDetail:
        """End a job and wait until nothing of it is left. Raises RequestRejected."""
        job = self._allowed(id)
        if (task := self._tasks.get(id)) is not None:
            task.cancel()
            await asyncio.wait([task])
        return self._detail(job)

    async def close(self) -> None:
        """Cancel what is under way and wait for its end."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def began(self, job: Job) -> None:
        """Its worker is being started."""
        if self._table.begin(job):
            self._tell(job)

    def advanced(self, job: Job, done: float, total: float) -> None:
        """Its worker tells how far it is."""
        if self._table.advance(job, done, total, monotonic_ns()):
            self._tell(job)

    def _tell(self, job: Job) -> None:
        self._publish(JobChanged(job=job.info))

    def _find(self, id: str) -> Job:
        job = self._table.find(id)
        if job is None:
            raise RequestRejected(
                f"there is no job {id}", code=ErrorCode.NOT_FOUND, remedy="`reelctl jobs` lists those of the last hour."
            )
        return job

    def _allowed(self, id: str) -> Job:
        job = self._find(id)
        check(job.command, CALLER.get().scopes)
        return job

    def _detail(self, job: Job) -> JobDetail:
        done = None if job.reply is None or isinstance(job.reply, ErrorReply) else msgspec.to_builtins(job.reply)
        return JobDetail(job=job.info, result=done)


class _Follower:
    """What the processes of one job tell."""

    def __init__(self, desk: JobDesk, job: Job) -> None:
        self._desk = desk
        self._job = job

    def began(self) -> None:
        self._desk.began(self._job)

    def advanced(self, done: float, total: float) -> None:
        self._desk.advanced(self._job, done, total)


def _cancelled(id: str, why: str = "") -> ErrorReply:
    return ErrorReply(code=ErrorCode.CANCELLED, message=f"job {id} was cancelled{why}")


def _is_being_cancelled() -> bool:
    """Whether the running task itself was cancelled, and not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _remove_parts(job: Job) -> None:
    """What a process that had to be killed left beside the file that it was to write."""
    path = Path(job.info.path)
    if job.info.path and path.is_absolute():
        await asyncio.shield(asyncio.to_thread(remove_orphans, path))
