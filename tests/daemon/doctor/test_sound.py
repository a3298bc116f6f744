"""The verdict on sound, and a look at a real server: a muted microphone records hours of silence unnoticed."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reeld.audio import pulse
from reeld.doctor import sound
from reeld.doctor.sound import Device, PortAudioFacts, SoundFacts, judge, judge_portaudio
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses
from tests.support.desk import VirtualDesk, desk_environment

GOOD = SoundFacts("PulseAudio 16.1", Device("Microphone", muted=False), Device("Speakers", muted=False))


def test_a_server_with_devices_is_in_order() -> None:
    assert statuses(judge(GOOD)) == {"sound-server": OK, "microphone": OK, "output": OK}


def test_no_server_is_a_warning_because_pictures_are_recorded_all_the_same() -> None:
    assert statuses(judge(SoundFacts())) == {"sound-server": WARNING}


@pytest.mark.parametrize("kind", ["microphone", "output"])
def test_a_device_that_is_missing_or_muted_is_named(kind: str) -> None:
    for device in (None, Device("Quiet One", muted=True)):
        facts = replace(GOOD, microphone=device) if kind == "microphone" else replace(GOOD, output=device)
        found = judge(facts)
        assert {check for check, status in statuses(found).items() if status is WARNING} == {kind}
    assert any("Quiet One" in finding.detail for finding in found)


def test_a_real_server_tells_devices_and_that_one_is_muted(no_leaks: None) -> None:
    with VirtualDesk(sound=True) as desk, desk_environment(desk):
        desk.set_default("source", "virtual_mic")
        desk.set_default("sink", "speakers")
        before = pulse.ask(sound.look, 5.0)
        desk.run("pactl", "set-source-mute", "virtual_mic", "1")
        after = pulse.ask(sound.look, 5.0)
        desk.set_default("source", "speakers.monitor")
        without = pulse.ask(sound.look, 5.0)
    assert before is not None
    assert after is not None
    assert without is not None
    assert before.server is not None
    assert before.server.startswith("pulseaudio")
    assert before.microphone == Device("Virtual_Microphone", muted=False)
    assert before.output == Device("Speakers", muted=False)
    assert after.microphone == Device("Virtual_Microphone", muted=True)
    # What an output plays is no microphone, though the server may call it the default source.
    assert without.microphone is None


def test_portaudio_that_cannot_be_loaded_or_does_not_reach_the_server_is_a_fault() -> None:
    with_pulse = PortAudioFacts(version="19", devices=["hw", "pulse"])
    without = PortAudioFacts(version="19", devices=["hw"])
    assert statuses(judge_portaudio(with_pulse, needs_pulse=True)) == {"portaudio": OK}
    assert statuses(judge_portaudio(without, needs_pulse=False)) == {"portaudio": OK}
    assert statuses(judge_portaudio(without, needs_pulse=True)) == {"portaudio": FAULT}
    assert statuses(judge_portaudio(PortAudioFacts(failure="no library"), needs_pulse=False)) == {"portaudio": FAULT}


def test_portaudio_is_really_loaded_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    found = sound.check_portaudio()
    assert statuses(found) == {"portaudio": OK}
    assert "PortAudio" in found[0].detail


@pytest.mark.parametrize(("body", "word"), [("sleep 30", "0.3 s"), ("false", "status 1"), ("echo junk", "status 0")])
def test_a_portaudio_that_hangs_or_crashes_is_a_fault_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, word: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nexec {body}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sound, "PORTAUDIO_LIMIT_S", 0.3)
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    found = sound.check_portaudio()
    assert statuses(found) == {"portaudio": FAULT}
    assert word in found[0].detail
