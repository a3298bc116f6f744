"""Signals for tests of codecs and files, and what FFmpeg's own program makes of a file."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from reeld.audio.samples import RATE, Samples


def speech(frames: int, channels: int = 2, rate: int = RATE) -> Samples:
    """Something between noise and a voice: what a codec for sound is made for, and what correlation finds."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(frames)
    smooth = np.convolve(noise, np.hanning(max(3, rate // 2000)), "same")
    wave = 0.2 * smooth / max(1e-9, np.abs(smooth).max())
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def integers(frames: int, bits: int, channels: int = 2) -> Samples:
    """Every value of so many bits may come, each channel its own: whoever rounds, swaps or shifts changes it."""
    full = 2 ** (bits - 1)
    found: Samples = np.random.default_rng(bits).integers(-full, full, (frames, channels)).astype(np.float32)
    found /= np.float32(full)
    found[: min(frames, 2)] = -1.0
    return found


def shift_of(out: Samples, sound: Samples, at: int, width: int = 4096, reach: int = 1200) -> int:
    """By how many frames `out` is later than `sound` around frame `at`, by correlation."""
    window = sound[at : at + width, 0]
    scores = [float(np.dot(out[at + shift : at + shift + width, 0], window)) for shift in range(-reach, reach)]
    return int(np.argmax(scores)) - reach


def ffmpeg_decoded(path: Path, channels: int = 2) -> Samples:
    """The file as FFmpeg's program decodes it, float32, shape (frames, channels)."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-"]
    ran = subprocess.run(command, capture_output=True, check=True)
    assert not ran.stderr, ran.stderr
    return np.frombuffer(ran.stdout, np.float32).reshape(-1, channels)


def ffprobe(path: Path) -> dict[str, Any]:
    """What FFmpeg's program says of the first stream."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"][0]
    return found
