"""Harm guarded against: a recording that is too quiet to hear, or clips, after it was made equally loud."""

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.loudness import Loudness
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import LoudnessNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, ebur128, impulse, noise, raw, sine

RATE = 48_000
NODE = LoudnessNode(name="l")


def talk(seconds: int, level_db: float, seed: int = 1) -> Samples:
    """Syllables of noise, five a second, a pause every fourth second."""
    frames = seconds * RATE
    time = np.arange(frames) / RATE
    syllables = np.sin(np.pi * 5 * time) ** 2 * (time % 4 < 3.5) + 0.001
    return noise(frames, 10 ** (level_db / 20), seed=seed) * syllables.astype(np.float32)[:, None]


def test_an_impulse_comes_out_where_it_went_in() -> None:
    kernel = Loudness(NODE, RATE, 2)
    assert kernel.latency == 252
    out = aligned(kernel, [impulse(9600, 4321)], [97])
    assert np.flatnonzero(out[:, 0]).tolist() == [4321]


@pytest.mark.parametrize(("level_db", "target"), [(-40.0, -23.0), (-12.0, -23.0), (-30.0, -16.0)])
def test_the_target_is_reached_and_true_peaks_stay_below_theirs(level_db: float, target: float) -> None:
    node = LoudnessNode(name="l", target_lufs=target, true_peak_db=-2.0)
    out = aligned(Loudness(node, RATE, 2), [talk(24, level_db)], [4800])
    told = ebur128(out[RATE * 8 :])
    assert told["I"] == pytest.approx(target, abs=1.0)
    assert told["Peak"] <= -1.9


def test_loud_and_quiet_speakers_come_nearer_to_each_other() -> None:
    samples = np.concatenate([talk(10, -38.0), talk(10, -16.0), talk(10, -38.0), talk(10, -16.0)])
    out = aligned(Loudness(NODE, RATE, 2), [samples], [4800])
    assert ebur128(samples)["LRA"] > 18
    assert ebur128(out[RATE * 10 :])["LRA"] < 11


def test_pauses_are_not_brought_up() -> None:
    samples = np.concatenate([talk(6, -20.0), noise(RATE * 6, 10 ** (-68 / 20))])
    out = aligned(Loudness(NODE, RATE, 2), [samples], [4800])
    late, later = (float(np.std(out[second * RATE : (second + 1) * RATE])) for second in (7, 11))
    assert later == pytest.approx(late, rel=0.05)


def test_the_gain_moves_without_a_click() -> None:
    out = aligned(Loudness(NODE, RATE, 2), [sine(200, RATE * 3, 0.02)])[:, 0]
    assert np.abs(np.diff(out, 2)).max() < np.abs(out).max() * (2 * np.pi * 200 / RATE) ** 2 * 1.1


def test_a_new_target_is_approached_from_where_the_gain_is() -> None:
    kernel = Loudness(NODE, RATE, 2)
    samples = talk(12, -23.0)
    kernel.process([samples])
    assert kernel.adjust(LoudnessNode(name="l", target_lufs=-33.0))
    out = kernel.process([samples])
    assert ebur128(out[RATE * 4 :])["I"] == pytest.approx(-33.0, abs=1.0)
    assert not kernel.adjust(VolumeNode(name="v"))


@settings(max_examples=12, deadline=None)
@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = talk(1, -10.0)
    outs = [raw(Loudness(NODE, RATE, 2), [samples], cut) for cut in ([RATE], sizes)]
    assert np.abs(outs[0] - outs[1]).max() <= 1e-4


def test_no_frames_are_no_work() -> None:
    assert not len(Loudness(NODE, RATE, 2).process([noise(0)]))
