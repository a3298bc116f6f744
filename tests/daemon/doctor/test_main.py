"""The whole report as `reelctl doctor` gets it, of a real desk and of a broken machine."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from reeld.doctor import __main__ as doctor
from reeld.doctor import clock, display, encoders
from reeld_proto.doctor import CheckStatus, Examined, Finding
from tests.daemon.doctor.verdicts import statuses
from tests.support.desk import ONE_MONITOR, VirtualDesk

CHECKS = {
    "config", "display", "damage", "shared-memory", "monitors", "sound-server", "microphone", "output", "portaudio",
    "encoder-h264", "encoder-hevc", "encoder-av1", "encoder-hardware", "disk-space", "disk-speed", "clock-monotonic",
    "clock-civil", "reeld", "packages",
}  # fmt: skip


@pytest.mark.alone
def test_a_whole_desk_is_examined_within_five_seconds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reeld.doctor", "--store", str(tmp_path), "--with-config"]
    with VirtualDesk(ONE_MONITOR, sound=True) as desk:
        begun = time.monotonic()
        done = subprocess.run(command, env=desk.env, capture_output=True, timeout=30, check=True)
        took_s = time.monotonic() - begun
    examined = msgspec.json.decode(done.stdout, type=Examined)
    found = statuses(examined.findings)
    assert set(found) == CHECKS
    faults = [finding for finding in examined.findings if finding.status is CheckStatus.FAULT]
    assert not faults
    assert examined.config is not None
    assert took_s < 5.0


def test_checks_that_break_or_hang_do_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    def broken() -> list[Finding]:
        raise MemoryError("none left")

    end = threading.Event()

    def hung() -> list[Finding]:
        end.wait(30)
        return []

    monkeypatch.setattr(display, "check", broken)
    monkeypatch.setattr(clock, "check", hung)
    monkeypatch.setattr(encoders, "gather", dict)
    monkeypatch.setattr(doctor, "LIMIT_S", 1.0)
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    doctor.main(["--store", str(tmp_path)])
    end.set()
    examined = msgspec.json.decode(capfdbinary.readouterr().out, type=Examined)
    found = {finding.check: finding for finding in examined.findings}
    assert "MemoryError" in found["display"].detail
    assert "no answer" in found["clock"].detail
    assert found["disk-speed"].status is not CheckStatus.FAULT
    assert examined.config is None


@pytest.mark.parametrize(
    ("text", "word", "remedy"), [(None, "no config file", "config init"), ("[stor]\n", "stor", "config check")]
)
def test_a_config_file_with_faults_is_a_fault_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, word: str, remedy: str
) -> None:
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("REELD_CONFIG", str(path))
    config, findings = doctor.settings()
    assert config.record.fps == 30
    assert findings[0].status is CheckStatus.FAULT
    assert word in findings[0].detail
    assert remedy in findings[0].remedy
