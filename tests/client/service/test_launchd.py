"""launchd by contract: its program is a fake that refuses what the real one refuses."""

import json
import os
import plistlib
from pathlib import Path
from typing import Any

import pytest

from reeld_client.service.installing import install, uninstall
from reeld_client.service.launchd import LABEL, Launchd
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.conftest import Program
from tests.client.service.fake_launchctl import SOURCE


@pytest.fixture
def launchd(home: Path, program: Program) -> Launchd:
    program("launchctl", SOURCE)
    (home / "Library" / "LaunchAgents").mkdir(parents=True)
    (home / "Library" / "LaunchAgents" / "com.other.plist").write_text("")
    return Launchd()


def known(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "launchd.json").read_text())
    return found


def content(launchd: Launchd, release: str = "1") -> bytes:
    return launchd.rendered(["/opt/reeld"], release, own_runtime=True)


def test_from_nothing_to_running_and_back_to_nothing(launchd: Launchd, home: Path) -> None:
    before = launchd.status()
    assert (before.installed, before.enabled, before.active, before.pid) == (False, False, False, None)
    done = install(launchd, content(launchd), None)
    assert (done.changed, done.active, done.pid) == (True, True, 501)
    after = launchd.status()
    assert (after.installed, after.enabled, after.state, after.manager) == (True, True, "running", "launchd")
    assert plistlib.loads(launchd.path.read_bytes())["ProgramArguments"][0] == "/opt/reeld"
    launchd.log.write_text("{}\n")
    removed = uninstall(launchd, None).removed
    assert removed == [str(launchd.path), str(launchd.log.parent)]
    assert known(home)["loaded"] == {}
    assert [path.name for path in launchd.path.parent.iterdir()] == ["com.other.plist"]
    assert uninstall(launchd, None).removed == []


def test_an_upgrade_waits_for_the_old_daemon_to_leave(launchd: Launchd) -> None:
    """Else launchd refuses to load the new one: the old is still ending its session."""
    install(launchd, content(launchd), None)
    assert install(launchd, content(launchd), None).pid == 501
    done = install(launchd, content(launchd, "2"), None)
    assert (done.changed, done.restarted, done.pid) == (True, True, 502)


def test_an_upgrade_while_recording_leaves_the_daemon_alone(launchd: Launchd) -> None:
    install(launchd, content(launchd), None)
    done = install(launchd, content(launchd, "2"), "20261126-1")
    assert (done.restarted, done.pid) == (False, 501)
    assert "launchctl bootout gui/" in done.warnings[0]


def test_one_that_ended_is_started_and_one_that_was_disabled_enabled(launchd: Launchd, home: Path) -> None:
    install(launchd, content(launchd), None)
    state = known(home)
    state["loaded"][LABEL]["state"] = "not running"
    state["disabled"] = [LABEL]
    (home / "launchd.json").write_text(json.dumps(state))
    found = launchd.status()
    assert (found.enabled, found.active, found.pid, found.state) == (False, False, None, "not running")
    assert install(launchd, content(launchd), None).pid == 502
    assert launchd.status().enabled


def test_a_refusal_names_the_step(launchd: Launchd) -> None:
    install(launchd, content(launchd), None)
    with pytest.raises(RequestRejected, match=r"`launchctl bootstrap gui/.*Bootstrap failed: 5"):
        launchd._do("bootstrap", f"gui/{os.getuid()}", str(launchd.path))


def test_a_user_who_is_not_at_the_screen_is_told_so(launchd: Launchd, home: Path) -> None:
    (home / "nobody").write_text("")
    with pytest.raises(RequestRejected, match="no service manager") as caught:
        launchd.status()
    assert (caught.value.code, caught.value.exit_code) == (ErrorCode.SERVICE_FAILED, 6)
    with pytest.raises(RequestRejected):
        uninstall(launchd, None)


def test_logs_are_the_last_lines_of_the_file(launchd: Launchd) -> None:
    assert launchd.logs(2).lines == []
    launchd.log.parent.mkdir(parents=True)
    launchd.log.write_bytes(b"one\ntwo\n\xff three\n")
    found = launchd.logs(2)
    assert found.lines == ["two", "\N{REPLACEMENT CHARACTER} three"]
    assert found.source == str(launchd.log)
