"""Loads PortAudio and prints what it has as JSON: `python -m reeld.doctor.portaudio`, run by `reeld.doctor.sound`."""

import sys

import msgspec

from reeld.doctor.sound import PortAudioFacts


def main() -> None:
    """Write one JSON document to standard output."""
    try:
        import sounddevice  # noqa: PLC0415 - initialises PortAudio, which is what this process is for

        names = [str(each["name"]) for each in sounddevice.query_devices()]
        # "PortAudio V19.6.0-devel, revision 396fe4b…": what follows the comma helps nobody.
        facts = PortAudioFacts(version=str(sounddevice.get_portaudio_version()[1]).partition(",")[0], devices=names)
    except (ImportError, OSError) as error:
        facts = PortAudioFacts(failure=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(facts))


if __name__ == "__main__":
    main()
