"""Harm guarded against: a click, a lost or shifted sample where the speed of a device's sound is changed."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.samples import RATE, Samples, join
from reeld.audio.varispeed import Varispeed
from tests.daemon.audio.fakes import counting, tone

FLOAT = 1e-6
"""Rounding in the filter's float32 arithmetic, of the value: half a frame at frame 480,000."""


def slope(start: int, frames: int) -> Samples:
    """Frame n holds n / 2**22: wherever it is resampled, the value says which input frame is heard."""
    return counting(start - 1, frames)


def run(speed: Varispeed, frames: int, *, block: int = 4800, steer: dict[int, float] | None = None) -> Samples:
    """The whole output for `frames` frames of `slope` in blocks; at block i the speed becomes `steer[i]`."""
    out = []
    for index in range(frames // block):
        if steer and index in steer:
            speed.steer(steer[index])
        out.append(speed.push(slope(index * block, block)))
    return join([*out, speed.flush()])


def heard(out: Samples) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Which input frame each output frame holds."""
    return out[:, 0].astype(np.float64) * 2**22


def test_at_the_devices_own_pace_every_bit_is_untouched() -> None:
    noise = np.random.default_rng(1).standard_normal((48_000, 2)).astype(np.float32)
    speed = Varispeed(RATE)
    out = join([speed.push(noise[at : at + 480]) for at in range(0, 48_000, 480)])
    assert np.array_equal(out, noise)
    assert speed.place(48_000) == 48_000


@pytest.mark.parametrize("ppm", [80.0, -50.0, 500.0, -2.0])
def test_every_frame_is_where_the_map_says(ppm: float) -> None:
    out = heard(run(Varispeed(RATE, ppm=ppm), 480_000))
    expected = np.arange(len(out)) * (1 + ppm * 1e-6)
    assert abs(len(out) - 480_000 / (1 + ppm * 1e-6)) <= 1
    # The beginning and the end are edges for the filter.
    assert np.all(np.abs(out - expected)[3000:-3000] < 0.06 + FLOAT * expected[3000:-3000])


def test_each_change_of_speed_is_without_a_step_and_known_to_the_frame() -> None:
    speed = Varispeed(RATE)
    changes = {10: 80.0, 30: -120.0, 50: 3.0, 80: 0.0}
    out = []
    places = []
    for index in range(120):
        if index in changes:
            speed.steer(changes[index])
        if not speed.changing:
            places.append((index * 4800, speed.place(index * 4800)))
        out.append(speed.push(slope(index * 4800, 4800)))
    sound = heard(join([*out, speed.flush()]))
    steps = np.diff(sound)[:-3000]
    assert np.abs(steps - 1).max() < 0.6, "one frame follows the other"
    for frame, place in places[1:-1]:
        assert abs(np.interp(place, np.arange(len(sound)), sound) - frame) < 0.1 + FLOAT * frame


@pytest.mark.parametrize("target", [0.0, 35.0, 180.0])
def test_a_tone_does_not_click_when_the_speed_changes(target: float) -> None:
    """A click is broad: nothing of the tone of 997 Hz may be found above 4 kHz, in any 20 ms."""
    speed = Varispeed(RATE, ppm=100.0)
    out = []
    for index in range(40):
        if index == 15:
            speed.steer(target)
        out.append(speed.push(tone(997, index * 4800, 4800)))
    sound = join(out)[4000:-4000, 0].astype(np.float64)
    shape = np.blackman(1024)
    for at in range(0, len(sound) - 1024, 256):
        levels = np.abs(np.fft.rfft(sound[at : at + 1024] * shape))
        assert levels[1024 * 4000 // RATE :].max() < levels.max() * 10 ** (-90 / 20)


def distortion_db(hz: float, ppm: float) -> float:
    """What is left of the output beside the tone that it should be, whose gain and phase are fitted."""
    speed = Varispeed(RATE, ppm=ppm)
    sound = join([speed.push(tone(hz, at, 4800, level=0.5)) for at in range(0, 480_000, 4800)])
    sound64 = sound[100_000:300_000, 0].astype(np.float64)
    angle = 2 * np.pi * hz * (1 + ppm * 1e-6) * np.arange(100_000, 300_000) / RATE
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    rest = sound64 - basis @ np.linalg.lstsq(basis, sound64, rcond=None)[0]
    return float(20 * np.log10(np.std(rest) / np.std(sound64)))


@pytest.mark.parametrize("ppm", [80.0, -50.0])
@pytest.mark.parametrize("hz", [997.0, 9970.0])
def test_distortion_and_noise_stay_below_100_db(hz: float, ppm: float) -> None:
    assert distortion_db(hz, ppm) < -100


def test_another_rate_is_brought_to_ours_in_place() -> None:
    out = heard(run(Varispeed(44_100), 441_000, block=4410))
    assert len(out) == 480_000
    expected = np.arange(480_000) * 0.91875
    assert np.all(np.abs(out - expected)[3000:-3000] < 0.06 + FLOAT * expected[3000:-3000])


@settings(deadline=None, max_examples=40)
@given(
    blocks=st.lists(st.integers(0, 9000), min_size=1, max_size=40),
    orders=st.dictionaries(st.integers(0, 39), st.integers(-300, 300), max_size=5),
    rate=st.sampled_from([RATE, 44_100]),
)
def test_any_blocks_and_any_changes_give_every_frame_once(blocks: list[int], orders: dict[int, int], rate: int) -> None:
    """In any split: the right number of frames, each within a tenth of its place, no step between two."""
    speed = Varispeed(rate)
    out = []
    fed = 0
    for index, frames in enumerate(blocks):
        if index in orders:
            speed.steer(float(orders[index]))
        out.append(speed.push(slope(fed, frames)))
        fed += frames
    if speed.changing:
        out += [speed.push(slope(fed + at, 4800)) for at in range(0, 48_000, 4800)]
        fed += 48_000
    end = speed.place(fed)
    sound = heard(join([*out, speed.flush()]))
    assert abs(len(sound) - end) <= 1
    inner = np.diff(sound)[3000:-3000]
    assert np.all(np.abs(inner - rate / RATE) < 0.6)


def test_the_split_into_blocks_changes_no_sample() -> None:
    def whole(cuts: Iterable[int], take: Callable[[int, int], Samples]) -> Samples:
        speed = Varispeed(RATE, ppm=60.0)
        edges = [0, *cuts, 30_000]
        parts = [speed.push(take(low, high - low)) for low, high in pairwise(edges)]
        return join([*parts, speed.flush()])

    def take(start: int, frames: int) -> Samples:
        return tone(440, start, frames)

    assert np.array_equal(whole([], take), whole([7, 480, 4800, 4801, 20_000], take))
