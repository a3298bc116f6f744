"""Harm guarded against: loudness that is not what everybody else measures."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.loudness_meter import SILENT_LUFS, LoudnessMeter, loudness
from reeld.audio.samples import Samples
from tests.daemon.audio.dsp.blocks import cut_sizes, ebur128, noise, pieces, sine, through_ffmpeg

RATE = 48_000


def measured(samples: Samples, rate: int = RATE, sizes: list[int] | None = None) -> LoudnessMeter:
    meter = LoudnessMeter(rate, samples.shape[1])
    for piece in pieces(len(samples), sizes or [480]):
        meter.observe(samples[piece])
    return meter


def programme(seconds: int, rate: int = RATE) -> Samples:
    """Noise in the voice's band, loud and quiet by turns, with pauses."""
    level = np.repeat(np.resize([0.2, 0.05, 0.0005, 0.1, 0.3, 0.0], seconds * 2), rate // 2).astype(np.float32)
    return noise(len(level), 0.5) * level[:, None]


def test_the_standards_sine_reads_what_the_standard_says() -> None:
    meter = measured(sine(997, RATE * 4, 10 ** (-20 / 20)))  # both channels: -20 dBFS peak is -20 LUFS
    for value in (meter.momentary, meter.short_term, meter.integrated):
        assert value == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (48_000, 1), (44_100, 2), (48_000, 6)])
def test_integrated_loudness_is_ffmpegs(rate: int, channels: int) -> None:
    samples = np.ascontiguousarray(np.repeat(programme(12, rate), 3, axis=1)[:, :channels])
    assert measured(samples, rate).integrated == pytest.approx(ebur128(samples, rate)["I"], abs=0.1)


def test_momentary_and_short_term_loudness_are_ffmpegs_at_every_moment() -> None:
    samples = programme(8)
    log = through_ffmpeg(samples, "ebur128=framelog=info")[1]
    told = re.findall(r"t: ?([\d.]+) +TARGET:.*?M: *(-?[\d.]+) S: *(-?[\d.]+)", log)
    assert len(told) > 70
    meter = LoudnessMeter(RATE, 2)
    ours = []
    for piece in pieces(len(samples), [4800]):
        meter.observe(samples[piece])
        ours.append((meter.momentary, meter.short_term))
    for at, momentary, short_term in told:
        index = round(float(at) * 10) - 1
        if index >= 3 and float(momentary) > -60:
            assert ours[index][0] == pytest.approx(float(momentary), abs=0.11)
        if index >= 29:
            assert ours[index][1] == pytest.approx(float(short_term), abs=0.11)


def test_pauses_do_not_count() -> None:
    loud = sine(997, RATE * 4, 0.1)
    assert measured(np.concatenate([loud, loud * 0, loud * 0])).integrated == pytest.approx(
        measured(loud).integrated, abs=0.3
    )


def test_silence_is_told_as_such() -> None:
    meter = measured(np.zeros((RATE, 2), np.float32))
    assert meter.momentary == meter.short_term == meter.integrated == SILENT_LUFS == loudness(0.0)


@settings(max_examples=15, deadline=None)
@given(cut_sizes)
def test_any_split_measures_the_same(sizes: list[int]) -> None:
    samples = programme(2)
    whole, cut = measured(samples, sizes=[len(samples)]), measured(samples, sizes=sizes)
    for one, other in zip(
        (whole.momentary, whole.short_term, whole.integrated),
        (cut.momentary, cut.short_term, cut.integrated),
        strict=True,
    ):
        assert one == pytest.approx(other, abs=0.001)


def test_its_memory_does_not_grow() -> None:
    meter = measured(programme(2))
    assert len(meter._powers) <= 30
    assert len(meter._counts) == len(meter._sums) == 8000
