"""Which microphones and which computer sounds can be recorded now.

Linux asks the sound server (PulseAudio or PipeWire) through pulsectl: ids are its source names, and the monitor of an
output is computer sound. macOS asks PortAudio in a fresh process, because PortAudio's list is frozen when it starts.
"""

import subprocess
import sys

import msgspec

from reeld.audio import pulse
from reeld.audio.world import Devices

TIMEOUT_S = 2.0
"""Longest wait for the sound server: a healthy one answers in 10 ms."""
LISTING_TIMEOUT_S = 5.0
"""Longest wait for the listing process on macOS, which has to start Python and CoreAudio."""

NO_SERVER = (
    "no sound server can be reached; start PulseAudio or PipeWire (systemctl --user start pipewire-pulse),"
    " or set PULSE_SERVER"
)
NO_LISTING = "sound devices cannot be listed; check that PortAudio is installed (brew install portaudio)"


def list_pulse(timeout_s: float = TIMEOUT_S) -> Devices:
    """Sources of the sound server, sorted; empty with a warning when none answers within `timeout_s`."""
    world = pulse.ask(pulse.look, timeout_s)
    return Devices(warnings=[NO_SERVER]) if world is None else world.devices


def list_portaudio(command: list[str] | None = None) -> Devices:
    """PortAudio's inputs as a fresh process sees them; empty with a warning when it fails or hangs."""
    command = command or [sys.executable, "-m", "reeld.audio.listing"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LISTING_TIMEOUT_S, check=True)
        return msgspec.json.decode(done.stdout, type=Devices)
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return Devices(warnings=[NO_LISTING])


def list_devices() -> Devices:
    """Everything that can be recorded on this machine now. Blocks for up to `TIMEOUT_S`; any thread."""
    return list_portaudio() if sys.platform == "darwin" else list_pulse()
