"""One run of a hook's program: blocks its thread, bounded in time and in what it keeps."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OUTPUT_BYTES_MAX = 4096
"""What is kept of a program's output, its beginning; the rest is read and thrown away, so that the program goes on."""

LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class Outcome:
    """How a run ended. status: exit code, below 0 for a signal; None if it could not be started. output: bounded."""

    status: int | None
    output: str
    timed_out: bool
    took_s: float

    @property
    def ok(self) -> bool:
        """Whether the program did what it was for, as far as it says."""
        return self.status == 0 and not self.timed_out


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    document: bytes,
    *,
    limit_s: float,
    ending: threading.Event,
) -> Outcome:
    """Run a program with `document` on its stdin. After `limit_s`, or once `ending` is set, its group is killed.

    What the program leaves running in the background when it exits by itself is left alone, but no longer listened to.
    """
    begun = time.monotonic()
    reading, writing = os.pipe()
    try:
        process = _started(command, environment, document, writing)
    except (OSError, ValueError) as error:
        os.close(reading)
        return Outcome(None, str(error), timed_out=False, took_s=time.monotonic() - begun)
    finally:
        os.close(writing)
    try:
        output, timed_out = _heard(process, reading, begun + limit_s, ending)
    finally:
        os.close(reading)
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
    return Outcome(status, output, timed_out, time.monotonic() - begun)


def _started(
    command: Sequence[str], environment: Mapping[str, str], document: bytes, writing: int
) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=writing,
        env={**os.environ, **environment},
        cwd=Path.home() if Path.home().is_dir() else "/",
        start_new_session=True,
        bufsize=0,
    )
    if process.stdin is not None:
        # A document is shorter than a pipe holds; all the same, a program that does not read must not be waited for.
        with contextlib.suppress(BrokenPipeError), process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
            process.stdin.write(document)
    return process


def _heard(
    process: "subprocess.Popen[bytes]", reading: int, deadline: float, ending: threading.Event
) -> tuple[str, bool]:
    """The beginning of the output until the program is gone, and whether it had to be given up."""
    kept = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        listening = True
        while True:
            exited = process.poll() is not None
            if not exited and (time.monotonic() >= deadline or ending.is_set()):
                return kept.decode(errors="replace"), True
            if listening and selector.select(0 if exited else LOOK_EVERY_S):
                data = os.read(reading, 65536)
                kept += data[: OUTPUT_BYTES_MAX - len(kept)]
                listening = bool(data)
                if not exited or (data and time.monotonic() < deadline and len(kept) < OUTPUT_BYTES_MAX):
                    continue
            if exited:
                return kept.decode(errors="replace"), False
            if not listening:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_EVERY_S)
