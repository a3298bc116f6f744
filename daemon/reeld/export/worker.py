"""The export worker: one job at a time, beside the recording and never in its way. Opens the store read-only."""

import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import zmq

from reeld.export import jobs
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.worker import TELEMETRY_HWM, WorkerContext, main
from reeld_proto import codec
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import AnyOrder, AnyReport, AnyTelemetry, JobProgress

PROGRESS_MS = 250
"""Pace of progress reports: a bar that moves four times a second looks alive."""

NICENESS = 10
"""A job may take a little longer; a recording may not lose a frame to it."""


class ExportWorker:
    """Implements `reeld.runtime.worker.Worker`. Main thread only.

    A job keeps the worker's loop busy, so its progress goes out on a telemetry socket of its own.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._telemetry = context.zmq.socket(zmq.PUSH)
        self._telemetry.setsockopt(zmq.SNDHWM, TELEMETRY_HWM)
        self._telemetry.setsockopt(zmq.LINGER, 200)
        self._telemetry.connect(context.endpoints.telemetry)
        self._seq = 0
        self._next_report_ns = 0
        self._leaving = False
        os.nice(NICENESS)

    def handle(self, order: AnyOrder) -> AnyReport:
        """Run one job; returns when the job is done. SIGTERM meanwhile stops it and removes what it wrote."""
        self._leaving = False
        self._next_report_ns = 0
        previous = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: FrameType | None) -> None:
            self._leaving = True
            if callable(previous):
                previous(number, frame)

        signal.signal(signal.SIGTERM, stop)
        try:
            return jobs.run(order, self._progress)
        finally:
            signal.signal(signal.SIGTERM, previous)

    def _progress(self, session: str, path: str, done: float, total: float) -> bool:
        now_ns = monotonic_ns()
        if now_ns >= self._next_report_ns:
            self._next_report_ns = now_ns + PROGRESS_MS * NS_PER_MS
            report = JobProgress(worker=self._context.name, session=session, path=path, done_s=done, total_s=total)
            self._seq += 1
            message = codec.pack(report, seq=self._seq, sender=self._context.name, sent_ns=now_ns)
            try:
                self._telemetry.send(message, zmq.NOBLOCK)
            except zmq.Again:
                self._seq -= 1  # nobody reads: the next report says as much
        return not self._leaving

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        """No sockets besides the loop's."""
        return {}

    def tick(self) -> list[AnyTelemetry]:
        """Nothing to say between jobs."""
        return []

    def close(self) -> None:
        """Release the socket."""
        self._telemetry.close()


if __name__ == "__main__":
    main("export", ExportWorker)
