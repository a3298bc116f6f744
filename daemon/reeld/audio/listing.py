"""Prints PortAudio's input devices as JSON: `python -m reeld.audio.listing`, run by `devices.list_portaudio`."""

import sys
from typing import Any

import msgspec

from reeld.audio.world import Devices
from reeld_proto.records import AudioSource

_LOOPBACK_WORDS = ("blackhole", "loopback", "soundflower", "background music", "monitor")
"""Names of the virtual inputs that carry a Mac's own sound; macOS offers none by itself."""


def sort_devices(devices: list[dict[str, Any]], default_index: int) -> Devices:
    """`devices` as `sounddevice.query_devices` gives them. The first loopback is the default system audio."""
    microphones: list[AudioSource] = []
    system_audio: list[AudioSource] = []
    for index, device in enumerate(devices):
        if device["max_input_channels"] < 1:
            continue
        name = device["name"]
        if any(word in name.lower() for word in _LOOPBACK_WORDS):
            system_audio.append(AudioSource(id=name, name=name, default=not system_audio))
        else:
            microphones.append(AudioSource(id=name, name=name, default=index == default_index))
    return Devices(microphones=microphones, system_audio=system_audio)


def main() -> None:
    """Write one JSON document to standard output."""
    import sounddevice  # noqa: PLC0415 - initialises PortAudio, which is what this process is for

    found = sort_devices(list(sounddevice.query_devices()), sounddevice.default.device[0])
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
