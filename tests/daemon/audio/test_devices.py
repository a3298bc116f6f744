"""Harm guarded against: a list that hangs with the sound server, starts one, or takes speakers for microphones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reeld.audio import devices
from reeld.audio.devices import NO_LISTING, NO_SERVER, list_devices, list_portaudio, list_pulse
from reeld.audio.world import Devices
from tests.support.desk import VirtualDesk


def test_microphones_and_monitors_are_told_apart_by_the_servers_own_names(at_sound_desk: VirtualDesk) -> None:
    found = list_devices()
    assert [source.id for source in found.microphones] == ["virtual_mic"]
    assert {source.id for source in found.system_audio} == {"speakers.monitor", "mic_sink.monitor"}
    assert found.warnings == []
    assert "virtual_mic" in found.ids()


def test_the_defaults_are_those_of_the_server(at_sound_desk: VirtualDesk) -> None:
    at_sound_desk.run("pactl", "set-default-source", "virtual_mic")
    for sink in ("mic_sink", "speakers"):
        at_sound_desk.run("pactl", "set-default-sink", sink)
        found = list_devices()
        assert [source.id for source in found.system_audio if source.default] == [f"{sink}.monitor"]
        assert [source.id for source in found.microphones if source.default] == ["virtual_mic"]


def test_listing_leaves_nothing_open(at_sound_desk: VirtualDesk, no_leaks: None) -> None:
    for _ in range(5):
        list_devices()


def test_without_a_server_the_lists_are_empty_and_the_remedy_is_told(at_x_desk: VirtualDesk) -> None:
    assert list_devices() == Devices(warnings=[NO_SERVER])


def test_no_server_is_started_by_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PULSE_SERVER is unset here: libpulse would start a server of its own if it were allowed to."""
    launcher = tmp_path / "launcher"
    launcher.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    launcher.chmod(0o755)
    (tmp_path / "client.conf").write_text(f"autospawn = yes\ndaemon-binary = {launcher}\n")
    monkeypatch.setenv("PULSE_CLIENTCONFIG", str(tmp_path / "client.conf"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("PULSE_SERVER", raising=False)
    assert list_pulse().warnings
    assert not (tmp_path / "started").exists()


def test_a_server_that_hangs_does_not_hang_us(no_leaks: None) -> None:
    with VirtualDesk(sound=True) as desk:
        assert desk._pulse is not None
        os.kill(desk._pulse.pid, signal.SIGSTOP)
        try:
            code = "from reeld.audio.devices import list_pulse; print(list_pulse(timeout_s=0.5).warnings)"
            environment = {**desk.env, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            began = time.monotonic()
            out = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, timeout=10, check=True
            )
        finally:
            os.kill(desk._pulse.pid, signal.SIGCONT)
    assert b"no sound server" in out.stdout
    assert time.monotonic() - began < 5


def test_the_listing_of_a_mac_is_asked_in_a_fresh_process() -> None:
    answer = '{"microphones": [{"id": "Built-in", "name": "Built-in", "default": true}]}'
    found = list_portaudio([sys.executable, "-c", f"print({answer!r})"])
    assert [source.id for source in found.microphones] == ["Built-in"]


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "print('junk')"])
def test_a_listing_that_fails_is_a_warning(code: str) -> None:
    assert list_portaudio([sys.executable, "-c", code]) == Devices(warnings=[NO_LISTING])


def test_a_listing_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "LISTING_TIMEOUT_S", 0.2)
    assert list_portaudio([sys.executable, "-c", "input()"]).warnings == [NO_LISTING]
    assert list_portaudio(["no-such-program"]).warnings == [NO_LISTING]
