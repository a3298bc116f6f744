"""`reelctl service` with a real systemd user manager and a real journal: the whole life of the service.

Harm guarded against: recorded seconds lost to a crash, a hang or a stop; a machine that is not as it was before.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reeld.supervisor.directories import DirectoryLock
from reeld_client import Client
from reeld_proto.commands import Status
from reeld_proto.errors import TransportError
from tests.support.desk import ONE_MONITOR, VirtualDesk
from tests.support.installation import is_alive
from tests.support.user_manager import UserManager, may_mount
from tests.support.wait import until

pytestmark = [
    pytest.mark.paired,
    pytest.mark.skipif(sys.platform != "linux", reason="systemd is of Linux"),
    pytest.mark.skipif(not may_mount(), reason="a user manager of the test's own needs the right to mount"),
]
BACK_WITHIN_S = 3.0


@pytest.fixture(scope="module")
def login() -> Iterator[UserManager]:
    with VirtualDesk(ONE_MONITOR) as desk, UserManager(desk.env) as manager:
        yield manager


@pytest.fixture(scope="module")
def service(login: UserManager) -> Iterator[UserManager]:
    """Installed and warm. Its watchdog waits for one second, not thirty."""
    settings = login.home / ".config" / "systemd" / "user" / "reeld.service.d" / "test.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[Service]\nWatchdogSec=1\n")
    login.ok("service", "install")
    until(lambda: warm(login), 15, what="a warm daemon")
    yield login
    login.ok("service", "uninstall")
    shutil.rmtree(store(login))


def store(login: UserManager) -> Path:
    return login.home / ".local" / "share" / "reeld"


def client(login: UserManager) -> Client:
    """For conditions that are looked at again and again: no process is started."""
    return Client(login.runtime / "reeld")


def told(login: UserManager) -> Status | None:
    """What the daemon says of itself; None while none answers."""
    try:
        with client(login) as reel:
            return reel.status()
    except TransportError:
        return None


def warm(login: UserManager) -> bool:
    status = told(login)
    return (
        status is not None
        and len(status.workers) >= 3
        and all(one.state in ("ready", "running") for one in status.workers)
    )


def pid_of(login: UserManager) -> int:
    status = told(login)
    assert status is not None
    return status.daemon.pid


def is_active(login: UserManager, pid: int) -> bool:
    """Whether the manager's daemon is this one."""
    found = login.ok("service", "status")
    return bool(found["active"] and found["pid"] == pid)


def record(login: UserManager) -> str:
    """A session of the screen, without sound."""
    session: str = login.ok("start", "--mic", "none", "--system-audio", "none")["session"]
    return session


def record_a_second(login: UserManager) -> str:
    """... of which a second is in the store."""
    session = record(login)
    with client(login) as reel:
        until(lambda: reel.show(session).bytes, 10, what="a chunk in the store")
    return session


def state_of(login: UserManager, session: str) -> str:
    with client(login) as reel:
        return reel.show(session).state.value


def successor(login: UserManager, pid: int) -> float:
    """Seconds until another daemon than `pid` answers."""
    begun = time.monotonic()
    until(lambda: (found := told(login)) is not None and found.daemon.pid != pid, 10, what="another daemon")
    return time.monotonic() - begun


def test_installed_it_serves_and_uninstalled_nothing_is_left_but_recordings(login: UserManager) -> None:
    before = set(login.home.rglob("*"))
    assert not login.ok("service", "status")["installed"]
    done = login.ok("service", "install")
    assert (done["changed"], done["active"]) == (True, True)
    assert login.run("systemd-analyze", "verify", "--user", "--man=no", done["path"]).err == ""
    found = login.ok("service", "status")
    assert (found["installed"], found["enabled"], found["active"], found["pid"]) == (True, True, True, done["pid"])
    assert (login.runtime / "reeld").stat().st_mode & 0o777 == 0o700

    again = login.ok("service", "install")
    assert (again["changed"], again["restarted"], again["pid"]) == (False, False, done["pid"])

    session = record(login)
    daemon = psutil.Process(done["pid"])
    family = [daemon, *daemon.children(recursive=True)]
    told_of = login.ctl("service", "uninstall")
    assert session in told_of.err
    assert [one for one in family if is_alive(one.pid)] == []
    kept = {path for path in login.home.rglob("*") if store(login) not in [path, *path.parents]}
    assert kept - before == {login.home / ".config", login.home / ".local", login.home / ".local" / "share"}
    assert not (login.runtime / "reeld").exists()
    assert login.run("systemctl", "--user", "show", "--property=LoadState", "reeld").out == "LoadState=not-found\n"
    assert {"daemon.ready", "daemon.stopped"} <= set(login.ctl("service", "logs").out.split('"'))

    login.ok("service", "install")
    assert state_of(login, session) == "completed", "the stop was clean"
    login.ok("service", "uninstall")
    shutil.rmtree(store(login))


def test_a_store_that_another_daemon_holds_is_the_reason_that_is_told(login: UserManager) -> None:
    other = DirectoryLock(store(login))
    other.directory.mkdir(parents=True)
    other.acquire("another daemon")
    try:
        told_of = login.ctl("service", "install")
    finally:
        other.release()
    assert told_of.code == 4
    assert "another daemon holds" in told_of.err
    login.ok("service", "uninstall")
    shutil.rmtree(store(login))


def test_after_kill_9_a_new_daemon_serves_at_once_and_the_session_is_there_up_to_then(service: UserManager) -> None:
    session, pid = record_a_second(service), pid_of(service)
    os.kill(pid, signal.SIGKILL)
    assert successor(service, pid) < BACK_WITHIN_S
    until(lambda: state_of(service, session) == "interrupted", 5, what="an interrupted session")
    with client(service) as reel:
        assert reel.show(session).duration_s > 0
        assert reel.verify().ok
    assert is_active(service, pid_of(service))


def test_a_frozen_daemon_is_replaced_by_the_watchdog(service: UserManager) -> None:
    session, pid = record_a_second(service), pid_of(service)
    os.kill(pid, signal.SIGSTOP)
    assert successor(service, pid) < 1.0 + BACK_WITHIN_S
    assert not is_alive(pid)
    until(lambda: state_of(service, session) == "interrupted", 5, what="an interrupted session")
    assert "watchdog timeout" in service.log.lower()
    assert is_active(service, pid_of(service))


def test_an_upgrade_restarts_what_is_idle_and_leaves_what_records(service: UserManager) -> None:
    unit = Path(service.ok("service", "status")["path"])
    session, pid = record(service), pid_of(service)
    unit.write_text(unit.read_text() + "# of an older release\n")
    done = service.ok("service", "install")
    assert (done["changed"], done["restarted"], done["pid"]) == (True, False, pid)
    assert session in done["warnings"][0]
    assert service.ok("stop")["state"] == "completed"
    unit.write_text(unit.read_text() + "# of an older release\n")
    done = service.ok("service", "install")
    assert (done["changed"], done["restarted"], done["active"]) == (True, True, True)
    assert done["pid"] != pid


def test_what_a_recorder_never_does_is_forbidden_to_it(login: UserManager) -> None:
    """6.5 of 10 is what can be had without name spaces, which not every machine allows to a user manager."""
    unit = str(Path(__file__).parents[2] / "systemd" / "reeld.service")
    ran = login.run("systemd-analyze", "security", "--user", "--offline=yes", "--no-pager", "--threshold=65", unit)
    assert ran.code == 0, ran.out[-200:]
