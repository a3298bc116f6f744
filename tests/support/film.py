"""A film of known content to be imported: numbered pictures, a flash and a beep at every second, a second sound."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from reeld.capture.api import Size
from reeld.capture.pattern_source import PatternSource, strip_height

FPS = 30
RATE = 48_000
BEEP_HZ, HUM_HZ = 4000.0, 700.0
FLASH_FRAMES = 4
SIZE = Size(320, 240)
BEEP_S = 0.1


def make_film(path: Path, seconds: int, size: Size = SIZE, *, sounds: int = 2) -> None:
    """H.264 with B-frames; frame n shows the number n (`read_counter`).

    Between the strips it is white for 4 frames from every full second on, black else. The first sound beeps at the same
    instants, the second hums.
    """
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "bf": "2", "g": "60"})
        video.width, video.height, video.pix_fmt = size.width, size.height, "yuv420p"
        tracks: list[Any] = [container.add_stream("aac", rate=RATE, layout="mono") for _ in range(sounds)]
        _pictures(container, video, seconds, size)
        for track, sound in zip(tracks, (_beeps(seconds), _hum(seconds)), strict=False):
            _sound(container, track, sound)


def _pictures(container: Any, stream: Any, seconds: int, size: Size) -> None:
    now = [0]
    source = PatternSource(size, FPS, now=lambda: now[0])
    source.open()
    strip = strip_height(size.height)
    for number in range(seconds * FPS):
        now[0] = -(-number * 1_000_000_000 // FPS)
        (band,) = source.grab(full=True).bands
        picture = np.array(band.pixels)
        picture[strip : size.height - strip] = 255 if number % FPS < FLASH_FRAMES else 0
        frame: Any = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgra")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _sound(container: Any, stream: Any, sound: "np.ndarray[Any, Any]") -> None:
    frame: Any = av.AudioFrame.from_ndarray(sound[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _beeps(seconds: int) -> "np.ndarray[Any, Any]":
    at = np.arange(seconds * RATE)
    return (0.6 * np.sin(2 * np.pi * BEEP_HZ * at / RATE) * (at % RATE < BEEP_S * RATE)).astype(np.float32)


def _hum(seconds: int) -> "np.ndarray[Any, Any]":
    return (0.3 * np.sin(2 * np.pi * HUM_HZ * np.arange(seconds * RATE) / RATE)).astype(np.float32)
