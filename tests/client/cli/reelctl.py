"""Running `reelctl` in tests: in this process, as a process of its own, or on a terminal of its own."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reeld_client.cli.main import main

_MODULE = [sys.executable, "-m", "reeld_client.cli.main"]


@dataclass
class Ran:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; anything else there fails the test."""
        assert self.out.endswith("\n")
        return json.loads(self.out)


Reelctl = Callable[..., Ran]


def environment(runtime: Path, store: Path | None = None) -> dict[str, str]:
    """For a `reelctl` of its own process."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("REELD_")}
    chosen = {"REELD_RUNTIME_DIR": str(runtime), "REELD_STORE": str(store or runtime / "store")}
    return plain | chosen | {"PYTHONPATH": path, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}


def in_process(capfd: pytest.CaptureFixture[str], *words: str) -> Ran:
    """Run it here: fast, and its lines are covered."""
    capfd.readouterr()
    with pytest.raises(SystemExit) as left:
        main(list(words))
    out, err = capfd.readouterr()
    assert isinstance(left.value.code, int)
    return Ran(left.value.code, out, err)


def as_process(runtime: Path, *words: str) -> Ran:
    """Run it as a person's shell would."""
    ran = subprocess.run(
        [*_MODULE, *words], check=False, env=environment(runtime), capture_output=True, text=True, timeout=30
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


class Terminal:
    """A `reelctl` on a terminal; `screen` is all it wrote, without colours."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process = process
        self._master = master
        self.raw = b""

    def read_until(self, text: str, timeout_s: float = 15.0) -> str:
        """Read on until `text` was written; returns everything so far."""
        deadline = time.monotonic() + timeout_s
        while text not in self.screen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.screen!r}"
            self._read(0.1)
        return self.screen

    def type(self, data: bytes) -> None:
        """Press keys; `\x04` is Ctrl-D."""
        os.write(self._master, data)

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._master], [], [], timeout_s)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False  # Linux: the other end was closed
        self.raw += data
        return bool(data)

    @property
    def screen(self) -> str:
        """What was written, control sequences left out."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode(errors="replace"))

    def finish(self, timeout_s: float = 15.0) -> int:
        """Read to the end; returns the exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read(0.1) and (self.process.poll() is None or select.select([self._master], [], [], 0)[0]):
            assert time.monotonic() < deadline, f"still running: {self.screen!r}"
        return self.process.wait(timeout_s)


@contextmanager
def on_terminal(runtime: Path, *words: str) -> Iterator[Terminal]:
    """Run it on a pseudo-terminal; Ctrl-C reaches it as from a keyboard with `process.send_signal`."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*_MODULE, *words], env=environment(runtime), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)
