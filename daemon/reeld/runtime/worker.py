"""The loop of every worker process: announce, take orders, answer, report, and leave when the daemon is gone.

A worker is started as `python -m reeld.runtime.launch reeld.<box>.worker --name N --runtime DIR --store DIR
--parent-fd FD`. The parent holds the other end of FD; when it closes, however the parent ended, the worker exits at
once (see launch.py): everything durable is the store's business, which survives any kill.
"""

import argparse
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import zmq

from reeld.runtime import logs, traces
from reeld.runtime.clock import monotonic_ns
from reeld_proto import codec
from reeld_proto.commands import ErrorReply
from reeld_proto.endpoints import Endpoints
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.workers import AnyOrder, AnyReport, AnyTelemetry, Done, ShutDown, Trouble, WorkerReady

TICK_MS = 500
"""Pace of progress reports: twice a second, the rate of the public stats."""

LAST_WORDS_MS = 2000

TELEMETRY_HWM = 1000
"""Telemetry messages kept for a busy daemon; above that the newest are dropped, their counters come again."""


class Worker(Protocol):
    """What a box implements. All methods are called in the main thread of its process."""

    def handle(self, order: AnyOrder) -> "AnyReport | Future[AnyReport]":
        """Carry out an order. A ReeldError raised here becomes the ErrorReply.

        A worker that must not wait returns a future and completes it later, in the main thread, in one of `readers`.
        """
        ...

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        """Sockets (or file descriptors) to poll besides the loop's own, with what to call when one is readable.

        Asked every turn; another mapping than the last time replaces it.
        """
        ...

    def tick(self) -> list[AnyTelemetry]:
        """What to report now; called every `WorkerContext.tick_ms`. Empty when there is nothing to say."""
        ...

    def close(self) -> None:
        """Release everything. Called once, before the process ends."""
        ...


@dataclass
class WorkerContext:
    """What a worker is given: its name, where everything is, and a way to speak to the daemon unasked."""

    name: str
    endpoints: Endpoints
    store: Path
    zmq: "zmq.Context[zmq.Socket[bytes]]"
    tick_ms: int = TICK_MS
    """Pace of `Worker.tick`; the worker may change it."""
    _reports: deque[AnyTelemetry] = field(default_factory=lambda: deque(maxlen=TELEMETRY_HWM))

    def report(self, telemetry: AnyTelemetry) -> None:
        """Send telemetry with the next turn of the loop (at most one tick later). From any thread; never blocks."""
        self._reports.append(telemetry)

    def take_reports(self) -> list[AnyTelemetry]:
        """Everything reported since the last call, oldest first. Main thread."""
        taken = []
        while self._reports:
            taken.append(self._reports.popleft())
        return taken


