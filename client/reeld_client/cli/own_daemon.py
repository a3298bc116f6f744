"""A daemon of `reelctl record`'s own: started in a private runtime directory, stopped when the recording is done."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from reeld_client.client import Client
from reeld_client.daemon_package import NEEDED
from reeld_proto.errors import ErrorCode, ReeldError, TransportError, error_for

_READY_WITHIN_S = 20.0
_GONE_WITHIN_S = 40.0
"""A stop lets encoders drain and the store commit before the daemon leaves."""
_LOOK_EVERY_S = 0.05
_SAYS = "reeld: "
_CODES = {
    2: ErrorCode.INVALID_REQUEST,
    4: ErrorCode.ALREADY_RUNNING,
    5: ErrorCode.NOT_FOUND,
    6: ErrorCode.DISK_FAILED,
    7: ErrorCode.CORRUPT,
    8: ErrorCode.DENIED,
}
"""What a daemon's exit code means before it serves: it has opened folders, but no device yet."""


class OwnDaemon:
    """A running `reeld` over `store`; a context manager. Its runtime directory is `runtime`.

    Entering raises TransportError when the extra `[daemon]` is missing or the daemon does not get ready, or what the
    daemon itself complained of. Leaving stops it with SIGTERM and waits. It is a session of its own, so that the
    terminal's Ctrl-C reaches us alone and the recording can be finished.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self.runtime = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        check_installed()
        self.runtime = Path(tempfile.mkdtemp(prefix="reeld-"))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def _start(self) -> None:
        command = [sys.executable, "-m", "reeld_client.cli.guarded"]
        command += ["--runtime", str(self.runtime), "--store", str(self._store)]
        with self._log_path.open("wb") as log:
            # It leaves when its stdin ends: no recorder is left behind if we are killed.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        with Client(self.runtime) as client:
            while not _answers(client):
                if self._process.poll() is not None:
                    raise self._last_words(self._process.returncode)
                if time.monotonic() > deadline:
                    raise TransportError("the daemon did not get ready", code=ErrorCode.TIMEOUT, remedy=self._tail())
                time.sleep(_LOOK_EVERY_S)

    @property
    def _log_path(self) -> Path:
        return self.runtime / "reeld.log"

    def _last_words(self, exit_code: int) -> ReeldError:
        """The error for a daemon that left: it says `reeld: what is wrong`, and on the next line what helps."""
        lines = [*self._log_path.read_text(errors="replace").splitlines(), ""]
        code = _CODES.get(exit_code, ErrorCode.INTERNAL)
        for number in range(len(lines) - 2, -1, -1):
            if lines[number].startswith(_SAYS):
                return error_for(code.value, lines[number].removeprefix(_SAYS), lines[number + 1])
        return error_for(code.value, f"the daemon left at once with exit code {exit_code}", self._tail())

    def _tail(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()
        return f"It said: {lines[-1]}" if lines else ""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_GONE_WITHIN_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        shutil.rmtree(self.runtime, ignore_errors=True)


def check_installed() -> None:
    """Raises TransportError, with every module that is missing, unless the extra `[daemon]` is installed here."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TransportError(
            "no daemon is running, and the one to start is not installed",
            remedy="Install it with `pip install 'reeld[daemon]'`, or start a daemon elsewhere.",
            faults=tuple(f"missing module: {name}" for name in missing),
        )


def _answers(client: Client) -> bool:
    try:
        client.ping()
    except TransportError:
        return False
    return True
