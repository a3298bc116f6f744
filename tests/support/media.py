"""What a person would see and hear in an exported file: decoded frames, tones by spectrum, flashes and beeps."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.support.painter import read_clock

RATE = 48_000


@dataclass(frozen=True)
class Shown:
    """A decoded frame: when it is shown, in seconds, and its pixels (uint8, RGB, shape (height, width, 3))."""

    at_s: float
    rgb: "np.ndarray[Any, np.dtype[Any]]"


def frames(path: Path, stream: int = 0) -> Iterator[Shown]:
    """All frames of a video track in order of presentation."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=stream):
            yield Shown(float(frame.time or 0.0), frame.to_ndarray(format="rgb24"))


def streams(path: Path) -> list[str]:
    """Kind of every stream in file order."""
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


def duration_s(path: Path) -> float:
    """Duration that the container states, in seconds."""
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / 1e6


def samples(path: Path, stream: int = 0) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """An audio track as float32, shape (frames, channels), placed by its own times: index 0 is time 0."""
    blocks = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=stream):
            assert frame.sample_rate == RATE
            blocks.append((round(float(frame.time or 0.0) * RATE), frame.to_ndarray().T))
    length = max(start + len(block) for start, block in blocks)
    out = np.zeros((length, blocks[0][1].shape[1]), np.float32)
    for start, block in blocks:
        begin = max(start, 0)
        out[begin : start + len(block)] = block[begin - start :]
    return out


def tone_level_db(sound: "np.ndarray[Any, Any]", tone_hz: float) -> float:
    """Level of one frequency in mono `sound`, in dB of full scale (a full-scale sine is 0 dB)."""
    window = np.hanning(len(sound))
    index = np.arange(len(sound))
    amplitude = 2 * abs(np.sum(sound * window * np.exp(-2j * np.pi * tone_hz * index / RATE))) / window.sum()
    return float(20 * np.log10(amplitude + 1e-9))


def onsets_s(sound: "np.ndarray[Any, Any]", tone_hz: float, threshold: float = 0.3) -> list[float]:
    """Instants at which a loud tone begins in mono `sound`, in seconds, to about 1 ms."""
    index = np.arange(len(sound))
    shifted = sound * np.exp(-2j * np.pi * tone_hz * index / RATE)
    width = RATE // 500
    level = 2 * np.abs(np.convolve(shifted, np.ones(width) / width, mode="same"))
    loud = level > threshold
    starts = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    found: list[float] = []
    for start in starts:
        if not found or start / RATE - found[-1] > 0.2:
            found.append(start / RATE)
    return found


@dataclass(frozen=True)
class Look:
    """What one decoded frame of a painted monitor shows: its clock (ms, None if unreadable), a corner's colour (RGB)
    and whether the whole picture is white."""

    at_s: float
    stamp_ms: int | None
    corner: tuple[float, float, float]
    white: bool


def looks(path: Path, stream: int = 0) -> list[Look]:
    """Every frame of a video track, looked at without converting it whole: luma for the clock, one corner in colour."""
    found = []
    with av.open(str(path)) as container:
        container.streams.video[stream].thread_type = "AUTO"
        for frame in container.decode(video=stream):
            assert frame.format.name == "yuv420p"
            planes: list[Any] = list(frame.planes)
            luma, blue, red = (
                np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
                for plane in planes
            )
            bottom = luma.shape[0]
            y = 1.164 * (float(luma[bottom - 40 : bottom - 10, 10:40].mean()) - 16)
            u = float(blue[bottom // 2 - 20 : bottom // 2 - 5, 5:20].mean()) - 128
            v = float(red[bottom // 2 - 20 : bottom // 2 - 5, 5:20].mean()) - 128
            # ITU-R BT.601, limited range: what the stream declares.
            corner = (y + 1.596 * v, y - 0.392 * u - 0.813 * v, y + 2.017 * u)
            white = bool(luma[::16, ::16].mean() > 222)
            found.append(Look(float(frame.time or 0.0), read_clock(luma), corner, white))
    return found


def flashes_s(seen: list[Look]) -> list[float]:
    """Instants at which the picture turns white, in seconds."""
    return [after.at_s for before, after in itertools.pairwise(seen) if after.white and not before.white]
