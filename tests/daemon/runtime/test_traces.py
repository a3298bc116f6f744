"""Last words of processes. Harm guarded against: a crash of which nobody can tell where it was; a report that tells
what was recorded."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.runtime.traces import DUMP_SIGNAL, LINES_MAX, discreet, sweep, take, trace_path, tracing
from tests.support.wait import until

VICTIM = """
import sys, threading
from pathlib import Path
from reeld.runtime.traces import tracing

def hang_here():
    print("hanging", flush=True)
    threading.Event().wait()

with tracing(Path(sys.argv[1])):
    hang_here()
"""


def victim(path: Path) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", VICTIM, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"hanging\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE])
def test_a_crash_leaves_where_it_happened(tmp_path: Path, number: signal.Signals) -> None:
    path = trace_path(tmp_path, "capture-1")
    with victim(path) as process:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode == -number
    lines = take(path)
    assert lines[0].startswith("fatal: ")
    assert any("in hang_here" in line for line in lines)
    assert not path.exists()
    assert take(path) == []


def test_who_is_asked_tells_where_it_hangs_and_goes_on(tmp_path: Path) -> None:
    path = trace_path(tmp_path, "capture-1")
    with victim(path) as process:
        process.send_signal(DUMP_SIGNAL)
        until(lambda: "hang_here" in path.read_text(), 10, what="a trace")
        assert process.poll() is None
        process.kill()
        process.communicate(timeout=20)
    assert any("in hang_here" in line for line in take(path))


def test_a_clean_end_leaves_nothing(tmp_path: Path) -> None:
    path = trace_path(tmp_path, "x")
    before = signal.getsignal(DUMP_SIGNAL)
    with tracing(path):
        assert path.exists()
    assert not path.exists()
    assert signal.getsignal(DUMP_SIGNAL) == before


def test_a_folder_that_takes_no_file_is_no_reason_to_stop(tmp_path: Path) -> None:
    with tracing(tmp_path / "no" / "x.trace"):
        pass


def test_what_nobody_asked_for_is_swept_away(tmp_path: Path) -> None:
    for name in ("a.trace", "b.trace", "control.sock"):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["control.sock"]
    sweep(tmp_path / "no")


def test_only_places_are_kept_of_what_was_written() -> None:
    text = (
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n"
        '  File "/home/anna/secret project/x.py", line 7 in _frame\n  Binary file "/home/anna/y.so", at f\n'
        "Extension modules: numpy (total: 1)\nwindow title: salary\n"
    )
    assert discreet(text) == ["fatal: Segmentation fault", "current thread", "  x.py:7 in _frame"]


@given(text=st.text(max_size=400))
def test_whatever_was_written_the_report_is_bounded_and_holds_no_path(text: str) -> None:
    lines = discreet(text * 3)
    assert len(lines) <= LINES_MAX
    assert all(len(line) < 250 and "/" not in line for line in lines)
