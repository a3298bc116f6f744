"""Harm guarded against: sound that runs away from the session over hours, because a crystal is not exactly right."""

import os

import numpy as np
import pytest

from reeld.audio.samples import RATE
from tests.daemon.audio.crystals import Crystal, Ear, Lie, no_lie, record, runaway, wander

MINUTES = float(os.environ.get("REELD_CLOCK_MINUTES", "12"))


def slope_ppm(errors: list[tuple[float, float]]) -> float:
    at, error = np.array(errors).T
    return float(np.polyfit(at, error, 1)[0] * 1e6)


@pytest.mark.parametrize("lie", [wander, runaway, no_lie])
@pytest.mark.parametrize("ppm", [80.0, -50.0])
def test_a_long_recording_keeps_every_frame_within_10_ms_of_the_session(ppm: float, lie: Lie) -> None:
    """With late blocks, stated times that lie, and two losses of the device; heard in the output itself."""
    duration_s = MINUTES * 60
    losses = [(duration_s * part, duration_s * part + 10) for part in (1 / 3, 2 / 3)]
    ear = Ear()
    feed = record(Crystal(ppm, lie, seed=round(ppm) + 100), duration_s, losses, ear)
    assert ear.frames == duration_s * RATE
    assert ear.silent == feed.silent_frames
    assert abs(ear.silent - 20 * RATE) < RATE
    assert ear.worst_s <= 0.010
    assert ear.worst_step < 2, "frames"
    clock = feed.sound_clock()
    assert clock is not None
    print(ppm, lie.__name__, ear.worst_s, ear.worst_step, clock, ear.errors[::200][:30])
