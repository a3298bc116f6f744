"""The smallest worker: answers, refuses, breaks and reports on demand. Started by tests of the worker loop."""

from collections.abc import Callable, Mapping
from typing import Any

from reeld.runtime.worker import WorkerContext, main
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.workers import AnyOrder, AnyReport, AnyTelemetry, Done, PauseTracks, Progress, ResumeTracks, Trouble


class EchoWorker:
    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._paused = False

    def handle(self, order: AnyOrder) -> AnyReport:
        if isinstance(order, PauseTracks):
            self._paused = True
            self._context.report(Trouble(worker=self._context.name, code="paused", message=str(order.at_ns)))
            return Done()
        if isinstance(order, ResumeTracks):
            raise RequestRejected("not paused", code=ErrorCode.WRONG_STATE, remedy="Pause first.")
        raise ZeroDivisionError("a bug")

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        return {}

    def tick(self) -> list[AnyTelemetry]:
        return [Progress(worker=self._context.name, session="s")] if self._paused else []

    def close(self) -> None:
        pass


if __name__ == "__main__":
    main("echo", EchoWorker)
