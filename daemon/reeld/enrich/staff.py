"""The daemon's end of the enrichment worker: started for work, ended when there is none, killed to stop it."""

import asyncio
import signal
from typing import Any

from reeld.enrich.worker_names import MEMORY_VARIABLE, MODULE
from reeld.runtime.logs import get_logger
from reeld.store import suspicion
from reeld.supervisor.link import WorkerLink
from reeld.supervisor.process import WorkerProcess, spawn
from reeld.supervisor.supervisor import Premises
from reeld_proto.errors import ErrorCode, InternalError, StoreCorrupt, TransportError
from reeld_proto.records import WorkerInfo, WorkerState
from reeld_proto.workers import AnyOrder, AnyReport, WorkerReady

READY_S = 30.0
LEAVE_S = 0.4
"""An engine cannot be interrupted; what it was doing is done again another time."""

_FRUGAL = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MALLOC_ARENA_MAX": "2",
}
"""Engines are told how many threads to take; nothing else in the process needs any. And nobody is told of us."""


class Staff:
    """One worker process at most, of this name. Belongs to the event loop's thread."""

    def __init__(self, link: WorkerLink, premises: Premises, name: str, *, module: str = MODULE) -> None:
        self._link, self._premises, self._name, self._module = link, premises, name, module
        self._process: WorkerProcess | None = None
        self._ready = asyncio.Event()
        self._exited: asyncio.Future[int] | None = None
        self._state = WorkerState.STARTING

    def workers(self) -> list[WorkerInfo]:
        """The process, if there is one."""
        if self._process is None:
            return []
        return [WorkerInfo(name=self._name, pid=self._process.pid, state=self._state)]

    def on_ready(self, ready: WorkerReady) -> None:
        """A worker announced itself; others than ours are ignored."""
        if self._process is not None and ready.name == self._name and ready.pid == self._process.pid:
            self._state = WorkerState.READY
            self._ready.set()

    @property
    def is_there(self) -> bool:
        """Whether the process runs."""
        return self._process is not None

    async def ask(self, order: AnyOrder, memory_bytes: int, timeout_s: float) -> AnyReport:
        """The worker's report on an order; the worker is started if there is none.

        memory_bytes: it may have of its own, if it is started. Raises what the worker answered; InternalError
        WORKER_LOST if it died; TransportError TIMEOUT, after which it is killed; StoreCorrupt if the store killed it.
        """
        exited = await self._up(memory_bytes)
        self._state = WorkerState.RUNNING
        try:
            return await self._link.ask(self._name, order, timeout_s)
        except InternalError as error:
            if error.code is not ErrorCode.WORKER_LOST:
                raise
            if await self._gone(exited) != -signal.SIGBUS:
                raise
            suspicion.distrust(self._premises.store_dir)
            message = "a page of the store's file is damaged; `reelctl verify` names it"
            raise StoreCorrupt(message, remedy=suspicion.REMEDY) from error
        except TransportError:
            await self.kill()
            raise
        finally:
            self._state = WorkerState.READY

    async def kill(self) -> None:
        """End the process at once, whatever it does."""
        process, exited = self._process, self._exited
        if process is None or exited is None:
            return
        self._state = WorkerState.STOPPING
        process.terminate()
        await asyncio.wait([exited], timeout=LEAVE_S)
        process.kill()
        await exited

    async def _up(self, memory_bytes: int) -> "asyncio.Future[int]":
        if self._process is None or self._exited is None:
            self._start(memory_bytes)
        exited = self._exited
        if exited is None:
            raise InternalError("the enrichment worker did not start")
        ready = asyncio.ensure_future(self._ready.wait())
        waiting: list[asyncio.Future[Any]] = [ready, exited]
        try:
            await asyncio.wait(waiting, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if exited.done():
            raise InternalError("the enrichment worker ended", code=ErrorCode.WORKER_LOST)
        if not self._ready.is_set():
            await self.kill()
            raise TransportError("the enrichment worker did not become ready", code=ErrorCode.TIMEOUT)
        return exited

    def _start(self, memory_bytes: int) -> None:
        self._ready.clear()
        self._state = WorkerState.STARTING
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._process = spawn(
                self._module,
                name=self._name,
                runtime_dir=self._premises.endpoints.runtime_dir,
                store_dir=self._premises.store_dir,
                on_exit=lambda status: self._on_exit(exited, status),
                environment={MEMORY_VARIABLE: str(memory_bytes), **_FRUGAL},
                inherited_fds=self._premises.inherited_fds,
                gently=True,
            )
        except OSError as error:
            raise InternalError(f"cannot start the enrichment worker: {error.strerror}") from error
        self._exited = exited

    def _on_exit(self, exited: "asyncio.Future[int]", status: int) -> None:
        get_logger().info("enrich.exited", status=status)
        self._process = self._exited = None
        self._link.forget(self._name)
        if not exited.done():
            exited.set_result(status)

    @staticmethod
    async def _gone(exited: "asyncio.Future[int]") -> int:
        """The exit status of a process whose end was noticed."""
        await asyncio.wait([exited], timeout=LEAVE_S)
        return exited.result() if exited.done() else 0
