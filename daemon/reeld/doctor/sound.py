"""The sound server, its default devices, and PortAudio, through which sound is recorded."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import msgspec

from reeld.audio import devices, pulse
from reeld_proto.doctor import Finding, fault, fine, warning

SERVER_LIMIT_S = 1.5
PORTAUDIO_LIMIT_S = 3.5
"""Longest wait for the process that loads PortAudio: it probes every device, about 0.3 s."""

_INVALID_INDEX = 0xFFFFFFFF  # PA_INVALID_INDEX in pulse/def.h


@dataclass(frozen=True)
class Device:
    """The default device of one kind."""

    name: str
    muted: bool


@dataclass(frozen=True)
class SoundFacts:
    """What a sound server says; without one `server` is None."""

    server: str | None = None
    microphone: Device | None = None
    output: Device | None = None


def judge(facts: SoundFacts) -> list[Finding]:
    """Sound that is missing is a warning: sessions start without it."""
    if facts.server is None:
        remedy = "Start PulseAudio or PipeWire (systemctl --user start pipewire-pulse), or set PULSE_SERVER."
        return [warning("sound-server", "none can be reached: only pictures are recorded", remedy)]
    return [
        fine("sound-server", facts.server),
        _device("microphone", facts.microphone, "Connect one, or choose a default source in the sound settings."),
        _device("output", facts.output, "Connect one, or choose a default output in the sound settings."),
    ]


def _device(kind: str, found: Device | None, remedy: str) -> Finding:
    if found is None:
        return warning(kind, f"there is no default {kind}", remedy)
    if found.muted:
        about = f"{found.name} is muted: silence is recorded"
        return warning(kind, about, "Unmute it in the sound settings (pavucontrol, or pactl set-…-mute).")
    return fine(kind, found.name)


def look(server: Any) -> SoundFacts:
    """What `pulse.ask` is to ask. Server and devices by the names a person knows."""
    about = server.server_info()
    sources = {each.name: each for each in server.source_list()}
    sinks = {each.name: each for each in server.sink_list()}

    def device(found: Any) -> Device | None:
        return None if found is None else Device(found.description or found.name, bool(found.mute))

    microphone = sources.get(about.default_source_name)
    # With no microphone at all the server names an output's monitor as its default source.
    if microphone is not None and microphone.monitor_of_sink != _INVALID_INDEX:
        microphone = None
    name = f"{about.server_name} {about.server_version}"
    return SoundFacts(name, device(microphone), device(sinks.get(about.default_sink_name)))


def check() -> list[Finding]:
    """The findings about server and devices. Blocks for `SERVER_LIMIT_S` at most."""
    if sys.platform == "darwin":
        found = devices.list_portaudio()
        kinds = [
            next((Device(each.name, muted=False) for each in listed if each.default), None)
            for listed in (found.microphones, found.system_audio)
        ]
        return judge(SoundFacts(None if found.warnings else "CoreAudio", *kinds))
    return judge(pulse.ask(look, SERVER_LIMIT_S) or SoundFacts())


class PortAudioFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a fresh process says that loaded PortAudio. failure: why it could not."""

    version: str = ""
    devices: list[str] = []
    failure: str = ""


def judge_portaudio(facts: PortAudioFacts, *, needs_pulse: bool) -> list[Finding]:
    """needs_pulse: whether a sound server runs that only PortAudio's `pulse` device reaches."""
    if facts.failure:
        remedy = "Install it: apt install libportaudio2, or brew install portaudio."
        return [fault("portaudio", f"it cannot be loaded: {facts.failure}", remedy)]
    if needs_pulse and "pulse" not in facts.devices:
        about = "it does not reach the sound server: there is no device `pulse`"
        return [fault("portaudio", about, "Install ALSA's PulseAudio plugin: apt install libasound2-plugins.")]
    return [fine("portaudio", facts.version)]


def check_portaudio() -> list[Finding]:
    """The findings about PortAudio, loaded in a process of its own: a broken driver may hang or crash it."""
    command = [sys.executable, "-m", "reeld.doctor.portaudio"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PORTAUDIO_LIMIT_S, check=False)
        facts = msgspec.json.decode(done.stdout, type=PortAudioFacts)
    except subprocess.TimeoutExpired:
        facts = PortAudioFacts(failure=f"no answer within {PORTAUDIO_LIMIT_S:g} s")
    except msgspec.DecodeError:
        facts = PortAudioFacts(failure=f"its process ended with status {done.returncode}")
    if facts.failure:
        return judge_portaudio(facts, needs_pulse=False)
    needs_pulse = sys.platform != "darwin" and pulse.ask(lambda _: True, SERVER_LIMIT_S) is True
    return judge_portaudio(facts, needs_pulse=needs_pulse)
