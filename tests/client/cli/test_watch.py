"""`reelctl watch` on a terminal and off it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from reeld_client.cli.watch_model import SILENT_AFTER_S
from reeld_proto.events import StatsPublished, TroubleReported
from tests.client.cli.reelctl import environment, on_terminal
from tests.client.fake_reeld import STATS, FakeReeld, Server, serving
from tests.support.wait import until

_ALTERNATE_SCREEN_OFF = b"\x1b[?1049l"
_CURSOR_ON = b"\x1b[?25h"


def test_the_live_view_appears_and_ctrl_c_restores_the_terminal(runtime: Path, server: Server) -> None:
    with on_terminal(runtime, "watch") as terminal:
        terminal.read_until("video-1")
        server.publish(TroubleReported(worker="audio-1", code="silent", message="nothing is heard"))
        terminal.read_until("nothing is heard")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.finish() == 130
    assert terminal.raw.rstrip().endswith((_ALTERNATE_SCREEN_OFF, _CURSOR_ON))
    assert _ALTERNATE_SCREEN_OFF in terminal.raw
    assert "Traceback" not in terminal.screen


def test_a_daemon_that_goes_away_is_waited_for(runtime: Path, fake: FakeReeld) -> None:
    """Who watches over a restart wants to see it come back."""
    with on_terminal(runtime, "watch") as terminal:
        with serving(fake, runtime):
            terminal.read_until("video-1")
        terminal.read_until("no daemon")
        terminal.raw = b""
        with serving(fake, runtime):
            terminal.read_until("video-1")
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.finish() == 130


def test_a_daemon_that_hangs_is_not_shown_as_well(runtime: Path, server: Server) -> None:
    with on_terminal(runtime, "watch") as terminal:
        terminal.read_until("video-1")
        terminal.read_until("no news for", timeout_s=SILENT_AFTER_S + 5)
        terminal.process.send_signal(signal.SIGINT)
        terminal.finish()


def test_no_daemon_is_an_error_also_on_a_terminal(runtime: Path) -> None:
    with on_terminal(runtime, "watch") as terminal:
        assert terminal.finish() == 3
    assert "no daemon is running" in terminal.screen


def watched(runtime: Path, server: Server, *words: str) -> str:
    command = [sys.executable, "-m", "reeld_client.cli.main", "watch", "--count", "2", *words]
    with subprocess.Popen(command, env=environment(runtime), stdout=subprocess.PIPE, text=True) as process:
        until(lambda: b"" in server.topics, what="subscription")

        def left() -> bool:
            # Again and again, as a daemon does: what comes before the snapshot is part of it and rightly not shown.
            server.publish(StatsPublished(stats=STATS))
            return process.poll() is not None

        try:
            until(left, 15, what="the end after two reports", every_s=0.05)
        finally:
            process.kill()
        out, _ = process.communicate()
    assert process.returncode == 0
    return out


def test_without_a_terminal_it_is_a_line_a_look(runtime: Path, server: Server) -> None:
    lines = watched(runtime, server).splitlines()
    assert len(lines) == 2
    assert all(one.startswith("active 1:05 stand-up | cpu 12 %") for one in lines)


def test_with_json_it_is_a_document_a_line(runtime: Path, server: Server) -> None:
    lines = watched(runtime, server, "--json").splitlines()
    assert [json.loads(one)["store_bytes"] for one in lines] == [STATS.store_bytes] * 2


def test_the_counters_are_no_longer_collected_after_it_left(runtime: Path, server: Server) -> None:
    watched(runtime, server)
    until(lambda: not server.topics, what="the subscription to end")
