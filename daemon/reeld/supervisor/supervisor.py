"""Performs what the supervisor core decides: processes, orders, timers. Belongs to the event loop's thread."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq.asyncio

from reeld.runtime import traces
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.supervisor import signals
from reeld.supervisor.core import Limits, SupervisorCore
from reeld.supervisor.link import WorkerLink
from reeld.supervisor.process import WorkerProcess, describe_status, spawn, wake_up
from reeld.supervisor.signals import Role
from reeld_proto.endpoints import Endpoints
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, StoreCorrupt, TransportError
from reeld_proto.events import Event, TroubleReported, WorkerStateChanged
from reeld_proto.records import WorkerInfo, WorkerState
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    JobProgress,
    LevelsTold,
    Progress,
    ShutDown,
    Trouble,
    WorkerReady,
)

MODULES: Mapping[Role, str] = {
    Role.STORE: "reeld.store.worker",
    Role.CAPTURE: "reeld.capture.worker",
    Role.AUDIO: "reeld.audio.worker",
}
"""Which module each role runs."""

LIVE_SESSION_VARIABLE = "REELD_LIVE_SESSION"
"""Tells a store that starts while a session runs not to take that session for one a crash left behind."""


@dataclass(frozen=True)
class Premises:
    """Where the daemon lives. inherited_fds: its directory locks, which workers keep until they have left."""

    endpoints: Endpoints
    store_dir: Path
    inherited_fds: Sequence[int] = ()


@dataclass
class Listeners:
    """Who is told what; all are called in the loop and must not block.

    on_incident: a worker ended unasked; its name, the reason, and where it was when it ended.
    """

    publish: Callable[[Event], None]
    on_lost: Callable[[Role, str], None] = lambda _role, _reason: None
    on_failed: Callable[[Role, str], None] = lambda _role, _reason: None
    on_job_ready: Callable[[WorkerReady], None] = lambda _ready: None
    on_job_progress: Callable[[JobProgress], None] = lambda _progress: None
    on_levels: Callable[[LevelsTold], None] = lambda _levels: None
    on_incident: Callable[[str, str, list[str]], None] = lambda _worker, _reason, _trace: None


@dataclass
class _Serving:
    """Who serves a role now, and how to wait for it."""

    name: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """All worker processes of the daemon, and the way to speak to them."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        premises: Premises,
        listeners: Listeners,
        *,
        modules: Mapping[Role, str] = MODULES,
        limits: Limits | None = None,
    ) -> None:
        self.listeners = listeners
        self._progress: dict[str, Progress] = {}
        self._premises = premises
        self._modules = modules
        self._limits = limits or Limits()
        self._core = SupervisorCore(self._limits)
        self._processes: dict[str, WorkerProcess] = {}
        self._serving = {role: _Serving() for role in Role}
        self._changed = asyncio.Event()
        self._finished = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._trace: list[str] = []
        self._last_words: dict[Role, tuple[ErrorCode, str]] = {}
        self.link = WorkerLink(context, premises.endpoints, on_ready=self._on_ready, on_telemetry=self._on_telemetry)

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring up the store, then return; standbys come up meanwhile. Raises InternalError if there is no store."""
        for loop in self.link.tasks():
            self._run(loop)
        self._handle(signals.Began(now_ns=monotonic_ns()))
        await self._served(Role.STORE, self._limits.ready_ns / NS_PER_S)

    async def stop(self) -> None:
        """Let every worker leave, the store last; returns when no process is left."""
        self._handle(signals.StopAsked(now_ns=monotonic_ns()))
        await self._finished.wait()
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.link.close()

    # -- questions --------------------------------------------------------------------------------------------------

    def workers(self) -> list[WorkerInfo]:
        """Every worker under its public name."""
        return self._core.workers()

    def progress(self) -> dict[str, Progress]:
        """The latest counters of every worker, by public name."""
        return {self.public_name(name): latest for name, latest in self._progress.items()}

    def restarts(self, role: Role) -> int:
        """How often this role was restarted since the daemon began."""
        return self._core.restarts(role)

    def public_name(self, process_name: str) -> str:
        """The name the audience knows for a worker; its own when it is gone."""
        member = self._core.member(process_name)
        return member.label if member else process_name

    # -- orders -----------------------------------------------------------------------------------------------------

    async def ask_any(self, role: Role, order: AnyOrder, timeout_s: float, *, ready_s: float) -> AnyReport:
        """A question to whichever worker of the role is free, a standby first.

        ready_s: how long to wait for one that is starting; timeout_s: for its answer. Raises as `WorkerLink.ask`.
        """
        deadline_s = monotonic_ns() / NS_PER_S + ready_s
        self._handle(signals.RoleNeeded(role=role, now_ns=monotonic_ns()))
        while (name := self._core.reachable(role)) is None:
            if self._core.has_failed(role):
                raise InternalError(f"the {role} worker keeps failing", code=ErrorCode.WORKER_LOST)
            self._changed.clear()
            await _wait(self._changed, deadline_s - monotonic_ns() / NS_PER_S, f"no {role} worker is ready")
        return await self.link.ask(name, order, timeout_s)

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves the role. Raises as `WorkerLink.ask`, WORKER_LOST if none serves it."""
        name = self._serving[role].name
        if name is None:
            raise InternalError(f"no {role} worker is recording", code=ErrorCode.WORKER_LOST)
        return await self.link.ask(name, order, timeout_s)

    async def ask_named(self, name: str, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to a worker by its name, as `retire` gave it. Raises as `WorkerLink.ask`."""
        return await self.link.ask(name, order, timeout_s)

    async def ask_store(self, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the store, sent again if it is restarted meanwhile (all its orders are idempotent).

        Raises as `WorkerLink.ask`; WORKER_LOST only when the store is given up.
        """
        deadline_s = monotonic_ns() / NS_PER_S + timeout_s
        while True:
            name = await self.claim(Role.STORE, deadline_s - monotonic_ns() / NS_PER_S)
            try:
                return await self.link.ask(name, order, deadline_s - monotonic_ns() / NS_PER_S)
            except InternalError as error:
                if error.code != ErrorCode.WORKER_LOST or self._core.has_failed(Role.STORE):
                    raise
                if self._serving[Role.STORE].name == name:
                    # Not connected yet or any more; its exit will be noticed in a moment.
                    await asyncio.sleep(0.005)

    async def claim(self, role: Role, timeout_s: float) -> str:
        """Have the role served; the serving worker's name. Raises InternalError WORKER_LOST or TransportError."""
        if self._serving[role].name is None:
            self._handle(signals.RoleClaimed(role=role, now_ns=monotonic_ns()))
        return await self._served(role, timeout_s)

    def release(self, role: Role) -> None:
        """The session needs the role no longer: its worker leaves."""
        self._serving[role].name = None
        self._handle(signals.RoleReleased(role=role, now_ns=monotonic_ns()))

    def retire(self, role: Role) -> str | None:
        """As `release`, but the worker drains first; its name, for orders through `link` and for `dismiss`."""
        name = self._serving[role].name
        self._serving[role].name = None
        self._handle(signals.RoleRetired(role=role, now_ns=monotonic_ns()))
        return name

    def dismiss(self, name: str) -> None:
        """A retired worker may leave now. It is killed if it has not by the end of its time."""
        self._run(self._ask_to_leave(name))

    def distrust(self, role: Role, reason: str) -> None:
        """The serving worker did not answer: it is killed."""
        self._handle(signals.WorkerDistrusted(role=role, reason=reason, now_ns=monotonic_ns()))

    def expect_progress(self, role: Role, *, recording: bool) -> None:
        """Whether the worker serving the role must show progress."""
        self._handle(signals.RecordingChanged(role=role, recording=recording, now_ns=monotonic_ns()))

    def set_live_session(self, session: str | None) -> None:
        """The session that a restarted store must keep open."""
        self._handle(signals.LiveSessionChanged(session=session, now_ns=monotonic_ns()))

    # -- performing -------------------------------------------------------------------------------------------------

    def _handle(self, event: signals.Event) -> None:
        for command in self._core.handle(event):
            self._perform(command)
        self._changed.set()
        self._set_timer()

    def _perform(self, command: signals.Command) -> None:
        match command:
            case signals.Spawn():
                self._spawn(command)
            case signals.AskToLeave(name=name):
                self._run(self._ask_to_leave(name))
            case signals.Kill(name=name):
                if name in self._processes:
                    self._processes[name].question_and_kill()
            case signals.Hurry(name=name):
                if name in self._processes:
                    wake_up(self._processes[name].pid)
            case signals.Serve(role=role, name=name):
                self._serve(role, name)
            case signals.ReportLost(role=role, name=name, reason=reason):
                self._serving[role].name = None
                self._report(name, reason)
                self.listeners.on_incident(name, reason, self._trace)
                self.listeners.on_lost(role, reason)
            case signals.ReportFailed(role=role, reason=reason):
                self._serving[role].name = None
                self._serving[role].changed.set()
                self._report(role, f"given up after too many restarts: {reason}")
                self.listeners.on_incident(role, reason, self._trace)
                self.listeners.on_failed(role, reason)
            case signals.Announce(name=name, pid=pid, state=state, reason=reason):
                # Unexpected ends are reported by `_report`; the rest is daily life.
                get_logger().debug("worker.state", name=name, pid=pid, state=state, reason=reason)
                self.listeners.publish(WorkerStateChanged(name=name, pid=pid, state=state, reason=reason))
            case signals.Finish():
                self._finished.set()

    def _report(self, name: str, reason: str) -> None:
        get_logger().warning("worker.lost", name=name, reason=reason)
        self.listeners.publish(TroubleReported(worker=name, code=ErrorCode.WORKER_LOST, message=f"{name}: {reason}"))

    def _serve(self, role: Role, name: str) -> None:
        self._serving[role].name = name
        self._serving[role].changed.set()

    def _spawn(self, command: signals.Spawn) -> None:
        live = command.role == Role.STORE and command.live_session
        try:
            process = spawn(
                self._modules[command.role],
                name=command.name,
                runtime_dir=self._premises.endpoints.runtime_dir,
                store_dir=self._premises.store_dir,
                on_exit=lambda status: self._on_exit(command.name, status),
                environment={LIVE_SESSION_VARIABLE: str(live)} if live else None,
                inherited_fds=self._premises.inherited_fds,
                gently=command.gently,
            )
        except OSError as error:
            asyncio.get_running_loop().call_soon(self._on_exit, command.name, error.errno or 1)
            return
        self._processes[command.name] = process
        self._handle(signals.WorkerSpawned(name=command.name, pid=process.pid, now_ns=monotonic_ns()))

    async def _ask_to_leave(self, name: str) -> None:
        member = self._core.member(name)
        try:
            await self.link.ask(name, ShutDown(), None)
        except ReeldError:
            # Not connected yet (still importing), or already gone.
            if member is not None and name in self._processes:
                self._processes[name].terminate()

    def _on_exit(self, name: str, status: int) -> None:
        self._processes.pop(name, None)
        self._progress.pop(name, None)
        self.link.forget(name)
        self._trace = traces.take(traces.trace_path(self._premises.endpoints.runtime_dir, name))
        self._handle(signals.WorkerExited(name=name, reason=describe_status(status), now_ns=monotonic_ns()))

    def _on_ready(self, ready: WorkerReady) -> None:
        process = self._processes.get(ready.name)
        if process is None:
            self.listeners.on_job_ready(ready)
        elif process.pid == ready.pid:
            self._handle(signals.WorkerReadied(name=ready.name, now_ns=monotonic_ns()))
            wake_up(process.pid)

    def _on_telemetry(self, telemetry: AnyTelemetry) -> None:
        match telemetry:
            case Progress(worker=name, tracks=tracks):
                if name in self._processes:
                    self._progress[name] = telemetry
                    self._handle(signals.ProgressArrived(name=name, tracks=tuple(tracks), now_ns=monotonic_ns()))
            case Trouble(worker=name, code=code, message=message, track=track):
                public = self.public_name(name)
                self._remember(name, code, message)
                get_logger().warning("worker.trouble", name=public, code=code, message=message, track=track)
                self.listeners.publish(TroubleReported(worker=public, code=code, message=message, track=track))
            case JobProgress():
                self.listeners.on_job_progress(telemetry)
            case LevelsTold():
                self.listeners.on_levels(telemetry)
            case WorkerReady():
                pass

    # -- waiting ----------------------------------------------------------------------------------------------------

    async def _served(self, role: Role, timeout_s: float) -> str:
        serving = self._serving[role]
        deadline_s = monotonic_ns() / NS_PER_S + timeout_s
        while serving.name is None:
            if self._core.has_failed(role):
                raise self._given_up(role)
            serving.changed.clear()
            await _wait(serving.changed, deadline_s - monotonic_ns() / NS_PER_S, f"no {role} worker is ready")
        return serving.name

    def _remember(self, name: str, code: str, message: str) -> None:
        """Keep what a worker says that never got ready; it may be gone already. Not every trouble is an error's."""
        member = self._core.member(name)
        if member is None or member.state is WorkerState.STARTING:
            with contextlib.suppress(ValueError):  # a job's, or a code that ends no worker
                self._last_words[Role(name.partition("-")[0])] = (ErrorCode(code), message)

    def _given_up(self, role: Role) -> ReeldError:
        """Why there is no worker of the role: what the last one said before it left, if anything."""
        code, message = self._last_words.get(role, (ErrorCode.WORKER_LOST, f"the {role} worker keeps failing"))
        if code is ErrorCode.CORRUPT:
            return StoreCorrupt(message)
        kind = InternalError if code in (ErrorCode.WORKER_LOST, ErrorCode.INTERNAL) else RequestRejected
        return kind(message, code=code)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns = self._core.next_deadline_ns()
        if deadline_ns is not None:
            delay_s = max(0.0, (deadline_ns - monotonic_ns()) / NS_PER_S)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._deadline_passed, deadline_ns)

    def _deadline_passed(self, deadline_ns: int) -> None:
        now_ns = monotonic_ns()
        self._handle(signals.TimePassed(now_ns=now_ns, late_ns=max(0, now_ns - deadline_ns)))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _wait(event: asyncio.Event, timeout_s: float, what: str) -> None:
    try:
        async with asyncio.timeout(max(0.0, timeout_s)):
            await event.wait()
    except TimeoutError as error:
        raise TransportError(what, code=ErrorCode.TIMEOUT) from error