class WorkerLoop:
    """Owns the worker's control and telemetry sockets and runs until told to leave. Main thread only."""

    def __init__(self, context: WorkerContext, factory: Callable[[WorkerContext], Worker]) -> None:
        self._context = context
        self._seq = 0
        self._control = context.zmq.socket(zmq.DEALER)
        self._control.setsockopt(zmq.IDENTITY, context.name.encode())
        self._control.setsockopt(zmq.LINGER, 200)
        self._control.connect(context.endpoints.workers)
        self._telemetry = context.zmq.socket(zmq.PUSH)
        self._telemetry.setsockopt(zmq.SNDHWM, TELEMETRY_HWM)
        self._telemetry.setsockopt(zmq.LINGER, 200)
        self._telemetry.connect(context.endpoints.telemetry)
        self._leaving = False
        try:
            self._worker = factory(context)
        except ReeldError as error:
            message = f"{error} {error.remedy}".strip()
            self._send(self._telemetry, Trouble(worker=context.name, code=error.code, message=message))
            # Worth waiting for on a busy machine: it is all that people will know.
            self._telemetry.setsockopt(zmq.LINGER, LAST_WORDS_MS)
            self._control.close(0)
            self._telemetry.close()
            raise

    def leave(self) -> None:
        """End the loop after its present turn. Safe in a signal handler."""
        self._leaving = True

    def run(self) -> None:
        """Announce readiness, then serve until ShutDown or `leave`."""
        poller = zmq.Poller()
        poller.register(self._control, zmq.POLLIN)
        readers: Mapping[Any, Callable[[], None]] = {}
        self._send(self._control, WorkerReady(name=self._context.name, pid=os.getpid()))
        next_tick_ns = monotonic_ns()
        try:
            while not self._leaving:
                readers = _follow(poller, readers, self._worker.readers())
                wait_ms = max(0, (next_tick_ns - monotonic_ns()) // 1_000_000)
                for socket, _ in poller.poll(wait_ms):
                    if socket is self._control:
                        self._serve_order()
                    else:
                        readers[socket]()
                if monotonic_ns() >= next_tick_ns:
                    next_tick_ns = monotonic_ns() + self._context.tick_ms * 1_000_000
                    self._report_all()
        finally:
            self._worker.close()
            self._report_all(tick=False)
            self._control.close()
            self._telemetry.close()

    def _serve_order(self) -> None:
        data = self._control.recv()
        try:
            envelope = codec.unpack(data, AnyOrder, limit=codec.MESSAGE_BYTES_MAX)
        except ReeldError as error:
            self._answer(codec.request_id_of(data), _error_reply(error))
            return
        order = envelope.body
        if isinstance(order, ShutDown):
            self._answer(envelope.id, Done())
            self._leaving = True
            return
        try:
            report = self._worker.handle(order)
        except Exception as error:  # noqa: BLE001 - the daemon is told; one bad order must not end a recording
            report = _failed(order, error)
        if isinstance(report, Future):
            report.add_done_callback(lambda done: self._answer_late(envelope.id, order, done))
        else:
            self._answer(envelope.id, report)

    def _answer_late(self, request_id: str, order: AnyOrder, done: "Future[AnyReport]") -> None:
        error = done.exception()
        self._answer(request_id, done.result() if error is None else _failed(order, error))

    def _report_all(self, *, tick: bool = True) -> None:
        for telemetry in self._context.take_reports() + (self._worker.tick() if tick else []):
            self._send(self._telemetry, telemetry, flags=zmq.NOBLOCK)

    def _answer(self, request_id: str, report: AnyReport) -> None:
        self._send(self._control, report, request_id=request_id)

    def _send(self, socket: "zmq.Socket[bytes]", body: Any, *, request_id: str = "", flags: int = 0) -> None:
        self._seq += 1
        message = codec.pack(body, seq=self._seq, id=request_id, sender=self._context.name, sent_ns=monotonic_ns())
        try:
            socket.send(message, flags)
        except zmq.Again:
            logs.get_logger().warning("worker.telemetry_dropped", message=type(body).__name__)


def _follow(
    poller: zmq.Poller, old: Mapping[Any, Callable[[], None]], new: Mapping[Any, Callable[[], None]]
) -> Mapping[Any, Callable[[], None]]:
    """Have `poller` wait for `new` instead of `old`; `new`."""
    if new is not old:
        for socket in old.keys() - new.keys():
            poller.unregister(socket)
        for socket in new.keys() - old.keys():
            poller.register(socket, zmq.POLLIN)
    return new


def _failed(order: AnyOrder, error: BaseException) -> ErrorReply:
    if isinstance(error, ReeldError):
        return _error_reply(error)
    logs.get_logger().error("worker.order_failed", order=type(order).__name__, exc_info=error)
    return ErrorReply(code=ErrorCode.INTERNAL, message=f"{type(error).__name__}: {error}")


def _error_reply(error: ReeldError) -> ErrorReply:
    return ErrorReply(code=error.code, message=str(error), remedy=error.remedy, faults=list(error.faults))


def main(title: str, factory: Callable[[WorkerContext], Worker], argv: list[str] | None = None) -> None:
    """Entry point of a worker module. `title` names the process in ps and top."""
    parser = argparse.ArgumentParser(description=f"reeld {title} worker; started by reeld itself")
    parser.add_argument("--name", required=True)
    parser.add_argument("--runtime", required=True, type=Path)
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--parent-fd", required=True, type=int)
    options = parser.parse_args(argv)
    # Ctrl-C in a terminal reaches the whole group; only the daemon decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from setproctitle import setproctitle  # noqa: PLC0415 - not needed by who only imports this

    setproctitle(f"reeld: {options.name}")
    logs.configure(worker=options.name)
    trace = traces.trace_path(options.runtime, options.name)
    with traces.tracing(trace), zmq.Context[zmq.Socket[bytes]]() as context:
        worker = WorkerContext(options.name, Endpoints(options.runtime), options.store, context)
        try:
            loop = WorkerLoop(worker, factory)
        except ReeldError as error:
            # What it is given cannot be served; the daemon was told, and decides.
            logs.get_logger().error("worker.cannot_begin", code=error.code, reason=str(error))
            sys.exit(error.exit_code)
        signal.signal(signal.SIGTERM, lambda *_: loop.leave())
        loop.run()
