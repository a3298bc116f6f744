"""The service files for systemd and launchd. Harm guarded against: a unit that starts, stops or restarts the daemon in
a way that costs recorded seconds."""

import configparser
import plistlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reeld.daemon import REPLIES_OUT_S
from reeld.sessions.service import STOP_S, STORE_S
from reeld.supervisor import Limits
from reeld_proto.endpoints import default_runtime_dir
from reeld_proto.errors import EXIT_CODES, ErrorCode
from reeld_proto.units import NS_PER_S

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((ROOT / "systemd" / "reeld.service").read_text())
    return parser


@pytest.fixture(scope="module")
def agent() -> dict[str, Any]:
    with (ROOT / "launchd" / "org.reeld.reeld.plist").open("rb") as file:
        found: dict[str, Any] = plistlib.load(file)
    return found


def longest_stop_s() -> float:
    """Drain the devices, make the session durable, answer, end the producers and then the store."""
    return STOP_S + STORE_S + REPLIES_OUT_S + 2 * Limits().leave_ns / NS_PER_S


def unit_lines() -> list[str]:
    return (ROOT / "systemd" / "reeld.service").read_text().splitlines()


def installed_command() -> str:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "reeld" in scripts
    return "reeld"


def test_systemd_runs_the_command_that_is_installed(unit: configparser.ConfigParser) -> None:
    assert unit["Service"]["ExecStart"] == installed_command()
    assert unit["Install"]["WantedBy"] == "graphical-session.target"


def test_a_reload_has_the_daemon_read_its_config_and_ends_nothing(unit: configparser.ConfigParser) -> None:
    """The signal is SIGHUP, which a daemon without a terminal takes for that: see tests/daemon/test_daemon.py."""
    assert unit["Service"]["ExecReload"] == "kill -HUP $MAINPID"


def test_systemd_waits_for_ready_from_the_daemon_alone(unit: configparser.ConfigParser) -> None:
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["NotifyAccess"] == "main"
    assert float(unit["Service"]["WatchdogSec"]) > 0


def test_systemd_stop_reaches_only_the_daemon_so_that_it_can_drain_its_workers(
    unit: configparser.ConfigParser,
) -> None:
    assert unit["Service"]["KillMode"] == "mixed"


def test_systemd_does_not_kill_a_stop_that_is_still_within_its_own_limits(unit: configparser.ConfigParser) -> None:
    assert float(unit["Service"]["TimeoutStopSec"]) > longest_stop_s()


def test_systemd_repairs_crashes_but_does_not_repeat_wrong_use(unit: configparser.ConfigParser) -> None:
    assert unit["Service"]["Restart"] == "on-failure"
    prevented = {int(code) for code in unit["Service"]["RestartPreventExitStatus"].split()}
    assert prevented == {EXIT_CODES[ErrorCode.INVALID_REQUEST], EXIT_CODES[ErrorCode.ALREADY_RUNNING]}
    assert EXIT_CODES[ErrorCode.INTERNAL] not in prevented


def test_no_setting_of_systemd_is_overwritten_by_a_later_one() -> None:
    keys = [line.partition("=")[0] for line in unit_lines() if "=" in line and not line.startswith("#")]
    twice = {key for key in keys if keys.count(key) > 1}
    assert twice == {"SystemCallFilter"}, "which is a list: what is allowed, and what of that is not"


def test_systemd_makes_and_removes_the_folder_that_the_daemon_takes_for_its_sockets(
    unit: configparser.ConfigParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REELD_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert Path("/run/user/7", unit["Service"]["RuntimeDirectory"]) == default_runtime_dir()
    assert unit["Service"]["RuntimeDirectoryMode"] == "0700"
    # Removed in a restart, the lock in it would not keep out what a dead daemon left running.
    assert unit["Service"]["RuntimeDirectoryPreserve"] == "restart"


def test_systemd_has_a_new_daemon_up_in_moments_but_does_not_try_for_ever(unit: configparser.ConfigParser) -> None:
    assert unit["Service"]["RestartSec"] == "200ms"
    assert int(unit["Unit"]["StartLimitBurst"]) <= 5 < int(unit["Unit"]["StartLimitIntervalSec"])


def test_systemd_needs_no_name_space_that_a_machine_might_refuse(unit: configparser.ConfigParser) -> None:
    """Ubuntu allows none to a user manager; the daemon would not start."""
    spaces = ("Protect", "Private", "ReadOnly", "ReadWrite", "Inaccessible", "Bind", "Root", "TemporaryFileSystem")
    assert [key for key in unit["Service"] if key.startswith(spaces)] == []
    assert "CapabilityBoundingSet" not in unit["Service"]


def test_a_crash_leaves_no_pixels_on_the_disk(unit: configparser.ConfigParser, agent: dict[str, Any]) -> None:
    assert unit["Service"]["LimitCORE"] == "0"
    assert agent["SoftResourceLimits"]["Core"] == agent["HardResourceLimits"]["Core"] == 0
    assert agent["SoftResourceLimits"]["NumberOfFiles"] == int(unit["Service"]["LimitNOFILE"])


def test_every_line_of_the_systemd_service_section_has_its_reason() -> None:
    lines = unit_lines()
    section = lines[lines.index("[Service]") + 1 : lines.index("[Install]")]
    reasoned, previous = 0, ""
    for line in section:
        if "=" in line and not line.startswith("#"):
            assert previous, line
            reasoned += previous.startswith("#")
        previous = line
    assert reasoned >= 19


def test_launchd_runs_the_command_that_is_installed(agent: dict[str, Any]) -> None:
    assert agent["Label"] == "org.reeld.reeld"
    assert agent["ProgramArguments"][-1] == installed_command()
    assert agent["RunAtLoad"] is True
    assert agent["LimitLoadToSessionType"] == "Aqua"


def test_launchd_restarts_after_a_crash_but_not_after_a_clean_end(agent: dict[str, Any]) -> None:
    assert agent["KeepAlive"] == {"SuccessfulExit": False}


def test_launchd_does_not_kill_a_stop_that_is_still_within_its_own_limits(agent: dict[str, Any]) -> None:
    assert agent["ExitTimeOut"] > longest_stop_s()


def test_launchd_keeps_the_capture_worker_unthrottled_and_recordings_private(agent: dict[str, Any]) -> None:
    assert agent["ProcessType"] == "Interactive"
    assert agent["Umask"] == 0o077
