"""Something that sounds like a voice: a glottal pulse train of moving pitch through moving formants, in syllables."""

import numpy as np
import scipy.signal

from reeld.audio.samples import Samples

VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def speech(seconds: float, rate: int = 48_000, level: float = 0.1, pitch_hz: float = 120.0, seed: int = 1) -> Samples:
    """Stereo. Syllables of 120 to 220 ms, each a short hiss and a vowel, with 40 ms between them."""
    random = np.random.default_rng(seed)
    frames = int(seconds * rate)
    out = np.zeros(frames)
    start = int(0.01 * rate)
    while start < frames:
        length = int(random.uniform(0.12, 0.22) * rate)
        syllable = np.concatenate([_hiss(random, int(0.05 * rate)), _vowel(random, length, rate, pitch_hz)])
        end = min(frames, start + len(syllable))
        out[start:end] = syllable[: end - start]
        start = end + int(0.04 * rate)
    return np.repeat((out * level / np.abs(out).max()).astype(np.float32)[:, None], 2, axis=1)


def _hiss(random: np.random.Generator, frames: int) -> np.ndarray:
    wave = np.diff(random.normal(0, 0.02, frames + 1))
    return np.asarray(wave * np.hanning(frames))


def _vowel(random: np.random.Generator, frames: int, rate: int, pitch_hz: float) -> np.ndarray:
    glide = np.linspace(random.uniform(0.85, 1.2), random.uniform(0.85, 1.2), frames)
    phase = np.cumsum(pitch_hz * glide / rate)
    wave = np.diff(np.floor(phase), prepend=0.0) + random.normal(0, 0.003, frames)
    wave = scipy.signal.lfilter([1.0], [1.0, -0.98], wave)
    for hz in VOWELS[random.integers(len(VOWELS))]:
        if hz < 0.45 * rate:
            radius = np.exp(-np.pi * 90 / rate)
            poles = [1.0, -2 * radius * np.cos(2 * np.pi * hz / rate), radius**2]
            wave = scipy.signal.lfilter([sum(poles)], poles, wave)
    wave = wave * np.hanning(frames) ** 0.5
    return np.asarray(wave / max(1e-9, np.abs(wave).max()))
