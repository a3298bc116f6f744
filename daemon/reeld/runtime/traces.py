"""Where a process was when it ended: written by itself at the last moment, read by the daemon.

DESIGN: faulthandler writes from inside a signal handler, without Python running: it works in a process that hangs in C
code, and costs nothing before. A frame tells file, line and function, and never a value; still only these are kept.
"""

import contextlib
import faulthandler
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

DUMP_SIGNAL = signal.SIGUSR2
"""Has a process tell where its threads are."""
TRACE_BYTES_MAX = 64 * 1024
LINES_MAX = 200
_FRAME = re.compile(r'\s*File "(?:[^"]*/)?([^"/]{1,80})", line (\d{1,9}) in ([\w.<>]{1,120})')
_THREAD = re.compile(r"(Current thread|Thread) 0x[0-9a-f]+")
_FATAL = re.compile(r"Fatal Python error: ([A-Z][A-Za-z ]{1,40})")


def trace_path(folder: Path, name: str) -> Path:
    """The file of the process with this name."""
    return folder / f"{name}.trace"


@contextlib.contextmanager
def tracing(path: Path) -> Iterator[None]:
    """Inside the block a crash, or `DUMP_SIGNAL`, writes to `path`; afterwards there is no such file. Main thread.

    Without the file (a full disk) nothing is written; the process runs all the same.
    """
    try:
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    # Who had it enabled already wants crashes to be told where he looks.
    is_ours = not faulthandler.is_enabled()
    if is_ours:
        faulthandler.enable(fd, all_threads=True)
    faulthandler.register(DUMP_SIGNAL, fd, all_threads=True)
    try:
        yield
    finally:
        faulthandler.unregister(DUMP_SIGNAL)
        if is_ours:
            faulthandler.disable()
        os.close(fd)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes left that nobody asked any more, for their daemon was gone."""
    with contextlib.suppress(OSError):
        for path in folder.glob("*.trace"):
            path.unlink(missing_ok=True)


def take(path: Path) -> list[str]:
    """What a process that is gone wrote, made discreet; the file is removed. Empty if there is none."""
    try:
        with path.open("rb") as file:
            text = file.read(TRACE_BYTES_MAX).decode(errors="replace")
        path.unlink()
    except OSError:
        return []
    return discreet(text)


def discreet(text: str) -> list[str]:
    """The frames of faulthandler's output, a line each; whatever else stands in it is left out."""
    found = []
    for line in text.splitlines():
        if frame := _FRAME.match(line):
            found.append(f"  {frame[1]}:{frame[2]} in {frame[3]}")
        elif thread := _THREAD.match(line):
            found.append("current thread" if thread[1].startswith("Current") else "thread")
        elif fatal := _FATAL.match(line):
            found.append(f"fatal: {fatal[1].strip()}")
    return found[:LINES_MAX]
