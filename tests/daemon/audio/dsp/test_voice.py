"""Harm guarded against: a timeline that says somebody spoke when a fan hummed, or that misses who spoke."""

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.observations import Heard, Kind, Observation
from reeld.audio.dsp.voice import VoiceDetector
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import VoiceDetectorNode
from tests.daemon.audio.dsp.blocks import cut_sizes, noise, observed, sine
from tests.daemon.audio.dsp.speech import speech

RATE = 48_000


def heard(samples: Samples, rate: int = RATE, sizes: list[int] | None = None) -> list[Observation]:
    return observed(VoiceDetector(VoiceDetectorNode(name="v"), rate), samples, sizes or [4800])


def spans(said: list[Observation], rate: int = RATE) -> list[tuple[float, float]]:
    """In seconds, of those that ended; checks that each was told open first."""
    assert all(isinstance(each, Heard) and each.kind is Kind.VOICE for each in said)
    pairs = [each for each in said if isinstance(each, Heard)]
    assert [each.is_open for each in pairs] == [True, False] * (len(pairs) // 2)
    assert all(one.start_frame == other.start_frame for one, other in zip(pairs[::2], pairs[1::2], strict=True))
    return [(each.start_frame / rate, (each.end_frame or 0) / rate) for each in pairs[1::2]]


def with_speech(background: Samples, start: float, seconds: float, rate: int = RATE, **how: float) -> Samples:
    samples = background.copy()
    voice = speech(seconds, rate, **how)  # type: ignore[arg-type]
    samples[int(start * rate) : int(start * rate) + len(voice)] += voice
    return samples


@pytest.mark.parametrize("pitch_hz", [90.0, 120.0, 210.0, 300.0])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_who_speaks_is_heard_from_beginning_to_end(pitch_hz: float, rate: int) -> None:
    samples = with_speech(noise(rate * 7, 0.001), 2.0, 3.0, rate, pitch_hz=pitch_hz)
    ((start, end),) = spans(heard(samples, rate), rate)
    assert start == pytest.approx(2.0, abs=0.15)
    assert end == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize("level", [0.02, 0.1, 0.9])
def test_a_voice_is_heard_over_noise_and_hum(level: float) -> None:
    background = noise(RATE * 8, level / 40) + sine(50, RATE * 8, level / 10) + sine(150, RATE * 8, level / 30)
    ((start, end),) = spans(heard(with_speech(background, 4.0, 3.0, level=level)))
    assert start == pytest.approx(4.0, abs=0.2)
    assert end == pytest.approx(7.0, abs=0.3)


def test_two_who_speak_after_each_other_are_two_spans() -> None:
    samples = with_speech(with_speech(noise(RATE * 10, 0.001), 1.0, 2.0), 5.0, 3.0, pitch_hz=200.0, seed=4)
    assert len(spans(heard(samples))) == 2


def coloured(frames: int, slope: float, level: float) -> Samples:
    spectrum = np.fft.rfft(np.random.default_rng(3).normal(0, 1, frames))
    spectrum /= np.maximum(1, np.arange(len(spectrum))) ** slope
    wave = np.fft.irfft(spectrum, frames)
    return np.repeat((level * wave / np.std(wave)).astype(np.float32)[:, None], 2, axis=1)


def starting(samples: Samples) -> Samples:
    """After two silent seconds, so that it is all news to whoever tracks the noise."""
    return np.concatenate([np.zeros((RATE * 2, 2), np.float32), samples])


HUM = sine(50, RATE * 8, 0.2) + sine(100, RATE * 8, 0.1) + sine(250, RATE * 8, 0.1) + sine(350, RATE * 8, 0.05)
HUM_60 = sine(60, RATE * 8, 0.2) + sine(120, RATE * 8, 0.1) + sine(180, RATE * 8, 0.1) + sine(300, RATE * 8, 0.05)
SQUARE = np.sign(sine(220, RATE * 8)) * np.float32(0.1)
NOT_SPEECH = {
    "digital silence": np.zeros((RATE * 8, 2), np.float32),
    "white noise": noise(RATE * 8, 0.1),
    "pink noise": coloured(RATE * 8, 0.5, 0.1),
    "brown noise": coloured(RATE * 8, 1.0, 0.1),
    "hum of 50 Hz": HUM,
    "hum of 60 Hz": HUM_60,
    "hum in noise": HUM_60 + noise(RATE * 8, 0.02),
    "a tone": sine(440, RATE * 8, 0.3),
    "a buzz": SQUARE,
    "clicks": np.where(np.arange(RATE * 8)[:, None] % 12_000 < 20, np.float32(0.8), np.float32(0)).repeat(2, axis=1),
}


@pytest.mark.parametrize("name", NOT_SPEECH)
@pytest.mark.parametrize("begins", [False, True])
def test_what_is_no_voice_is_no_span(name: str, begins: bool) -> None:
    samples = NOT_SPEECH[name]
    assert spans(heard(starting(samples) if begins else samples)) == []


def test_noise_that_grows_louder_is_no_voice() -> None:
    samples = noise(RATE * 10, 0.3) * np.linspace(0.001, 1, RATE * 10, dtype=np.float32)[:, None]
    assert spans(heard(samples)) == []


@settings(max_examples=10, deadline=None)
@given(cut_sizes)
def test_any_split_says_the_same(sizes: list[int]) -> None:
    samples = SPOKEN
    assert heard(samples, 16_000, [len(samples)]) == heard(samples, 16_000, sizes)


SPOKEN = with_speech(noise(16_000 * 3, 0.001), 0.7, 1.2, 16_000)


def test_who_still_speaks_at_the_end_is_heard_to_the_end() -> None:
    samples = with_speech(noise(RATE * 4, 0.001), 2.0, 2.0)
    ((_, end),) = spans(heard(samples))
    assert 3.8 < end <= 4.0
