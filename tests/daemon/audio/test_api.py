"""Harm guarded against: fakes that behave better than devices, so that everything tested with them proves nothing.

The same checks run over the live fake and over PortAudio on a real sound server.
"""

import sys

import numpy as np

from reeld.audio.api import Block, SoundSource
from reeld.audio.samples import CHANNELS
from reeld.runtime.clock import monotonic_ns
from tests.daemon.audio.fakes import LiveSource, tone
from tests.daemon.audio.test_portaudio import check
from tests.support.desk import VirtualDesk
from tests.support.wait import until


def check_source(source: SoundSource) -> None:
    """What the recorder relies on."""
    opened_ns = monotonic_ns()
    blocks: list[Block] = []

    def has_enough() -> bool:
        blocks.extend(source.read())
        return len(blocks) >= 5

    until(has_enough, 8, what="sound")
    assert source.rate > 0
    assert not source.ended
    assert source.failure == ""
    expected = blocks[0].frame
    for block in blocks:
        assert block.samples.dtype == np.float32
        assert block.samples.shape[1] == CHANNELS
        assert np.abs(block.samples).max() <= 1
        assert block.frame == expected, "frames are numbered without holes"
        expected += len(block.samples)
        assert opened_ns - 10**9 < block.arrived_ns <= monotonic_ns()
    assert [block.arrived_ns for block in blocks] == sorted(block.arrived_ns for block in blocks)
    statistics = source.statistics()
    assert statistics.unit == "frames"
    assert statistics.dropped == 0
    source.close()
    source.close()


def test_the_live_fake_keeps_the_contract() -> None:
    check_source(LiveSource(lambda start, frames: tone(440, start, frames)))


def test_portaudio_keeps_the_contract(sound_desk: VirtualDesk) -> None:
    assert sys.modules.get("sounddevice") is None, "PortAudio is loaded by workers, never by what only imports the box"
    check(
        sound_desk, "from tests.daemon.audio.test_api import check_source\ncheck_source(PortAudioSource('virtual_mic'))"
    )
