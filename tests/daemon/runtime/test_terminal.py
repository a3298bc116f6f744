"""Whether there is a terminal. Harm guarded against: a daemon of systemd that ends when its config shall be read."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import reeld

LOOK = "from reeld.runtime.terminal import has_terminal; print(has_terminal())"
IN_A_TERMINAL = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {LOOK}"


def look(code: str, stdin: int) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(reeld.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        stdin=stdin,
        env=environment,
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def test_a_process_of_a_service_manager_has_none_and_one_in_a_window_has() -> None:
    mine, its = pty.openpty()
    try:
        assert look(LOOK, subprocess.DEVNULL) == "False"
        assert look(LOOK, its) == "False", "a terminal as stdin is not yet the one that it belongs to"
        assert look(IN_A_TERMINAL, its) == "True"
    finally:
        os.close(mine)
        os.close(its)
