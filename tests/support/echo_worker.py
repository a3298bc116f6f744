"""The smallest worker: answers, refuses, breaks and reports on demand. Started by tests of the worker loop."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from reeld.runtime.worker import WorkerContext, main
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    Done,
    PauseTracks,
    Progress,
    RecordMarker,
    RecordState,
    ResumeTracks,
    Trouble,
)


class EchoWorker:
    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._paused = False
        self._late: dict[AnyOrder, Future[AnyReport]] = {}
        self._wake_read, self._wake_write = os.pipe()
        self._readers = {self._wake_read: self._answer_all}

    def handle(self, order: AnyOrder) -> "AnyReport | Future[AnyReport]":
        if isinstance(order, RecordMarker | RecordState):
            self._late[order] = Future()
            os.write(self._wake_write, b"x")
            return self._late[order]
        if isinstance(order, PauseTracks):
            self._paused = True
            self._context.report(Trouble(worker=self._context.name, code="paused", message=str(order.at_ns)))
            return Done()
        if isinstance(order, ResumeTracks):
            raise RequestRejected("not paused", code=ErrorCode.WRONG_STATE, remedy="Pause first.")
        raise ZeroDivisionError("a bug")

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        return self._readers

    def _answer_all(self) -> None:
        """Once two orders wait, answer the later one first; the one about a state fails."""
        os.read(self._wake_read, 1)
        if len(self._late) > 1:
            for order, future in reversed(list(self._late.items())):
                if isinstance(order, RecordState):
                    future.set_exception(RequestRejected("no such state", remedy="Try another."))
                else:
                    future.set_result(Done())
            self._late.clear()

    def tick(self) -> list[AnyTelemetry]:
        return [Progress(worker=self._context.name, session="s")] if self._paused else []

    def close(self) -> None:
        os.close(self._wake_read)
        os.close(self._wake_write)


if __name__ == "__main__":
    main("echo", EchoWorker)
