"""Feeds kernels and observers as the engine does, in any blocks."""

import re
import subprocess
from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import strategies as st

from reeld.audio.dsp.kernel import Kernel, Observer
from reeld.audio.dsp.observations import Observation
from reeld.audio.samples import Samples, join

cut_sizes = st.lists(st.integers(1, 900), max_size=5).map(lambda sizes: [*sizes, 400])
"""Sizes of blocks, used round and round; one of them is not tiny, so that no example takes thousands of calls."""


def pieces(frames: int, sizes: Sequence[int]) -> Iterator[slice]:
    """Slices that cover `frames` frames in blocks of `sizes`, again and again."""
    start = turn = 0
    while start < frames:
        end = min(frames, start + sizes[turn % len(sizes)])
        yield slice(start, end)
        start, turn = end, turn + 1


def raw(kernel: Kernel, inputs: Sequence[Samples], sizes: Sequence[int] = (480,)) -> Samples:
    """What comes out, late as it is; checks that as much comes as goes in and that no input is written to."""
    given = []
    for samples in inputs:
        samples.flags.writeable = False
    for piece in pieces(len(inputs[0]), sizes):
        out = kernel.process([samples[piece] for samples in inputs])
        assert out.dtype == np.float32
        assert len(out) == piece.stop - piece.start
        given.append(out.copy())
    return join(given)


def aligned(kernel: Kernel, inputs: Sequence[Samples], sizes: Sequence[int] = (480,)) -> Samples:
    """Without the latency: as many zeros at the end as frames are dropped at the beginning."""
    tail = np.zeros((kernel.latency, inputs[0].shape[1]), np.float32)
    return raw(kernel, [np.concatenate([samples, tail]) for samples in inputs], sizes)[kernel.latency :]


def observed(observer: Observer, samples: Samples, sizes: Sequence[int] = (480,)) -> list[Observation]:
    """All that it says."""
    said: list[Observation] = []
    samples.flags.writeable = False
    for piece in pieces(len(samples), sizes):
        said += observer.observe(samples[piece])
    return said + observer.finish()


def noise(frames: int, level: float = 0.3, channels: int = 2, seed: int = 1) -> Samples:
    return np.random.default_rng(seed).normal(0, level, (frames, channels)).astype(np.float32)


def impulse(frames: int, at: int, level: float = 0.5, channels: int = 2) -> Samples:
    samples = np.zeros((frames, channels), np.float32)
    samples[at] = level
    return samples


def sine(hz: float, frames: int, level: float = 0.5, rate: int = 48_000, channels: int = 2) -> Samples:
    wave = level * np.sin(2 * np.pi * hz * np.arange(frames) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def through_ffmpeg(samples: Samples, filters: str, rate: int = 48_000) -> tuple[Samples, str]:
    """What the command-line program makes of `samples`, and what it logs."""
    channels = samples.shape[1]
    taken = ["-f", "f32le", "-ar", f"{rate}", "-ac", f"{channels}", "-i", "-"]
    done = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostats", *taken, "-af", filters, "-f", "f32le", "-"],
        input=samples.tobytes(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return np.frombuffer(done.stdout, np.float32).reshape(-1, channels), done.stderr.decode()


def ebur128(samples: Samples, rate: int = 48_000) -> dict[str, float]:
    """Integrated loudness (I), loudness range (LRA) and true peak (Peak) as FFmpeg measures them."""
    log = through_ffmpeg(samples, "ebur128=peak=true", rate)[1]
    summary = log[log.rindex("Summary:") :]
    return {name: float(value) for name, value in re.findall(r"(I|LRA|Peak): +(-?[\d.]+|-inf|nan)", summary)}
