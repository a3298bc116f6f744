"""Private mode as a person uses it, with a real daemon. Harm guarded against: a second of it is recorded after all."""

import time
from pathlib import Path

import pytest

from reeld.capture.api import Rect
from tests.daemon.capture.dancer import PRIVATE
from tests.daemon.capture.test_x11_privacy import Program
from tests.support.desk import VirtualDesk, desk_environment
from tests.support.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
QUIET = ("--mic", "none", "--system-audio", "none", "--display", "LEFT")


def test_private_mode_is_a_gap_that_says_so_and_outlives_session_worker_and_daemon(x_desk: VirtualDesk) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        session = installation.ok("start", *QUIET)["session"]
        time.sleep(0.3)
        assert installation.ok("private", "on") == {"session": session, "private": True}
        time.sleep(0.3)
        assert installation.ok("private", "off")["private"] is False
        time.sleep(0.3)
        stopped = installation.ok("stop")
        (gap,) = [gap for gap in stopped["gaps"] if gap["track"] == "video-1"]
        assert (gap["reason"], gap["detail"]) == ("hidden", "private")
        assert 0.2 < gap["end_s"] - gap["start_s"] < 3
        assert installation.ok("show", session)["gaps"] == stopped["gaps"]
        assert installation.ok("verify", session)["ok"]

        assert installation.ok("private", "on") == {"session": None, "private": True}
        installation.stop_daemon()
        installation.start_daemon()
        assert installation.ok("status")["private"] is True
        hidden = installation.ok("start", *QUIET)
        assert any("reelctl private off" in warning for warning in hidden["warnings"])
        time.sleep(0.2)
        stopped = installation.ok("stop")
        assert {track["frames"] for track in stopped["tracks"]} == {0}
        gaps = [(gap["start_s"], gap["reason"], gap["detail"]) for gap in stopped["gaps"]]
        assert gaps == [(0, "hidden", "private")] * len(stopped["tracks"])
        assert installation.ok("verify", hidden["session"])["ok"]
        assert installation.ok("private", "off")["private"] is False


def test_a_hidden_screen_is_not_recorded_and_the_gap_names_the_rule(x_desk: VirtualDesk, tmp_path: Path) -> None:
    config = tmp_path / "reeld.toml"
    config.write_text("[[privacy.rules]]\nname = 'left side'\nscreen = 'LEFT'\n")
    with Installation(x_desk.env) as installation:
        installation.start_daemon("--config", str(config))
        installation.ok("start", *QUIET)
        time.sleep(0.2)
        stopped = installation.ok("stop")
        assert {track["frames"] for track in stopped["tracks"]} == {0}
        assert {(gap["reason"], gap["detail"]) for gap in stopped["gaps"]} == {("hidden", "left side")}, stopped["gaps"]


def test_a_window_that_a_rule_hides_is_refused_before_anything_is_captured(x_desk: VirtualDesk, tmp_path: Path) -> None:
    config = tmp_path / "reeld.toml"
    config.write_text("[[privacy.rules]]\nname = 'bank'\ntitle = '*bank*'\n")
    with desk_environment(x_desk), Installation(x_desk.env) as installation:
        program = Program()
        window = program.window(Rect(20, 20, 100, 100), PRIVATE, title="my bank")
        program.show(window)
        installation.start_daemon("--config", str(config))
        result = installation.ctl("start", "--window", hex(window), "--mic", "none", "--system-audio", "none")
        assert result.code == 8
        assert "'bank'" in result.json["error"]["message"]
        assert installation.ok("status")["session"] is None
        program.connection.disconnect()
