"""`reelctl service` on a machine whose systemctl is a script. Real systemd: `tests/units/test_user_manager.py`."""

import sys
from pathlib import Path
from typing import Any

import pytest

from reeld_client.service.models import ServiceInstalled, ServiceLogs, ServiceRemoved, ServiceStatus
from reeld_proto.records import SessionState
from tests.client.cli.reelctl import Reelctl, as_process
from tests.client.cli.test_render import text_of
from tests.client.conftest import Program
from tests.client.fake_reeld import SESSION, FakeReeld

SYSTEMCTL = """
import os, sys
words = sys.argv[4:]
if words[0] == "show":
    installed = os.path.exists(os.environ["HOME"] + "/.config/systemd/user/reeld.service")
    print("LoadState=" + ("loaded" if installed else "not-found"))
    print("UnitFileState=" + ("enabled" if installed else ""))
    print("ActiveState=" + ("active" if installed else "inactive"))
    print("SubState=" + ("running" if installed else "dead"))
    print("MainPID=" + ("7" if installed else "0"))
if words[0] == "show-environment":
    print("DISPLAY=:0")
"""


@pytest.fixture(autouse=True)
def _linux(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture
def systemd(program: Program) -> None:
    """The service is up, with the pid of the fake daemon, as soon as its unit is there."""
    program("systemctl", SYSTEMCTL)


@pytest.mark.usefixtures("systemd")
def test_from_install_to_uninstall(reelctl: Reelctl, home: Path) -> None:
    path = str(home / ".config" / "systemd" / "user" / "reeld.service")
    assert reelctl("service", "status", "--json").json == {
        "installed": False,
        "enabled": False,
        "active": False,
        "pid": None,
        "path": path,
        "manager": "systemd",
        "state": "inactive (dead)",
    }
    assert "`reelctl service install`" in reelctl("service", "status").out
    done = reelctl("service", "install", "--json").json
    assert (done["changed"], done["restarted"], done["active"], done["path"]) == (True, False, True, path)
    assert "nothing changed" in reelctl("service", "install").out
    shown = reelctl("service", "status").out
    assert "starts at login" in shown
    assert "● running, process" in shown
    assert reelctl("service", "uninstall", "--json").json == {"manager": "systemd", "removed": [path], "warnings": []}
    assert "nothing was installed" in reelctl("service", "uninstall").out


@pytest.mark.usefixtures("systemd", "server")
def test_a_daemon_started_by_hand_is_not_fought_with(reelctl: Reelctl, home: Path) -> None:
    """Two would fight for one store; the service would give up and recording end with the terminal."""
    ran = reelctl("service", "install")
    assert ran.code == 4
    assert "kill" in ran.err
    assert not (home / ".config").exists()


@pytest.mark.usefixtures("systemd", "server")
def test_what_happens_to_a_recording_is_said(reelctl: Reelctl, fake: FakeReeld, home: Path) -> None:
    fake.state = SessionState.ACTIVE
    path = home / ".config" / "systemd" / "user" / "reeld.service"
    path.parent.mkdir(parents=True)
    path.write_text("an older one\n")
    ran = reelctl("service", "install")
    assert (ran.code, "restarted" in ran.out) == (0, False)
    assert f"session {SESSION} is being recorded" in ran.err
    path.write_text("an older one\n")
    assert SESSION in reelctl("service", "install", "--json").json["warnings"][0]
    assert f"{SESSION} was being recorded and was ended" in reelctl("service", "uninstall").err


@pytest.mark.parametrize("words", [("install",), ("uninstall",), ("status",), ("logs",), ("logs", "-f")])
def test_without_a_service_manager_every_command_says_so_with_code_6(reelctl: Reelctl, words: tuple[str, ...]) -> None:
    ran = reelctl("service", *words)
    assert (ran.code, ran.out) == (6, "")
    wrong, remedy = ran.err.splitlines()
    assert wrong.startswith("error: no service manager of this user answers")
    assert "`reeld`" in remedy


def test_without_a_service_manager_json_is_one_document_too(reelctl: Reelctl) -> None:
    ran = reelctl("service", "install", "--json")
    assert (ran.code, ran.err) == (6, "")
    assert ran.json["error"]["code"] == "service-failed"


def test_logs_are_printed_as_they_were_written(reelctl: Reelctl, program: Program) -> None:
    program("journalctl", "import sys\nfor n in range(3): print('{\"n\": %d, \"long\": \"' % n + 'x' * 200 + '\"}')")
    assert len(reelctl("service", "logs").out.splitlines()) == 3
    assert reelctl("service", "logs", "-n", "3", "--json").json["lines"][0].startswith('{"n": 0')
    program("journalctl", "")
    assert "nothing in journal yet" in reelctl("service", "logs").out


def test_logs_that_go_on_come_from_the_managers_own_program(runtime: Path, reelctl: Reelctl, program: Program) -> None:
    program("journalctl", "import sys; print(*sys.argv[1:])")
    ran = as_process(runtime, "service", "logs", "--follow", "-n", "5")
    assert (ran.code, ran.err) == (0, "")
    assert "--lines=5" in ran.out
    assert "--follow" in ran.out
    assert reelctl("service", "logs", "--follow", "--json").code == 2


def state(**changed: Any) -> ServiceStatus:
    usual: dict[str, Any] = {"installed": True, "enabled": True, "active": True, "pid": 7, "path": "/u", "manager": "m"}
    return ServiceStatus(**{**usual, **changed})


def test_a_person_reads_what_is_the_matter() -> None:
    from reeld_client.cli.render_service import print_installed, print_logs, print_removed, print_service  # noqa: PLC0415

    assert "process 7" in text_of(print_service, state())
    failed = text_of(print_service, state(active=False, pid=None, enabled=False, state="failed (failed)"))
    assert "failed" in failed
    assert "does not start at login" in failed
    done = ServiceInstalled(manager="m", path="/u", changed=True, restarted=True, active=False, pid=None)
    assert "restarted; not running" in text_of(print_installed, done)
    assert "/u" in text_of(print_removed, ServiceRemoved(manager="m", removed=["/u"]))
    assert "\x1b" not in text_of(print_logs, ServiceLogs(manager="m", source="s", lines=["\x1b[31m"]))
