"""Harm guarded against: on a Mac, the computer's own sound offered as a microphone, or the other way round."""

import os
import subprocess
import sys

import msgspec

from reeld.audio.listing import sort_devices
from reeld.audio.world import Devices
from tests.support.desk import VirtualDesk

MAC = [
    {"name": "MacBook Pro Speakers", "max_input_channels": 0},
    {"name": "MacBook Pro Microphone", "max_input_channels": 1},
    {"name": "BlackHole 2ch", "max_input_channels": 2},
    {"name": "Headset", "max_input_channels": 1},
]


def test_outputs_are_left_out_and_loopbacks_are_system_audio() -> None:
    found = sort_devices(MAC, default_index=3)
    assert [(source.id, source.default) for source in found.microphones] == [
        ("MacBook Pro Microphone", False),
        ("Headset", True),
    ]
    assert [(source.id, source.default) for source in found.system_audio] == [("BlackHole 2ch", True)]


def test_a_machine_without_inputs_has_empty_lists() -> None:
    assert sort_devices(MAC[:1], default_index=-1) == Devices()


def test_the_process_prints_what_portaudio_sees(sound_desk: VirtualDesk) -> None:
    environment = {**sound_desk.env, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-m", "reeld.audio.listing"], env=environment, capture_output=True, timeout=20, check=True
    )
    found = msgspec.json.decode(done.stdout, type=Devices)
    assert "pulse" in found.ids()
