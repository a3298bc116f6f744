"""A daemon with fake workers as a real process, and a plain client to speak to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import zmq

from reeld_proto import codec
from reeld_proto.commands import AnyReply, Command, ErrorReply, GetStatus, Reply
from reeld_proto.endpoints import Endpoints
from reeld_proto.events import AnyEvent
from reeld_proto.records import WorkerState
from tests.support.wait import until


class FakeHouse:
    """Context manager. Environment variables as in `tests.support.fake_worker` and `tests.support.fake_daemon`."""

    def __init__(self, **environment: str) -> None:
        self.environment: Mapping[str, str] = environment
        self.daemon: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def __enter__(self) -> "FakeHouse":
        self._folder = tempfile.TemporaryDirectory(prefix="reeld-", ignore_cleanup_errors=True)
        self.runtime = Path(self._folder.name) / "run"
        self.store = Path(self._folder.name) / "store"
        self._log = (Path(self._folder.name) / "log").open("ab")
        self._context = zmq.Context[zmq.Socket[bytes]]()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.daemon is not None:
            self.stop()
        self._context.destroy(linger=0)
        self._log.close()
        self._folder.cleanup()

    @property
    def log(self) -> str:
        """What daemon and workers logged."""
        return (Path(self._folder.name) / "log").read_text()

    def log_events(self) -> list[str]:
        """Names of the events in the log."""
        return [json.loads(line)["event"] for line in self.log.splitlines() if line.startswith("{")]

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        """Argument list and environment of this house's daemon."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **self.environment}
        paths = ["--runtime", str(self.runtime), "--store", str(self.store)]
        return [sys.executable, "-m", "tests.support.fake_daemon", *paths, *words], environment

    def start(self, *words: str, warm: bool = True, wrap: Sequence[str] = (), **options: Any) -> None:
        """Start the daemon and wait until it is ready (its standbys too, when `warm`).

        wrap: a program that becomes the daemon; options: more of Popen.
        """
        command, environment = self.command(*words)
        self._starts += 1
        self.daemon = subprocess.Popen(
            [*wrap, *command], env=environment, stdout=subprocess.DEVNULL, stderr=self._log, **options
        )
        until(lambda: self._is_up(warm), 20, what=f"a daemon that is up:\n{self.log}")

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A daemon that is expected to end by itself."""
        command, environment = self.command(*words)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

    def _is_up(self, warm: bool) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, self.log
        if self.log_events().count("daemon.ready") < self._starts:
            return False
        return not warm or sum(worker.state == WorkerState.READY for worker in self.status().workers) >= 2

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the daemon; its exit status."""
        assert self.daemon is not None
        workers = self.worker_pids()
        with contextlib.suppress(ProcessLookupError):
            self.daemon.send_signal(how)
        try:
            self.daemon.wait(40)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
            raise
        until(lambda: not any(map(_runs, workers.values())), 5, what="workers gone")
        status, self.daemon = self.daemon.returncode, None
        return status

    def worker_pids(self) -> dict[str, int]:
        """Pid of every worker process by public name."""
        assert self.daemon is not None
        if self.daemon.poll() is not None:
            return {}
        return {worker.name: worker.pid for worker in self.status().workers if worker.pid}

    def connect(self) -> "zmq.Socket[bytes]":
        """A client's socket."""
        socket = self._context.socket(zmq.DEALER)
        socket.connect(Endpoints(self.runtime).control)
        return socket

    def ask(self, command: Command, timeout_s: int = 30) -> Reply:
        """The reply to a command."""
        with self.connect() as socket:
            socket.send(codec.pack(command, id="q"))
            assert socket.poll(timeout_s * 1000), f"no reply to {command}\n{self.log}"
            reply: Reply = codec.unpack(socket.recv(), AnyReply, limit=codec.MESSAGE_BYTES_MAX).body
            return reply

    def must(self, command: Command, kind: type[Any]) -> Any:
        """The reply to a command, of this type."""
        reply = self.ask(command)
        assert isinstance(reply, kind), f"{reply}\n{self.log}"
        return reply

    def refused(self, command: Command) -> ErrorReply:
        """The error that answers a command."""
        error: ErrorReply = self.must(command, ErrorReply)
        return error

    def status(self) -> Any:
        """Daemon, workers, session."""
        return self.ask(GetStatus())

    def subscribe(self, topic: bytes = b"") -> "zmq.Socket[bytes]":
        """A socket on which events arrive."""
        socket = self._context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, topic)
        socket.connect(Endpoints(self.runtime).events)
        return socket

    def kill(self, worker: str) -> None:
        """kill -9 of a worker by its public name."""
        os.kill(self.worker_pids()[worker], signal.SIGKILL)


def next_event(socket: "zmq.Socket[bytes]", timeout_s: int = 10) -> tuple[int, Any]:
    """Number and body of the next event."""
    assert socket.poll(timeout_s * 1000), "no event"
    envelope = codec.unpack(socket.recv_multipart()[1], AnyEvent)
    return envelope.seq, envelope.body


def _runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False
