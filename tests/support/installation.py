"""A reeld of its own for a test: store, runtime directory, the daemon as a real process, reelctl as a command."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from reeld_client import Client
from reeld_proto.errors import TransportError
from reeld_proto.records import WorkerInfo
from tests.support.reelctl_server import Reelctl
from tests.support.wait import until

T = TypeVar("T")
_PROGRAM = {"reeld": "reeld", "toy-reeld": "tests.support.toy_daemon", "reelctl": "reeld_client.cli.main"}


def is_alive(pid: int) -> bool:
    """Whether a process runs. An orphan that has ended and waits to be reaped by PID 1 does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass
class Result:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


@dataclass
class Installation:
    """Context manager. `env` is the desk to record; the daemon starts with `start_daemon`."""

    env: Mapping[str, str]
    store: Path = field(init=False)
    runtime: Path = field(init=False)
    daemon: "subprocess.Popen[bytes] | None" = None
    _folder: "tempfile.TemporaryDirectory[str]" = field(init=False)
    _reelctl: Reelctl | None = field(init=False, default=None)

    def __enter__(self) -> "Installation":
        self._folder = tempfile.TemporaryDirectory(prefix="reeld-", ignore_cleanup_errors=True)
        self.store = Path(self._folder.name) / "store"
        self.runtime = Path(self._folder.name) / "run"
        self._log = (Path(self._folder.name) / "daemon.log").open("ab")
        return self

    def __exit__(self, *exc: object) -> None:
        workers = self.worker_pids() if self.daemon is not None and self.daemon.poll() is None else {}
        self.stop_daemon()
        if self._reelctl is not None:
            self._reelctl.__exit__()
        self._log.close()
        for pid in workers.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        self._folder.cleanup()

    @property
    def log(self) -> str:
        """What the daemon and its workers have logged."""
        return (Path(self._folder.name) / "daemon.log").read_text(errors="replace")

    def command(self, program: str, *words: str) -> tuple[list[str], dict[str, str]]:
        """Argument list and environment that run `reeld` or `reelctl` on this installation."""
        env = {**self.env, "REELD_STORE": str(self.store), "REELD_RUNTIME_DIR": str(self.runtime)}
        return [sys.executable, "-m", _PROGRAM[program], *words], env

    def start_daemon(self, *words: str, program: str = "reeld") -> None:
        """Start `reeld` and wait until its workers and their standbys are ready. program: see `_PROGRAM`."""
        command, env = self.command(program, *words)
        self.daemon = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=self._log)
        until(self.is_warm, 20, what="a warm daemon")

    def is_warm(self) -> bool:
        """Whether the store and a capture and an audio worker are up and nothing is still starting."""
        assert self.daemon is not None
        if self.daemon.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.daemon.returncode}: {self.log[-2000:]}")
        workers = self.workers()
        return len(workers) >= 3 and all(worker.state in ("ready", "running") for worker in workers)

    def ask(self, question: Callable[[Client], T]) -> T:
        """What a client of ours hears. For conditions that are looked at again and again: no process is started."""
        with Client(self.runtime) as client:
            return question(client)

    def elapsed_s(self) -> float:
        """How long the session lasts by now; 0.0 without one."""
        session = self.ask(Client.status).session
        return session.elapsed_s if session else 0.0

    def workers(self) -> list[WorkerInfo]:
        """All workers as the daemon lists them; empty while no daemon answers."""
        try:
            return self.ask(Client.status).workers
        except TransportError:
            return []

    def ctl(self, *words: str, timeout_s: float = 60.0) -> Result:
        """`reelctl --json WORDS`. From one thread at a time."""
        if self._reelctl is None:
            self._reelctl = Reelctl().__enter__()
        _, env = self.command("reelctl")
        return Result(*self._reelctl.run([*words, "--json"], env, timeout_s))

    def ok(self, *words: str, timeout_s: float = 60.0) -> Any:
        """The JSON result of a command that must succeed."""
        result = self.ctl(*words, timeout_s=timeout_s)
        assert result.code == 0, f"{words}: exit {result.code}\n{result.out}\n{result.err}\n{self.log[-3000:]}"
        return result.json

    def worker_pids(self) -> dict[str, int]:
        """Names and pids of all live workers, standbys included."""
        return {worker.name: worker.pid for worker in self.workers() if worker.pid}

    def active(self, role: str) -> int:
        """Pid of the worker that now serves `role` (`capture`, `audio`, `store`)."""

        def found() -> int:
            for worker in self.workers():
                serves = worker.name.startswith(role) and "standby" not in worker.name
                if serves and worker.state in ("ready", "running") and is_alive(worker.pid):
                    return worker.pid
            return 0

        return until(found, 10, what=f"an active {role} worker")

    def stop_daemon(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End the daemon; its exit status."""
        if self.daemon is None:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(how)
            try:
                self.daemon.wait(25)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
                raise
        code, self.daemon = self.daemon.returncode, None
        return code

    def kill_daemon(self) -> list[int]:
        """kill -9 of the daemon; the pids of the workers it leaves orphaned."""
        assert self.daemon is not None
        pids = list(self.worker_pids().values())
        os.kill(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()
        self.daemon = None
        return pids
