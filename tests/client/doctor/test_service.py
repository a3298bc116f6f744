"""Whether reeld starts at login, as the service manager tells it."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reeld_client.doctor import service
from reeld_client.doctor.service import ServiceFacts, judge, read_properties
from reeld_client.service.launchd import LABEL
from reeld_client.service.systemd import UNIT
from reeld_proto.doctor import CheckStatus

GOOD = ServiceFacts(installed=True, manager=True, enabled="enabled", active="active")


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (GOOD, CheckStatus.OK),
        (ServiceFacts(installed=False, manager=True), CheckStatus.WARNING),
        (ServiceFacts(installed=True, manager=False), CheckStatus.WARNING),
        (replace(GOOD, enabled="disabled"), CheckStatus.WARNING),
        (replace(GOOD, active="inactive"), CheckStatus.WARNING),
        (replace(GOOD, active="failed"), CheckStatus.FAULT),
        (replace(GOOD, active="failed", enabled="disabled"), CheckStatus.FAULT),
    ],
)
def test_the_verdict(facts: ServiceFacts, status: CheckStatus) -> None:
    found = judge(facts)
    assert found.status is status
    assert bool(found.remedy) == (status is not CheckStatus.OK)


def systemctl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Let `systemctl` be a script with this body."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")


SHOWS = "printf 'LoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\n'"


def test_what_systemd_says_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    systemctl(monkeypatch, tmp_path, f"{SHOWS} loaded active enabled")
    assert service.gather() == GOOD
    assert service.check()[0].status is CheckStatus.OK


def test_a_unit_that_systemd_does_not_know_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    systemctl(monkeypatch, tmp_path, f"{SHOWS} not-found inactive ''")
    assert not service.gather().installed


@pytest.mark.parametrize("body", ["exit 1", "exec sleep 60"])
def test_without_a_service_manager_the_file_is_looked_at_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
) -> None:
    systemctl(monkeypatch, tmp_path, body)
    monkeypatch.setattr(service, "LIMIT_S", 0.3)
    unit = tmp_path / "systemd" / "user" / UNIT
    unit.parent.mkdir(parents=True)
    unit.touch()
    assert service.gather() == ServiceFacts(installed=True, manager=False)


def test_the_names_are_those_of_the_shipped_files() -> None:
    root = Path(__file__).parents[3]
    assert (root / "systemd" / UNIT).exists()
    assert (root / "launchd" / f"{LABEL}.plist").exists()
    assert read_properties("A=b=c\njunk\n") == {"A": "b=c"}
