"""The whole report as `reelctl doctor` gets it, of a real desk and of a broken machine."""

import os
import signal
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
from tests.support.installation import is_alive
from tests.support.wait import until

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


@pytest.mark.alone
def test_servers_that_hang_are_told_in_time_and_hide_nothing(tmp_path: Path) -> None:
    """A hung server is what a person runs this for. Both accept connections and never answer, as stopped ones do."""
    command = [sys.executable, "-m", "reeld.doctor", "--store", str(tmp_path)]
    with VirtualDesk(ONE_MONITOR, sound=True) as desk:
        servers = [server.pid for server in (desk._server, desk._pulse) if server is not None]
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            done = subprocess.run(command, env=desk.env, capture_output=True, timeout=30, check=True)
            took_s = time.monotonic() - begun
        finally:
            for pid in servers:
                os.kill(pid, signal.SIGCONT)
    assert len(servers) == 2
    found = statuses(msgspec.json.decode(done.stdout, type=Examined).findings)
    assert found["display"] is CheckStatus.FAULT
    assert found["sound-server"] is CheckStatus.WARNING
    assert found["portaudio"] is CheckStatus.FAULT
    assert found["encoder-h264"] is CheckStatus.OK
    assert found["disk-space"] is not CheckStatus.FAULT
    assert took_s < 7.0


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


def test_nothing_that_hangs_is_left_behind() -> None:
    """A trial of a broken driver would otherwise stay for ever."""
    code = """
import subprocess, threading
from reeld.doctor.__main__ import leave
threading.Thread(target=threading.Event().wait).start()
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
leave()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)
    pid = int(done.stdout)
    until(lambda: not is_alive(pid), 5, what="the end of what hung")


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
