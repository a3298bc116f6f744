"""Harm guarded against: a filter at another frequency, of another height, or one that grows without end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.biquads import Biquad, biquad, k_weighting
from reeld_proto.sound_graph import Band, BandKind

RATE = 48_000


def gain_db(filters: list[Biquad], hz: float, rate: int = RATE) -> float:
    z = np.exp(-2j * np.pi * hz / rate)
    gain = 1.0
    for each in filters:
        gain *= abs((each.b0 + each.b1 * z + each.b2 * z * z) / (1 + each.a1 * z + each.a2 * z * z))
    return 20 * float(np.log10(max(gain, 1e-15)))


@pytest.mark.parametrize("boost", [-12.0, 6.0])
def test_peaks_and_shelves_reach_their_gain_where_they_should(boost: float) -> None:
    peaking = [biquad(Band(frequency_hz=1000, gain_db=boost, q=2.0), RATE)]
    assert gain_db(peaking, 1000) == pytest.approx(boost)
    assert gain_db(peaking, 20) == pytest.approx(0, abs=0.1)
    low = [biquad(Band(kind=BandKind.LOW_SHELF, frequency_hz=1000, gain_db=boost), RATE)]
    assert gain_db(low, 1) == pytest.approx(boost, abs=0.01)
    assert gain_db(low, 1000) == pytest.approx(boost / 2, abs=0.01)
    assert gain_db(low, 23_000) == pytest.approx(0, abs=0.01)
    high = [biquad(Band(kind=BandKind.HIGH_SHELF, frequency_hz=1000, gain_db=boost), RATE)]
    assert gain_db(high, 1) == pytest.approx(0, abs=0.01)
    assert gain_db(high, 1000) == pytest.approx(boost / 2, abs=0.01)
    assert gain_db(high, 23_000) == pytest.approx(boost, abs=0.01)


def test_passes_and_the_notch_take_off_what_they_should() -> None:
    high = [biquad(Band(kind=BandKind.HIGH_PASS, frequency_hz=1000), RATE)]
    low = [biquad(Band(kind=BandKind.LOW_PASS, frequency_hz=1000), RATE)]
    for passing in (high, low):
        assert gain_db(passing, 1000) == pytest.approx(-3.01, abs=0.01)
    assert gain_db(high, 100) == pytest.approx(-40, abs=0.5)
    assert gain_db(low, 10_000) < -40
    notch = [biquad(Band(kind=BandKind.NOTCH, frequency_hz=50, q=10), RATE)]
    assert gain_db(notch, 50) < -100
    assert gain_db(notch, 100) == pytest.approx(0, abs=0.1)


@given(
    st.sampled_from(list(BandKind)),
    st.floats(1, 96_000),
    st.floats(-40, 40),
    st.floats(0.1, 30),
    st.sampled_from([1_000, 16_000, 48_000, 192_000]),
)
def test_every_band_that_can_be_asked_for_is_stable(kind: BandKind, hz: float, db: float, q: float, rate: int) -> None:
    made = biquad(Band(kind=kind, frequency_hz=hz, gain_db=db, q=q), rate)
    assert abs(made.a2) < 1
    assert abs(made.a1) < 1 + made.a2


def test_the_weighting_is_that_of_the_standard() -> None:
    head, low = k_weighting(48_000)
    assert (head.b0, head.b1, head.b2) == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285))
    assert (head.a1, head.a2) == pytest.approx((-1.69065929318241, 0.73248077421585))
    assert (low.b0, low.b1, low.b2) == (1, -2, 1)
    assert (low.a1, low.a2) == pytest.approx((-1.99004745483398, 0.99007225036621))


@pytest.mark.parametrize("rate", [16_000, 44_100, 192_000])
def test_the_weighting_is_nearly_the_same_at_other_rates(rate: int) -> None:
    for hz in (40, 100, 997, 3000):
        assert gain_db(k_weighting(rate), hz, rate) == pytest.approx(gain_db(k_weighting(48_000), hz), abs=0.2)
