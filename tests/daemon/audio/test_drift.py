"""Harm guarded against: sound that runs away from the session over hours, because a crystal is not exactly right.

`REELD_CLOCK_MINUTES` says how long a recording is simulated: six minutes, two hours in `make soak`.
"""

import os

import numpy as np
import pytest

from reeld.audio.samples import RATE
from tests.daemon.audio.crystals import Crystal, Ear, Lie, no_lie, record, runaway, steps, swing, wander

MINUTES = float(os.environ.get("REELD_CLOCK_MINUTES", "6"))
FOUND_S = 75
"""So long after a device was opened its drift has been found and taken back."""


def steady(ear: Ear, opened_s: list[float]) -> list[tuple[float, float]]:
    """What was heard once drift had been found after each opening: seconds, error in seconds."""
    return [(at, error) for at, error in ear.errors if all(not 0 <= at - each < FOUND_S for each in opened_s)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("ppm", "lie"), [(80.0, wander), (-50.0, wander), (80.0, runaway), (-50.0, no_lie)])
def test_every_frame_of_a_long_recording_is_within_10_ms_of_the_session(ppm: float, lie: Lie) -> None:
    """With 1 % late blocks, stated times that lie, and two losses of the device; heard in the output itself."""
    duration_s = MINUTES * 60
    losses = [(duration_s * part, duration_s * part + 10) for part in (1 / 3, 2 / 3)]
    ear = Ear()
    feed = record(Crystal(ppm, lie, seed=round(ppm) + 100), duration_s, losses, ear)
    assert ear.frames == duration_s * RATE
    assert ear.silent == feed.silent_frames
    # A device is lost and opened between two turns of the pump.
    assert 0 <= ear.silent - 20 * RATE < 0.5 * RATE
    assert ear.judged > 0.9 * (ear.frames - ear.silent)
    assert ear.worst_s <= 0.010
    assert ear.worst_step < 1, "frames"
    clock = feed.sound_clock()
    assert clock is not None
    assert abs(clock.ppm - ppm) < 1
    found = steady(ear, [0, *(end for _, end in losses)])
    # The first place is as good as the times that were stated then; while they lie nothing better is known.
    assert max(abs(error) for _, error in found) < (0.002 if lie is not no_lie else 0.001)
    stretch = np.array([each for each in found if each[0] < losses[0][0]])
    assert abs(np.polyfit(stretch[:, 0], stretch[:, 1], 1)[0]) * 60 < 0.001, "seconds a minute"
    print(f"\n{ppm:+} ppm, {lie.__name__}: {ear.worst_s * 1000:.2f} ms at worst, fitted {clock.ppm:+.2f} ppm")


@pytest.mark.parametrize("lie", [wander, runaway])
def test_a_clock_that_agrees_leaves_every_sample_untouched(lie: Lie) -> None:
    """However the server lies, nothing is resampled: frames follow each other as the device captured them."""
    ear = Ear()
    feed = record(Crystal(0.0, lie, late=0.01), 150, [], ear)
    clock = feed.sound_clock()
    assert clock is not None
    assert clock.corrected_ms == 0
    assert abs(clock.ppm) < 3
    assert ear.worst_s < 0.003
    assert ear.worst_step < 0.05


@pytest.mark.parametrize("ppm", [80.0, 0.0])
def test_where_nothing_is_steady_the_sound_stays_within_10_ms_all_the_same(ppm: float) -> None:
    """What is unsure is not acted upon; what minutes make sure is."""
    ear = Ear()
    feed = record(Crystal(ppm, swing, delay=steps, seed=4), 400, [], ear)
    clock = feed.sound_clock()
    assert clock is not None
    assert abs(clock.ppm - ppm) < 25
    assert ear.worst_s <= 0.010
    assert ear.silent == feed.silent_frames < 3 * RATE
    if ppm == 0:
        assert abs(clock.corrected_ms) < 10
