"""Harm guarded against: a worker that is still importing when its daemon dies, and stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reeld.runtime.launch import EXIT_ORPHANED


@pytest.fixture
def slow_module(tmp_path: Path) -> Path:
    """A worker module whose import never ends, and which says when it has begun."""
    (tmp_path / "slow_worker.py").write_text(
        "import threading\nprint('importing', flush=True)\nthreading.Event().wait()\n"
    )
    return tmp_path


def test_a_daemon_that_dies_while_its_worker_imports_takes_the_worker_along(slow_module: Path) -> None:
    read_fd, write_fd = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "reeld.runtime.launch", "slow_worker", "--parent-fd", str(read_fd)],
        env={**os.environ, "PYTHONPATH": str(slow_module)},
        pass_fds=(read_fd,),
        stdout=subprocess.PIPE,
    )
    os.close(read_fd)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"importing\n"
        os.close(write_fd)
        assert process.wait(2) == EXIT_ORPHANED


def test_the_module_sees_its_own_options(tmp_path: Path) -> None:
    (tmp_path / "echo_options.py").write_text("import sys\nprint(__name__, sys.argv[1:])\n")
    read_fd, write_fd = os.pipe()
    command = [sys.executable, "-m", "reeld.runtime.launch", "echo_options", "--name", "x", "--parent-fd", str(read_fd)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, pass_fds=(read_fd,), capture_output=True, check=True
    )
    os.close(read_fd)
    os.close(write_fd)
    assert done.stdout.decode().strip() == f"__main__ ['--name', 'x', '--parent-fd', '{read_fd}']"
