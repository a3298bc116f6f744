"""Pressing TAB: what there is, at once, and never an error message in the middle of a line."""

import subprocess
import sys
import time
from pathlib import Path

from reeld_proto.errors import InternalError
from tests.client.cli.reelctl import environment
from tests.client.fake_reeld import SESSION, FakeReeld, Server, silence


def complete(runtime: Path, line: str) -> list[str]:
    words = line.split(" ")
    asked = {"_REELCTL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [sys.executable, "-m", "reeld_client.cli.main"]
    ran = subprocess.run(
        command, check=False, env=environment(runtime) | asked, capture_output=True, text=True, timeout=30
    )
    assert ran.stderr == ""
    return ran.stdout.split()


def test_the_shell_completes_commands_options_and_session_ids(runtime: Path, server: Server) -> None:
    assert complete(runtime, "reelctl sta") == ["status", "start", "stats"]
    assert "--json" in complete(runtime, "reelctl status --j")
    assert complete(runtime, "reelctl show 2026") == [SESSION]
    assert complete(runtime, f"reelctl --runtime {runtime} export 2026") == [SESSION]


def test_completion_without_a_daemon_is_silent(runtime: Path) -> None:
    assert complete(runtime, "reelctl show 2026") == []


def test_a_daemon_that_does_not_answer_holds_nobody_up(runtime: Path, fake: FakeReeld, server: Server) -> None:
    fake.answers["sessions_list"] = silence
    begun = time.monotonic()
    assert complete(runtime, "reelctl show 2026") == []
    assert time.monotonic() - begun < 3


def test_a_fault_of_the_daemon_is_silent(runtime: Path, fake: FakeReeld, server: Server) -> None:
    fake.answers["sessions_list"] = InternalError("broken")
    assert complete(runtime, "reelctl verify 2026") == []
