"""Harm guarded against: an equaliser that does something else than its bands say, or clicks when they change."""

import numpy as np
import scipy.signal
from hypothesis import given, settings

from reeld.audio.dsp.biquads import biquad
from reeld.audio.dsp.equaliser import equaliser
from reeld.audio.dsp.factory import kernel_for
from reeld_proto.sound_graph import Band, BandKind, EqualiserNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw, sine

RATE = 48_000
NODE = EqualiserNode(
    name="e",
    bands=[
        Band(kind=BandKind.HIGH_PASS, frequency_hz=80),
        Band(kind=BandKind.LOW_SHELF, frequency_hz=200, gain_db=4),
        Band(kind=BandKind.PEAK, frequency_hz=3000, gain_db=-9, q=2),
        Band(kind=BandKind.NOTCH, frequency_hz=50, q=20),
        Band(kind=BandKind.HIGH_SHELF, frequency_hz=8000, gain_db=3),
        Band(kind=BandKind.LOW_PASS, frequency_hz=15_000),
    ],
)


def test_an_impulse_begins_where_it_went_in() -> None:
    kernel = equaliser(NODE, RATE, 2)
    assert kernel.latency == 0
    assert np.flatnonzero(aligned(kernel, [impulse(1000, 321)])[:, 0])[0] == 321


def test_it_is_what_scipy_computes() -> None:
    samples = noise(48_000)
    filters = [biquad(band, RATE) for band in NODE.bands]
    sections = [[each.b0, each.b1, each.b2, 1.0, each.a1, each.a2] for each in filters]
    expected = scipy.signal.sosfilt(sections, samples.astype(np.float64), axis=0)
    assert np.abs(raw(equaliser(NODE, RATE, 2), [samples]) - expected).max() <= 1e-6


@settings(max_examples=30)
@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(3000)
    outs = [raw(equaliser(NODE, RATE, 2), [samples], cut) for cut in ([3000], sizes)]
    assert np.abs(outs[0] - outs[1]).max() <= 1e-6


def test_changed_bands_do_not_click() -> None:
    kernel = kernel_for(NODE, RATE, 2, 1)
    samples = sine(500, 24_000, 0.3)
    before = kernel.process([samples[:12_000]])
    assert kernel.adjust(EqualiserNode(name="e", bands=[Band(frequency_hz=500, gain_db=6)]))
    out = np.concatenate([before, kernel.process([samples[12_000:]])])[6000:, 0]
    assert np.abs(out[-2000:]).max() > 0.55
    assert np.abs(np.diff(out, 2)).max() < 0.6 * (2 * np.pi * 500 / RATE) ** 2 * 1.5
