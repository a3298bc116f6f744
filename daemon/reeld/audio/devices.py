"""Which microphones and which computer sounds can be recorded now.

Linux asks the sound server (PulseAudio or PipeWire) through pulsectl: ids are its source names, and the monitor of an
output is computer sound. macOS asks PortAudio in a fresh process, because PortAudio's list is frozen when it starts.
"""

import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from reeld_proto.records import AudioSource

TIMEOUT_S = 2.0
"""Longest wait for the sound server: a healthy one answers in 10 ms."""
LISTING_TIMEOUT_S = 5.0
"""Longest wait for the listing process on macOS, which has to start Python and CoreAudio."""

NO_SERVER = (
    "no sound server can be reached; start PulseAudio or PipeWire (systemctl --user start pipewire-pulse),"
    " or set PULSE_SERVER"
)
NO_LISTING = "sound devices cannot be listed; check that PortAudio is installed (brew install portaudio)"

_INVALID_INDEX = 0xFFFFFFFF  # PA_INVALID_INDEX in pulse/def.h


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `warnings` says why the lists are empty, with the remedy."""

    microphones: list[AudioSource] = msgspec.field(default_factory=list)
    system_audio: list[AudioSource] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)

    def ids(self) -> set[str]:
        """Ids of everything that can be recorded."""
        return {source.id for source in (*self.microphones, *self.system_audio)}


@dataclass
class _Deadline:
    """poll(2) for libpulse's main loop that gives up at a fixed instant, so that a hung server cannot hang us."""

    at_s: float

    def poll(self, fds: list[Any], timeout_s: float) -> int:
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        poller = select.poll()
        for item in fds:
            poller.register(item.fd, item.events)
        wait_s = left_s if timeout_s < 0 else min(timeout_s, left_s)
        ready = dict(poller.poll(max(0, int(wait_s * 1000))))
        for item in fds:
            item.revents = ready.get(item.fd, 0)
        return len(ready)


def _ask_server(question: Callable[[Any], Devices], timeout_s: float) -> Devices | None:
    """What `question` makes of a connection; None when no server answers in time. Never starts a server."""
    import pulsectl  # noqa: PLC0415 - only where there is something to list; costs 80 ms

    call_error: type[Exception] = pulsectl.pulsectl.c.pa.CallError
    deadline = _Deadline(time.monotonic() + timeout_s)
    pulse = pulsectl.Pulse("reeld", connect=False)
    try:
        pulse.set_poll_func(deadline.poll, lambda *_: None)
        # Not its own `timeout`, which waits until that is over even when the server answers at once.
        pulse.connect(autospawn=False)
        return question(pulse)
    except (pulsectl.PulseError, call_error):
        return None
    finally:
        pulse.close()


def _sort_sources(pulse: Any) -> Devices:
    server = pulse.server_info()
    outputs = {sink.name: sink.monitor_source_name for sink in pulse.sink_list()}
    default_output = outputs.get(server.default_sink_name)
    microphones: list[AudioSource] = []
    system_audio: list[AudioSource] = []
    for source in pulse.source_list():
        is_monitor = source.monitor_of_sink != _INVALID_INDEX
        default = source.name == (default_output if is_monitor else server.default_source_name)
        found = AudioSource(id=source.name, name=source.description or source.name, default=default)
        (system_audio if is_monitor else microphones).append(found)
    return Devices(microphones=microphones, system_audio=system_audio)


def list_pulse(timeout_s: float = TIMEOUT_S) -> Devices:
    """Sources of the sound server, sorted; empty with a warning when none answers within `timeout_s`."""
    return _ask_server(_sort_sources, timeout_s) or Devices(warnings=[NO_SERVER])


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
