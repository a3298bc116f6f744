"""Installing and removing. Harm guarded against: a recording cut by an upgrade, a daemon that runs the old unit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from reeld_client.service.installing import install, uninstall
from reeld_client.service.models import Manager, ServiceInstalled, ServiceLogs, ServiceStatus


@dataclass
class FakeManager:
    """Remembers what it was told. Each start of the daemon has another pid."""

    path: Path
    name: str = "fake"
    restart_words: str = "fake restart"
    pid: int | None = None
    told: list[str] = field(default_factory=list)

    def rendered(self, command: list[str], release: str, *, own_runtime: bool) -> bytes:
        raise NotImplementedError

    def status(self) -> ServiceStatus:
        active, installed = self.pid is not None, self.path.exists()
        return ServiceStatus(
            installed=installed, enabled=installed, active=active, pid=self.pid, path=str(self.path), manager=self.name
        )

    def start(self, *, changed: bool, restart: bool) -> None:
        assert self.path.exists()
        self.told.append(f"start {changed=} {restart=}")
        self.pid = (self.pid or 100) + 1 if restart or self.pid is None else self.pid

    def stop(self) -> None:
        self.told.append("stop")
        self.pid = None

    def leftovers(self) -> list[Path]:
        return [self.path]

    def forget(self) -> None:
        assert not self.path.exists()
        self.told.append("forget")

    def warnings(self) -> list[str]:
        return ["no display"]

    def logs(self, count: int) -> ServiceLogs:
        raise NotImplementedError

    def follow_logs(self, count: int) -> NoReturn:
        raise NotImplementedError


@pytest.fixture
def manager(tmp_path: Path) -> FakeManager:
    return FakeManager(tmp_path / "units" / "reeld.service")


def outcome(done: ServiceInstalled) -> tuple[bool, bool, int | None]:
    return done.changed, done.restarted, done.pid


def test_the_first_time_it_is_written_and_started(manager: FakeManager) -> None:
    as_manager: Manager = manager
    done = install(as_manager, b"one", None)
    assert outcome(done) == (True, False, 101)
    assert done.active
    assert done.warnings == ["no display"]
    assert manager.path.read_bytes() == b"one"


def test_a_second_time_changes_nothing_and_starts_what_had_ended(manager: FakeManager) -> None:
    install(manager, b"one", None)
    assert outcome(install(manager, b"one", None)) == (False, False, 101)
    manager.pid = None
    assert outcome(install(manager, b"one", None)) == (False, False, 101)


def test_an_upgrade_restarts_the_daemon_only_for_another_file(manager: FakeManager) -> None:
    install(manager, b"one", None)
    assert outcome(install(manager, b"two", None)) == (True, True, 102)
    assert outcome(install(manager, b"two", None)) == (False, False, 102)


def test_an_upgrade_while_recording_costs_no_recorded_second_and_says_what_is_left_to_do(manager: FakeManager) -> None:
    install(manager, b"one", None)
    done = install(manager, b"two", "20261126-1")
    assert outcome(done) == (True, False, 101)
    assert "20261126-1" in done.warnings[0]
    assert "`fake restart`" in done.warnings[0]
    assert outcome(install(manager, b"two", "20261126-1")) == (False, False, 101)
    assert install(manager, b"two", "20261126-1").warnings == ["no display"]


def test_uninstall_stops_first_then_removes_then_forgets(manager: FakeManager) -> None:
    install(manager, b"one", None)
    manager.told.clear()
    done = uninstall(manager, None)
    assert (done.removed, done.warnings) == ([str(manager.path)], [])
    assert manager.told == ["stop", "forget"]


def test_uninstall_while_recording_says_which_session_it_ended(manager: FakeManager) -> None:
    install(manager, b"one", None)
    assert "20261126-1" in uninstall(manager, "20261126-1").warnings[0]
    # That one is recorded by a daemon of another's.
    assert uninstall(manager, "20261126-1").warnings == []


def test_what_was_never_installed_can_be_removed(manager: FakeManager) -> None:
    assert uninstall(manager, None).removed == []
