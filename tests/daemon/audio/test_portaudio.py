"""Harm guarded against: the wrong source recorded, times that lie, a device that cannot be told from a broken one.

PortAudio is global to a process and keeps what it found when it started, so each check runs in a process of its own.
"""

import os
import subprocess
import sys

import pytest

from tests.daemon.audio.harness import Player
from tests.support.desk import VirtualDesk

PRELUDE = """
import time
import numpy as np
from reeld.audio.portaudio import PortAudioSource
from reeld.audio.samples import RATE
from reeld_proto.errors import RequestRejected
from tests.support.media import tone_level_db
from tests.support.wait import until

def heard(source, frames=RATE // 2):
    blocks = []
    until(lambda: blocks.extend(source.read()) or sum(len(b.samples) for b in blocks) >= frames, 8)
    return blocks

def level(blocks, hz):
    return tone_level_db(np.concatenate([b.samples for b in blocks])[-RATE // 4:, 0], hz)

def refusal(device):
    try:
        PortAudioSource(device)
    except RequestRejected as error:
        return error.code.value
"""


def check(desk: VirtualDesk, code: str) -> None:
    environment = {**desk.env, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_two_streams_of_one_process_record_two_sources(sound_desk: VirtualDesk) -> None:
    players = [Player(sound_desk, "speakers", 1000), Player(sound_desk, "mic_sink", 600)]
    check(
        sound_desk,
        """
system, mic = PortAudioSource("speakers.monitor"), PortAudioSource("virtual_mic")
a, b = heard(system), heard(mic)
assert level(a, 1000) > -20 and level(a, 600) < -60, (level(a, 1000), level(a, 600))
assert level(b, 600) > -20 and level(b, 1000) < -60, (level(b, 600), level(b, 1000))
assert [x.frame for x in a] == list(np.cumsum([0] + [len(x.samples) for x in a])[:-1])
assert system.rate == RATE and not system.ended and system.failure == ""
for source in (system, mic):
    source.close(); source.close()
""",
    )
    for player in players:
        player.stop()


def test_times_are_monotonic_even_if_portaudio_counts_by_the_civil_clock(sound_desk: VirtualDesk) -> None:
    player = Player(sound_desk, "speakers", 1000)
    check(
        sound_desk,
        """
source = PortAudioSource("speakers.monitor")
blocks = heard(source, 3 * RATE)
now = time.monotonic_ns()
assert all(now - 9e9 < b.arrived_ns <= now for b in blocks)
last = blocks[-1]
age_ms = (last.arrived_ns - last.adc_ns) / 1e6
assert -50 < age_ms < 400, age_ms
source.close()
""",
    )
    player.stop()


def test_an_unknown_device_is_refused_instead_of_recording_another_one(sound_desk: VirtualDesk) -> None:
    check(sound_desk, 'assert refusal("banana") == "not-found", refusal("banana")')


def test_without_a_server_portaudio_is_not_even_loaded(x_desk: VirtualDesk) -> None:
    check(x_desk, 'import sys\nassert refusal("x") == "no-audio"\nassert "sounddevice" not in sys.modules')


def test_portaudio_that_started_before_the_server_still_finds_it() -> None:
    with VirtualDesk(sound=True) as desk:
        check(
            desk,
            """
import os
server = os.environ["PULSE_SERVER"]
os.environ["PULSE_SERVER"] = "unix:/nowhere"
import sounddevice
assert not any(d["name"] == "pulse" for d in sounddevice.query_devices())
os.environ["PULSE_SERVER"] = server
source = PortAudioSource("speakers.monitor")
heard(source, 1)
source.close()
""",
        )


def test_a_killed_server_ends_the_stream_and_a_new_one_can_be_opened() -> None:
    with VirtualDesk(sound=True) as desk:
        assert desk._pulse is not None
        player = Player(desk, "speakers", 1000)
        check(
            desk,
            f"""
import os
source = PortAudioSource("speakers.monitor")
heard(source, 1)
os.kill({desk._pulse.pid}, 9)
until(lambda: source.ended, 5)
source.close()
assert refusal("speakers.monitor") == "no-audio"
""",
        )
        desk._pulse.wait()
        player.kill()


def test_digital_silence_is_told_from_sound(sound_desk: VirtualDesk) -> None:
    check(
        sound_desk,
        """
from reeld.audio.ring import BlockRing
source = PortAudioSource.__new__(PortAudioSource)
source._ring, source._sounded_ns = BlockRing("x"), None
zeros = np.zeros((480, 2), np.float32)
source._ring.write(zeros, 480, 1, 1)
assert len(source.read()) == 1 and source.sounded_ns is None
blip = zeros.copy(); blip[7, 1] = -1e-9
source._ring.write(blip, 480, 2, 2); source._ring.write(zeros, 480, 3, 3)
assert len(source.read()) == 2 and source.sounded_ns == 2
source._ring.write(zeros - 0.0, 480, 4, 4)
source.read()
assert source.sounded_ns == 2
source._ring.write(blip + 1, 480, 5, 5)
source.read()
assert source.sounded_ns == 5
""",
    )


def test_a_macs_new_device_is_found_by_a_new_list_and_only_while_no_other_is_open(sound_desk: VirtualDesk) -> None:
    check(
        sound_desk,
        """
from reeld.audio import devices, portaudio
from reeld.audio.api import DevicesStale
from reeld.audio.world import Devices
from reeld_proto.records import AudioSource
class PortAudio:
    def __init__(self): self.listed, self.there = [], ["Built-in"]; self._initialize()
    def _terminate(self): self.listed = []
    def _initialize(self): self.listed = list(self.there)
    def query_devices(self): return [{"name": name} for name in self.listed]
library = PortAudio()
asked = []
def listing():
    asked.append(1)
    return Devices(microphones=[AudioSource(id=name, name=name, default=False) for name in library.there])
devices.list_portaudio = listing
portaudio._require_input(library, "Built-in")
assert not asked, "a fresh process for nothing"
library.there.append("USB")
portaudio._open_streams = 1
try:
    portaudio._require_input(library, "USB")
    raise SystemExit("listed anew under an open stream")
except DevicesStale:
    assert library.listed == ["Built-in"]
portaudio._open_streams = 0
portaudio._require_input(library, "USB")
assert library.listed == ["Built-in", "USB"]
try:
    portaudio._require_input(library, "banana")
    raise SystemExit("found")
except RequestRejected as error:
    assert error.code.value == "not-found"
""",
    )


@pytest.mark.parametrize("stated", [0.0, 1e9])
def test_a_driver_that_states_no_time_is_placed_by_delivery(x_desk: VirtualDesk, stated: float) -> None:
    check(
        x_desk,
        f"""
import types, threading
from reeld.audio.ring import BlockRing
source = PortAudioSource.__new__(PortAudioSource)
source._ring, source._overruns, source._failure, source._finished = BlockRing("x"), 0, "", threading.Event()
times = types.SimpleNamespace(currentTime=5e8, inputBufferAdcTime={stated})
status = types.SimpleNamespace(input_overflow=True)
source._receive(np.zeros((480, 2), np.float32), 480, times, status)
(block,) = source.read()
assert block.arrived_ns - block.adc_ns == 10_000_000
assert source.overruns == 1
source._receive(None, 480, times, status)
assert source.ended and source.failure
""",
    )
