"""`reelctl doctor`: exit codes, the document, and what a person reads."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from reeld_client.doctor import bundle, diagnosis
from reeld_client.doctor.diagnosis import Diagnosis
from reeld_proto.doctor import Finding, fault, fine, warning
from tests.client.cli.reelctl import Reelctl

FINE = fine("display", "X11 on [:0]")
WARNS = warning("microphone", "it is muted", "Unmute it.")
FAILS = fault("disk-space", "1 MB free", "Free some disk.")


def finds(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    found = Diagnosis(ok=FAILS not in findings, findings=list(findings))

    def diagnosed(_runtime: Path, _store: Path, *, with_config: bool) -> Any:
        return found, {"record": {"fps": 30}} if with_config else None

    monkeypatch.setattr(diagnosis, "diagnose", diagnosed)


@pytest.mark.parametrize(("findings", "code"), [([FINE], 0), ([FINE, WARNS], 0), ([FINE, WARNS, FAILS], 6)])
def test_warnings_are_no_failure_and_faults_are(
    monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl, findings: list[Finding], code: int
) -> None:
    finds(monkeypatch, *findings)
    ran = reelctl("doctor", "--json")
    assert ran.code == code
    assert ran.json["ok"] == (code == 0)
    assert [list(each) for each in ran.json["findings"]] == [["check", "status", "detail", "remedy"]] * len(findings)
    assert reelctl("doctor").code == code


def test_a_person_reads_what_is_wrong_and_what_to_do(monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl) -> None:
    finds(monkeypatch, FINE, WARNS, FAILS)
    out = reelctl("doctor").out
    for word in ("✓ display", "X11 on [:0]", "! microphone", "→ Unmute it.", "✗ disk-space", "1 fault, 1 warning"):
        assert word in out
    finds(monkeypatch, FINE, WARNS)
    assert "no faults, 1 warning" in reelctl("doctor").out
    finds(monkeypatch, FINE)
    assert "in order" in reelctl("doctor").out


def test_a_bundle_is_written_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl, tmp_path: Path
) -> None:
    finds(monkeypatch, FINE, FAILS)
    monkeypatch.setattr(bundle, "journal", list)
    path = tmp_path / "help.zip"
    ran = reelctl("doctor", "--bundle", str(path), "--json")
    assert (ran.code, ran.json["bundle"]) == (6, str(path))
    with zipfile.ZipFile(path) as archive:
        assert "config.json" in archive.namelist()
    assert str(path) in reelctl("doctor", "--bundle", str(path)).out


def test_a_bundle_that_cannot_be_written_is_an_error(
    monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl, tmp_path: Path
) -> None:
    finds(monkeypatch, FINE)
    assert reelctl("doctor", "--bundle", str(tmp_path / "gone" / "b.zip")).code == 5

    def full(*_words: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "write_bundle", full)
    ran = reelctl("doctor", "--bundle", str(tmp_path / "b.zip"), "--json")
    assert (ran.code, ran.json["error"]["code"]) == (6, "disk-failed")


def test_it_works_without_a_daemon_from_end_to_end(
    monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl, tmp_path: Path
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("REELD_CONFIG", raising=False)
    ran = reelctl("doctor", "--json")
    found = {each["check"]: each["status"] for each in ran.json["findings"]}
    assert ran.code == 6
    assert found["daemon"] == "ok"
    assert found["display"] == "fault"
    assert found["sound-server"] == "warning"
    assert found["encoder-h264"] == "ok"
