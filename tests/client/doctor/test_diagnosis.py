"""The client's checks beside those of the daemon's package, which may be missing or broken."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reeld_client import daemon_package
from reeld_client.doctor.diagnosis import diagnose
from reeld_proto.doctor import CheckStatus, Examined, fault, fine
from reeld_proto.errors import InternalError

OWN = ["daemon", "sockets", "runtime-folder", "store-folder", "service", "incidents"]


def test_own_findings_come_first_and_a_fault_of_either_side_counts(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    asked: list[Any] = []

    def answer(module: str, words: list[str], *_rest: Any) -> Examined:
        asked.append((module, words))
        findings = [fine("display", "X")] if len(asked) == 1 else [fault("display", "none", "start one")]
        return Examined(findings=findings, config={"a": 1})

    monkeypatch.setattr(daemon_package, "ask", answer)
    found, config = diagnose(runtime, runtime / "store", with_config=True)
    assert [finding.check for finding in found.findings] == [*OWN, "display"]
    assert found.ok
    assert config == {"a": 1}
    assert asked == [("reeld.doctor", ["--store", str(runtime / "store"), "--with-config"])]
    assert not diagnose(runtime, runtime / "store")[0].ok
    assert asked[1] == ("reeld.doctor", ["--store", str(runtime / "store")])


def test_without_the_extra_the_rest_is_checked_and_what_to_install_told(
    monkeypatch: pytest.MonkeyPatch, runtime: Path, no_leaks: None
) -> None:
    monkeypatch.setattr(daemon_package, "find_spec", lambda name: None if name == "av" else find_spec(name))
    found, config = diagnose(runtime, runtime / "store", with_config=True)
    assert [finding.check for finding in found.findings] == [*OWN, "packages"]
    assert found.findings[-1].status is CheckStatus.WARNING
    assert "missing: av" in found.findings[-1].detail
    assert "reeld[daemon]" in found.findings[-1].remedy
    assert found.ok
    assert config is None


def test_a_package_that_breaks_is_a_fault_line_not_the_end(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    def broken(*_words: Any) -> Any:
        raise InternalError("ended with status -11", remedy="report it")

    monkeypatch.setattr(daemon_package, "ask", broken)
    found, _ = diagnose(runtime, runtime / "store")
    assert found.findings[-1] == fault("packages", "ended with status -11", "report it")
    assert not found.ok
