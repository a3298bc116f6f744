"""One worker process: spawned, watched from both sides through one socket pair, ended, reaped.

The child holds one end of the pair as `--parent-fd`: when the daemon dies, however, it reads the end of the stream
and leaves. The daemon watches the other end: when the child dies it becomes readable at once, on Linux and macOS
alike, with no thread and no signal handler.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reeld.runtime.traces import DUMP_SIGNAL

DUMP_S = 0.1
"""For writing down some lines, in a process that may have to wait for a core."""
_REAP_POLL_S = 0.002
_REAP_TRIES_MAX = 500
"""A dying process closes its files a little before it can be reaped; one that lives on for 1 s is killed."""


class WorkerProcess:
    """A running worker. All methods belong to the event loop's thread.

    on_exit is called once, from the loop, after the process was reaped: with its exit status, or minus the signal.
    """

    def __init__(self, popen: subprocess.Popen[bytes], lifeline: socket.socket, on_exit: Callable[[int], None]) -> None:
        self.pid = popen.pid
        self._popen = popen
        self._lifeline = lifeline
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._tries = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(lifeline, self._lifeline_ended)

    def terminate(self) -> None:
        """Ask the process to leave (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process (SIGKILL)."""
        self._signal(signal.SIGKILL)

    async def end(self, exited: "asyncio.Future[int]", leave_s: float) -> None:
        """Ask the process to leave and wait for `exited`, which `on_exit` sets; after `leave_s` it is killed."""
        self.terminate()
        await asyncio.wait([exited], timeout=leave_s)
        self.kill()
        await exited

    def question_and_kill(self) -> None:
        """Have the process write down where it hangs, then end it."""
        self._signal(DUMP_SIGNAL)
        self._loop.call_later(DUMP_S, self.kill)

    def _signal(self, number: int) -> None:
        if self._popen.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(number)

    def _lifeline_ended(self) -> None:
        self._loop.remove_reader(self._lifeline)
        self._lifeline.close()
        self._reap()

    def _reap(self) -> None:
        status = self._popen.poll()
        if status is not None:
            self._on_exit(status)
            return
        self._tries += 1
        if self._tries == _REAP_TRIES_MAX:
            self.kill()
        self._timer = self._loop.call_later(_REAP_POLL_S, self._reap)


def spawn(
    module: str,
    *,
    name: str,
    runtime_dir: Path,
    store_dir: Path,
    on_exit: Callable[[int], None],
    environment: Mapping[str, str] | None = None,
    inherited_fds: Sequence[int] = (),
    gently: bool = False,
) -> WorkerProcess:
    """Start `python -m module` as worker `name`. Call from the event loop. Raises OSError if it cannot be started.

    environment: variables set on top of ours. inherited_fds: kept open in the child.
    gently: until `wake_up`, give way to every other process when a core is contended (Linux).
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    command = [
        sys.executable,
        "-P",  # the folder the daemon was started in must not provide modules
        "-m",
        "reeld.runtime.launch",
        module,
        *("--name", name, "--runtime", str(runtime_dir), "--store", str(store_dir)),
        *("--parent-fd", str(theirs.fileno())),
    ]
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
            pass_fds=(theirs.fileno(), *inherited_fds),
            # Ctrl-C in a terminal is for the daemon alone, which stops the session before its workers.
            process_group=0,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    if gently:
        _set_policy(popen.pid, "SCHED_BATCH")
    return WorkerProcess(popen, ours, on_exit)


def wake_up(pid: int) -> None:
    """Take back what `gently` did, for every thread the process has by now."""
    _set_policy(pid, "SCHED_OTHER")


def _set_policy(pid: int, policy: str) -> None:
    # Not nice: without privileges niceness only rises, and this worker may be recording in a moment.
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):  # gone already, or forbidden here: it starts a little less gently
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(thread.name), getattr(os, policy), os.sched_param(0))


def describe_status(status: int) -> str:
    """How a process ended, in words: its exit status, or minus the signal."""
    if status >= 0:
        return f"exited with status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
