"""One run of a hook. Harm guarded against: a hook that hangs or floods takes the daemon along, or outlives it."""

import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from reeld.hooks.process import OUTPUT_BYTES_MAX, Outcome, run
from tests.support.wait import until


def python(code: str, document: bytes = b"{}", *, limit_s: float = 10.0, **environment: str) -> Outcome:
    """A hook without a start-up of half a second."""
    command = [sys.executable, "-S", "-E", "-c", code]
    return run(command, environment, document, limit_s=limit_s, ending=threading.Event())


def shell(code: str, *, limit_s: float = 10.0) -> Outcome:
    return run(["/bin/sh", "-c", code], {}, b"{}", limit_s=limit_s, ending=threading.Event())


def test_it_gets_the_document_and_the_environment_and_its_output_is_kept() -> None:
    done = python("import os,sys; print(sys.stdin.read(), os.environ['REELD_X'])", b'{"a":1}', REELD_X="y z")
    assert (done.status, done.output, done.ok) == (0, '{"a":1} y z\n', True)


def test_no_shell_reads_its_words(tmp_path: Path) -> None:
    """Harm: the name of a session runs a program."""
    done = run(["/bin/echo", f"$(touch {tmp_path}/x)", "; ls"], {}, b"", limit_s=10, ending=threading.Event())
    assert done.output == f"$(touch {tmp_path}/x) ; ls\n"
    assert not list(tmp_path.iterdir())


def test_what_it_says_of_its_failure_is_kept() -> None:
    done = shell("echo no >&2; exit 3")
    assert (done.status, done.output, done.ok) == (3, "no\n", False)


@pytest.mark.parametrize("program", ["/nowhere/at/all", "/etc/hostname", "a\0b"])
def test_a_program_that_cannot_be_started_is_told(program: str) -> None:
    done = run([program], {}, b"", limit_s=1, ending=threading.Event())
    assert (done.status, done.ok) == (None, False)
    assert done.output


def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    done = shell(f"sleep 60 & echo $! > {tmp_path}/pid; wait", limit_s=0.3)
    assert (done.status, done.timed_out, done.ok) == (-9, True, False)
    assert done.took_s < 3
    child = int((tmp_path / "pid").read_text())
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", 5, what="no child")


def test_one_that_floods_is_bounded_and_ends() -> None:
    done = shell("yes", limit_s=0.3)
    assert done.timed_out
    assert len(done.output) == OUTPUT_BYTES_MAX


def test_one_that_does_not_read_its_document_is_not_waited_for() -> None:
    done = run(["/bin/true"], {}, b"x" * 10**6, limit_s=5, ending=threading.Event())
    assert (done.status, done.timed_out) == (0, False)


def test_what_it_leaves_in_the_background_does_not_hold_it(tmp_path: Path) -> None:
    done = shell(f"sleep 2 & echo $! > {tmp_path}/pid; echo done")
    try:
        assert (done.status, done.output, done.timed_out) == (0, "done\n", False)
        assert done.took_s < 1.5
        assert psutil.pid_exists(int((tmp_path / "pid").read_text()))
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 9)


def test_one_that_closes_its_output_is_still_waited_for() -> None:
    done = shell("exec >&- 2>&-; sleep 0.2; exit 4")
    assert (done.status, done.timed_out) == (4, False)


def test_the_end_of_the_daemon_ends_it() -> None:
    ending = threading.Event()
    timer = threading.Timer(0.2, ending.set)
    timer.start()
    begun = time.monotonic()
    done = run(["/bin/sleep", "60"], {}, b"", limit_s=60, ending=ending)
    timer.join()
    assert (done.status, done.timed_out) == (-9, True)
    assert time.monotonic() - begun < 3


def test_it_holds_no_file_of_the_daemon() -> None:
    """Harm: a hook's background process holds the lock of the store after the daemon is gone."""
    held, other = os.pipe()
    os.set_inheritable(held, True)
    try:
        assert shell(f"test -e /proc/self/fd/{held}").status == 1
    finally:
        os.close(held)
        os.close(other)
