"""A worker process and the daemon's end of its sockets, for tests that need the real thing."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from reeld_proto import codec
from reeld_proto.endpoints import Endpoints
from reeld_proto.workers import AnyReport, AnyTelemetry, Telemetry, WorkerReady
from tests.support.wait import until

TIMEOUT_MS = 20_000


@dataclass
class Bench:
    """The daemon's sockets. One worker at a time."""

    runtime: Path
    store: Path
    context: Any
    module: str
    name: str
    telemetry: list[Telemetry] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None
    _pipe: int = -1

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.runtime)
        self._router = self.context.socket(zmq.ROUTER)
        self._router.bind(self.endpoints.workers)
        self._pull = self.context.socket(zmq.PULL)
        self._pull.bind(self.endpoints.telemetry)
        self._orders = 0

    def start(self, *prefix: str, **environment: str) -> None:
        """Start the worker and wait until it is ready."""
        read, self._pipe = os.pipe()
        env = {**os.environ, "PYTHONPATH": ":".join(sys.path), **environment}
        command = [*prefix, sys.executable, "-m", "reeld.runtime.launch", self.module, "--name", self.name]
        command += ["--runtime", str(self.runtime), "--store", str(self.store), "--parent-fd", str(read)]
        self.process = subprocess.Popen(command, env=env, pass_fds=(read,), stderr=subprocess.PIPE)
        os.close(read)
        self._until_spoken(self.process)
        body = self._receive()
        assert isinstance(body, WorkerReady), body

    def _until_spoken(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait for its first word. Who left without one is not waited for."""
        end = time.monotonic() + TIMEOUT_MS / 1000
        while not self._router.poll(50) and time.monotonic() < end:
            assert process.poll() is None or self._router.poll(500), self.log()

    def order(self, body: Any) -> Any:
        """Give an order; the report, or the error as `ErrorReply`."""
        self.send(body)
        return self._receive()

    def send(self, body: Any) -> None:
        self._orders += 1
        self._router.send_multipart([self.name.encode(), codec.pack(body, id=str(self._orders))])

    def _receive(self) -> Any:
        assert self._router.poll(TIMEOUT_MS), self.log()
        data = self._router.recv_multipart()[-1]
        return codec.unpack(data, AnyReport | WorkerReady, limit=codec.MESSAGE_BYTES_MAX).body

    def heard(self, kind: type[Telemetry]) -> list[Any]:
        """Telemetry of one kind received so far."""
        while self._pull.poll(0):
            self.telemetry.append(codec.unpack(self._pull.recv(), AnyTelemetry).body)
        return [each for each in self.telemetry if isinstance(each, kind)]

    def wait_for(self, kind: type[Telemetry]) -> Any:
        return until(lambda: self.heard(kind), 15, what=f"telemetry {kind.__name__}")[-1]

    def kill(self) -> None:
        """kill -9, as the kernel does when memory runs out."""
        assert self.process is not None
        self.process.kill()
        self.end()

    def end(self) -> str:
        """Let the worker leave (its parent is gone) and reap it; what it logged."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self.process is None:
            return ""
        process, self.process = self.process, None
        try:
            _, errors = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return errors.decode()

    def log(self) -> str:
        return f"the worker did not answer: {self.end()}"

    def close(self) -> None:
        try:
            self.end()
        finally:
            self._router.close(0)
            self._pull.close(0)


@contextmanager
def bench(runtime: Path, store: Path, module: str = "reeld.store.worker", name: str = "store-1") -> Iterator[Bench]:
    with zmq.Context() as context:
        made = Bench(runtime, store, context, module, name)
        try:
            yield made
        finally:
            made.close()
