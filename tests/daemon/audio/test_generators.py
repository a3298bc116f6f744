"""Harm guarded against: a test tone that clicks between blocks or creeps out of tune over hours."""

import numpy as np

from reeld.audio.generators import silence_reader, tone_reader
from reeld.audio.samples import RATE, join
from reeld_proto.sound_graph import ToneNode


def test_a_tone_goes_on_where_it_stopped() -> None:
    read = tone_reader(ToneNode(name="t", frequency_hz=997.0, level_db=-6.0))
    found = join([read(frames) for frames in (1, 479, 4800, 0, 13)])
    wave = 10 ** (-6 / 20) * np.sin(2 * np.pi * 997 * np.arange(len(found)) / RATE)
    assert np.abs(found[:, 0] - wave).max() < 1e-6
    assert np.array_equal(found[:, 0], found[:, 1])


def test_after_minutes_it_is_still_in_phase() -> None:
    read = tone_reader(ToneNode(name="t", frequency_hz=1000.0))
    for _ in range(3):
        read(3600)
    first = read(48)
    for _ in range(5):
        read(RATE * 60)  # whole periods
    assert np.allclose(read(48), first, atol=1e-7)


def test_silence_is_as_long_as_asked_for() -> None:
    assert silence_reader()(7).shape == (7, 2)
    assert not silence_reader()(7).any()
