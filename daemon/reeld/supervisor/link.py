"""The daemon's ends of the sockets to its workers: orders out, reports and telemetry in.

Both sockets belong to the event loop's thread. Every order is answered once: by its report, by WORKER_LOST when the
worker's process ends first, or by TIMEOUT.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import zmq
import zmq.asyncio

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.runtime.sockets import bind_private
from reeld_proto import codec
from reeld_proto.commands import ErrorReply
from reeld_proto.endpoints import Endpoints
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError, error_for
from reeld_proto.workers import AnyOrder, AnyReport, AnyTelemetry, WorkerReady

_FromWorker = AnyReport | WorkerReady
TELEMETRY_HWM = 1000
"""Telemetry messages waiting for a busy daemon; above that the workers drop the newest, counters come again."""


class WorkerLink:
    """Orders and answers by worker name.

    on_ready, on_telemetry: called in the loop for each message; they must not block.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoints: Endpoints,
        *,
        on_ready: Callable[[WorkerReady], None],
        on_telemetry: Callable[[AnyTelemetry], None],
    ) -> None:
        self._on_ready = on_ready
        self._on_telemetry = on_telemetry
        self._ids = itertools.count(1)
        self._waiting: dict[tuple[str, str], asyncio.Future[AnyReport]] = {}
        self._router = context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        # An order to a worker that is not connected must be an error, not silence until the time-out.
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._router.setsockopt(zmq.MAXMSGSIZE, codec.MESSAGE_BYTES_MAX)
        bind_private(self._router, endpoints.workers)
        self._pull = context.socket(zmq.PULL)
        self._pull.setsockopt(zmq.LINGER, 0)
        self._pull.setsockopt(zmq.RCVHWM, TELEMETRY_HWM)
        self._pull.setsockopt(zmq.MAXMSGSIZE, codec.MESSAGE_BYTES_MAX)
        bind_private(self._pull, endpoints.telemetry)

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """The two receiving loops, to be run for the life of the daemon."""
        return [self._receive_reports(), self._receive_telemetry()]

    async def ask(self, worker: str, order: AnyOrder, timeout_s: float | None) -> AnyReport:
        """The worker's report on `order`.

        Raises what the worker answered as error; InternalError WORKER_LOST if it ended first; TransportError TIMEOUT.
        """
        request_id = str(next(self._ids))
        key = (worker, request_id)
        future: asyncio.Future[AnyReport] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            await self._send(worker, order, request_id)
            async with asyncio.timeout(timeout_s):
                report = await future
        except TimeoutError as error:
            message = f"{worker} did not answer {type(order).__name__} within {timeout_s:g} s"
            raise TransportError(message, code=ErrorCode.TIMEOUT) from error
        finally:
            self._waiting.pop(key, None)
        if isinstance(report, ErrorReply):
            raise error_for(report.code, report.message, report.remedy, tuple(report.faults))
        return report

    def forget(self, worker: str) -> None:
        """The worker's process has ended: whoever waits for its reports is told."""
        for (name, _), future in list(self._waiting.items()):
            if name == worker and not future.done():
                future.set_exception(InternalError(f"{worker} ended", code=ErrorCode.WORKER_LOST))

    def close(self) -> None:
        """Close both sockets; the receiving loops must have been cancelled."""
        self._router.close()
        self._pull.close()

    async def _send(self, worker: str, order: AnyOrder, request_id: str) -> None:
        data = codec.pack(order, id=request_id, sender="reeld", sent_ns=monotonic_ns())
        try:
            await self._router.send_multipart([worker.encode(), data])
        except zmq.ZMQError as error:
            raise InternalError(f"{worker} is not connected", code=ErrorCode.WORKER_LOST) from error

    async def _receive_reports(self) -> None:
        while True:
            identity, *frames = await self._router.recv_multipart()
            worker = identity.decode(errors="replace")
            try:
                envelope = codec.unpack(frames[-1] if frames else b"", _FromWorker, limit=codec.MESSAGE_BYTES_MAX)
            except RequestRejected as error:
                get_logger().error("supervisor.report_unreadable", worker=worker, reason=str(error))
                continue
            if isinstance(envelope.body, WorkerReady):
                self._on_ready(envelope.body)
                continue
            future = self._waiting.get((worker, envelope.id))
            if future is not None and not future.done():
                future.set_result(envelope.body)

    async def _receive_telemetry(self) -> None:
        while True:
            data = await self._pull.recv()
            try:
                telemetry = codec.unpack(data, AnyTelemetry, limit=codec.MESSAGE_BYTES_MAX).body
            except RequestRejected as error:
                get_logger().error("supervisor.telemetry_unreadable", reason=str(error))
                continue
            self._on_telemetry(telemetry)
