"""What systemd answers when things are not as they should be; how it works is in `tests/units/test_user_manager.py`."""

from pathlib import Path

import pytest

from reeld_client.service.systemd import Systemd
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.conftest import Program

SYSTEMCTL = """
import os, sys
words = [word for word in sys.argv[1:] if word not in ("--user", "--no-pager", "--no-ask-password")]
with open(os.environ["HOME"] + "/asked", "a") as file:
    print(*words, file=file)
if words[0] == "show":
    for pair in {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "MainPID": "0", **SHOWN}.items():
        print("=".join(pair))
if words[0] == "show-environment":
    print("LANG=C")
if words[0] in FAILING:
    print("it would not", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def asked(home: Path, program: Program) -> Path:
    """A systemctl that does all it is told; the file names it."""
    fake(program)
    return home / "asked"


def fake(program: Program, *failing: str, **shown: str) -> None:
    program("systemctl", f"FAILING, SHOWN = {failing!r}, {shown!r}{SYSTEMCTL}")


def refusal(error: "pytest.ExceptionInfo[RequestRejected]") -> tuple[ErrorCode, int, str]:
    return error.value.code, error.value.exit_code, f"{error.value} {error.value.remedy}"


@pytest.mark.usefixtures("home")
def test_a_machine_without_systemd_is_told_so() -> None:
    for ask in (Systemd().status, Systemd().stop, lambda: Systemd().logs(1)):
        with pytest.raises(RequestRejected, match="cannot be run") as caught:
            ask()
        assert caught.value.exit_code == 6


def test_a_shell_outside_of_the_login_is_told_so(program: Program) -> None:
    fake(program, "show")
    with pytest.raises(RequestRejected, match="it would not") as caught:
        Systemd().status()
    assert refusal(caught)[:2] == (ErrorCode.SERVICE_FAILED, 6)
    assert "without su or sudo" in caught.value.remedy


def test_a_masked_unit_is_not_overwritten_in_silence(program: Program) -> None:
    fake(program, LoadState="masked")
    with pytest.raises(RequestRejected, match="masked") as caught:
        Systemd().status()
    assert "unmask" in caught.value.remedy


@pytest.mark.parametrize(
    ("state", "active"), [("active", True), ("activating", True), ("deactivating", True), ("failed", False)]
)
def test_a_daemon_on_its_way_up_or_down_counts_as_active(program: Program, state: str, active: bool) -> None:
    fake(program, ActiveState=state, SubState="x", MainPID="7", UnitFileState="enabled")
    found = Systemd().status()
    assert (found.active, found.pid, found.enabled, found.state) == (active, 7, True, f"{state} (x)")
    assert not found.installed


def test_the_unit_is_where_the_users_configuration_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Systemd().path == home / ".config" / "systemd" / "user" / "reeld.service"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "conf"))
    assert Systemd().path == home / "conf" / "systemd" / "user" / "reeld.service"


def test_starting_tells_the_manager_of_the_display_before_the_daemon_needs_it(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.delenv("XAUTHORITY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    Systemd().start(changed=True, restart=True)
    told = asked.read_text().splitlines()
    assert told.index("daemon-reload") < told.index("import-environment DISPLAY") < told.index("restart reeld.service")
    assert "enable reeld.service" in told
    asked.unlink()
    Systemd().start(changed=False, restart=False)
    assert "start reeld.service" in asked.read_text().splitlines()
    assert "daemon-reload" not in asked.read_text()


def test_another_daemon_that_holds_the_folders_is_named_as_the_reason(program: Program) -> None:
    fake(program, "start", ExecMainStatus="4")
    with pytest.raises(RequestRejected, match="another daemon") as caught:
        Systemd().start(changed=False, restart=False)
    assert refusal(caught)[:2] == (ErrorCode.ALREADY_RUNNING, 4)


def test_a_daemon_that_does_not_start_leads_to_its_log(program: Program) -> None:
    fake(program, "start", ExecMainStatus="6")
    with pytest.raises(RequestRejected, match=r"exit code: 6\): it would not") as caught:
        Systemd().start(changed=False, restart=False)
    assert "service logs" in caught.value.remedy


@pytest.mark.parametrize("step", ["daemon-reload", "enable"])
def test_a_step_that_fails_is_named(program: Program, step: str) -> None:
    fake(program, step)
    with pytest.raises(RequestRejected, match=f"`systemctl --user {step}.*it would not"):
        Systemd().start(changed=True, restart=False)


def test_stopping_what_is_not_installed_asks_nothing_of_systemd(program: Program, home: Path) -> None:
    fake(program, "disable", LoadState="not-found")
    Systemd().stop()
    assert "disable" not in (home / "asked").read_text()
    Systemd().path.parent.mkdir(parents=True)
    Systemd().path.write_text("")
    with pytest.raises(RequestRejected, match="disable --now"):
        Systemd().stop()


def test_folders_go_when_they_are_empty_and_stay_when_they_are_not(asked: Path) -> None:
    folder = Systemd().path.parent
    (folder / "graphical-session.target.wants").mkdir(parents=True)
    (folder / "other.service").write_text("")
    Systemd().forget()
    assert [path.name for path in folder.iterdir()] == ["other.service"]
    (folder / "other.service").unlink()
    Systemd().forget()
    assert not folder.parent.exists()
    assert folder.parent.parent.exists()
    assert "daemon-reload" in asked.read_text()


def test_a_login_without_a_desktop_or_a_display_is_warned_of(program: Program) -> None:
    fake(program, "is-active")
    desktop, display = Systemd().warnings()
    assert "graphical-session.target" in desktop
    assert "import-environment DISPLAY" in display


@pytest.mark.usefixtures("asked")
def test_logs_are_the_journals_lines(program: Program) -> None:
    program("journalctl", "import sys; print(*sys.argv[1:], sep='\\n')")
    found = Systemd().logs(7)
    assert found.source == "journal"
    assert {"--user-unit=reeld.service", "--lines=7", "--output=cat"} <= set(found.lines)
    program("journalctl", "import sys; print('no rights', file=sys.stderr); sys.exit(1)")
    with pytest.raises(RequestRejected, match="journal cannot be read: no rights"):
        Systemd().logs(7)
