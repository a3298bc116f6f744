"""Export and verification: a worker of its own for each job, started on demand and gone afterwards."""

import asyncio
import itertools
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from reeld.runtime import traces
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld.store import suspicion
from reeld.supervisor.link import WorkerLink
from reeld.supervisor.process import WorkerProcess, describe_status, spawn
from reeld.supervisor.supervisor import Premises
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, StoreCorrupt, TransportError
from reeld_proto.events import Event, WorkerStateChanged
from reeld_proto.records import WorkerInfo, WorkerState
from reeld_proto.workers import AnyOrder, AnyReport, JobProgress, ShutDown, WorkerReady

MODULE = "reeld.export.worker"

JOBS_MAX = 2
"""Jobs that run at a time, because they share the disk with a recording; others wait in order of arrival."""

_DEADLY_READS = (-signal.SIGBUS, -signal.SIGSEGV, -signal.SIGABRT)
"""What becomes of a process that follows a damaged page of the store."""

READY_S = 20.0
LEAVE_S = 3.0
STOP_S = 0.7
"""How long a job that was cancelled may take to clean up; then its process is killed."""


class Follower(Protocol):
    """Who wants to know how a job does; called from the event loop's thread."""

    def began(self) -> None:
        """Its process is being started."""

    def advanced(self, done: float, total: float) -> None:
        """It is so far."""


FOLLOWER: ContextVar[Follower | None] = ContextVar("follower", default=None)
"""Whoever follows the jobs that are run in this context."""


class _Job:
    """A job's process and what is known of it."""

    def __init__(self, order: AnyOrder) -> None:
        self.order = order
        self.follower = FOLLOWER.get()
        self.was_cancelled = False
        self.start = _Instant()
        self.process: WorkerProcess | None = None
        self.state = WorkerState.STARTING
        self.ready = asyncio.Event()
        self.exited = asyncio.Event()
        self.status = 0


class _Instant:
    """When something began, on the civil clock: the earlier reading if that clock was set meanwhile."""

    def __init__(self) -> None:
        self._wall_ns, self._monotonic_ns = wall_ns(), monotonic_ns()

    def wall_ns(self) -> int:
        return min(self._wall_ns, wall_ns() - (monotonic_ns() - self._monotonic_ns))


class Jobs:
    """All running jobs. Belongs to the event loop's thread."""

    def __init__(
        self,
        link: WorkerLink,
        premises: Premises,
        publish: Callable[[Event], None],
        *,
        module: str = MODULE,
        on_incident: Callable[[str, str, list[str]], None] = lambda _worker, _reason, _trace: None,
    ) -> None:
        self._on_incident = on_incident
        self._link = link
        self._premises = premises
        self._publish = publish
        self._module = module
        self._numbers = itertools.count(1)
        self._running: dict[str, _Job] = {}
        self._slots = asyncio.Semaphore(JOBS_MAX)
        self._keeping: list[_Instant] = []

    def workers(self) -> list[WorkerInfo]:
        """The processes of running jobs."""
        return [
            WorkerInfo(name=name, pid=job.process.pid, state=job.state)
            for name, job in self._running.items()
            if job.process is not None
        ]

    def is_busy_with(self, session: str) -> bool:
        """Whether a running job works on this one session."""
        return any(getattr(job.order, "session", None) == session for job in self._running.values())

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """What becomes garbage inside the block stays until its end, as it does while a job runs."""
        start = _Instant()
        self._keeping.append(start)
        try:
            yield
        finally:
            self._keeping.remove(start)

    def oldest_start_wall_ns(self) -> int | None:
        """Since when some job has been running: it may still read what became garbage since. None without a job."""
        starts = [job.start for job in self._running.values()] + self._keeping
        return min((start.wall_ns() for start in starts), default=None)

    def on_ready(self, ready: WorkerReady) -> None:
        """A worker announced itself; others than ours are ignored."""
        job = self._running.get(ready.name)
        if job is not None:
            job.ready.set()

    def on_progress(self, progress: JobProgress) -> None:
        """A worker told how far it is."""
        job = self._running.get(progress.worker)
        if job is not None and job.follower is not None:
            job.follower.advanced(progress.done_s, progress.total_s)

    async def run(self, order: AnyOrder) -> AnyReport:
        """The report on `order` from a worker started for it. Cancelling ends the worker, at the latest after `STOP_S`.

        Raises what the worker answered; InternalError WORKER_LOST if it died; TransportError if it never got ready.
        """
        async with self._slots:
            name = f"export-{next(self._numbers)}"
            job = self._running[name] = _Job(order)
            if job.follower is not None:
                job.follower.began()
            try:
                return await self._run(name, job, order)
            except asyncio.CancelledError:
                job.was_cancelled = True
                raise
            finally:
                await asyncio.shield(self._end(name, job))

    async def _run(self, name: str, job: _Job, order: AnyOrder) -> AnyReport:
        try:
            job.process = spawn(
                self._module,
                name=name,
                runtime_dir=self._premises.endpoints.runtime_dir,
                store_dir=self._premises.store_dir,
                on_exit=lambda status: self._on_exit(name, job, status),
                inherited_fds=self._premises.inherited_fds,
                gently=True,
            )
        except OSError as error:
            raise InternalError(f"cannot start {name}: {error.strerror}") from error
        self._announce(name, job, WorkerState.STARTING)
        try:
            async with asyncio.timeout(READY_S):
                await job.ready.wait()
        except TimeoutError as error:
            raise TransportError(f"{name} did not become ready", code=ErrorCode.TIMEOUT) from error
        if job.exited.is_set():
            raise InternalError(f"{name} ended", code=ErrorCode.WORKER_LOST)
        self._announce(name, job, WorkerState.RUNNING)
        try:
            return await self._link.ask(name, order, None)
        except InternalError as error:
            if job.status not in _DEADLY_READS:
                raise
            message = f"{name} was ended by {signal.Signals(-job.status).name} while it read the store"
            suspicion.distrust(self._premises.store_dir)
            raise StoreCorrupt(
                f"{message}: a page of its file is damaged; `reelctl verify` names it", remedy=suspicion.REMEDY
            ) from error

    async def _end(self, name: str, job: _Job) -> None:
        if job.process is not None:
            self._announce(name, job, WorkerState.STOPPING)
            try:
                if job.was_cancelled:
                    # It is in the middle of its work, and reads no orders before the end of that.
                    job.process.terminate()
                    async with asyncio.timeout(STOP_S):
                        await job.exited.wait()
                elif not job.exited.is_set():
                    await self._link.ask(name, ShutDown(), LEAVE_S)
                    async with asyncio.timeout(LEAVE_S):
                        await job.exited.wait()
            except (ReeldError, TimeoutError):
                job.process.kill()
            await job.exited.wait()
        del self._running[name]

    def _on_exit(self, name: str, job: _Job, status: int) -> None:
        get_logger().info("job.exited", name=name, status=status)
        trace = traces.take(traces.trace_path(self._premises.endpoints.runtime_dir, name))
        if status and job.state is not WorkerState.STOPPING and not job.was_cancelled:
            self._on_incident(name, describe_status(status), trace)
        job.status = status
        job.exited.set()
        job.ready.set()
        self._link.forget(name)

    def _announce(self, name: str, job: _Job, state: WorkerState) -> None:
        job.state = state
        pid = job.process.pid if job.process else 0
        self._publish(WorkerStateChanged(name=name, pid=pid, state=state))
