"""Four moving 720p sources in one 1080p picture: milliseconds a frame, beside ffmpeg's scale and xstack."""

import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil

from reeld.capture.api import Band, Grab, Rect, Size
from reeld.capture.convert import YuvPicture
from reeld.capture.scene import Part, Scene
from reeld_proto.records import Arrangement, Layout
from tests.bench.rows import Row

SOURCES, WIDTH, HEIGHT = 4, 1280, 720
OUTPUT = Size(1920, 1080)
PICTURES = 8
"""Different pictures that each source shows in turn."""


class MovingSource:
    """A source whose every pixel changes with every grab.

    As from a server's shared memory, pixels come in one buffer that was written just before.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.pictures = [rng.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8) for _ in range(PICTURES)]
        self._buffer = np.empty((HEIGHT, WIDTH, 4), np.uint8)
        self._shown = 0

    @property
    def size(self) -> Size:
        return Size(WIDTH, HEIGHT)

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def filenos(self) -> tuple[int, ...]:
        return ()

    def changed_ns(self) -> int:
        return time.monotonic_ns()

    def grab(self, *, full: bool) -> Grab:  # noqa: ARG002 - it is always a full one
        self._shown += 1
        np.copyto(self._buffer, self.pictures[self._shown % PICTURES])
        return Grab(time.monotonic_ns(), [Band(Rect(0, 0, WIDTH, HEIGHT), self._buffer)])


def rows(folder: Path, frames: int) -> list[Row]:
    """Ours against a bar in milliseconds, and against the peer."""
    sources = [MovingSource(seed) for seed in range(SOURCES)]
    ours_ms = _ours(sources, frames)
    peer_ms = _ffmpeg(sources, folder, frames)
    work = "grid of four 720p into 1080p, a frame"
    ours, peer = f"{ours_ms:.2f} ms", f"ffmpeg {peer_ms:.2f}"
    return [Row(work, ours, peer, ours_ms / peer_ms, 0.5, "x the time"), Row(work, ours, "", ours_ms, 4.0, "ms")]


def _ours(sources: list[MovingSource], frames: int) -> float:
    """By the scene's own counter: what the sources do to bring their pixels is not in it."""
    parts = [Part(str(number), source) for number, source in enumerate(sources)]
    scene = Scene(parts, Arrangement(layout=Layout.GRID), OUTPUT, make_picture=YuvPicture)
    scene.open()
    scene.grab(full=True)
    took = []
    for _ in range(frames):
        before = scene.stages.seconds()["convert"]
        assert scene.grab(full=False).changed
        took.append((scene.stages.seconds()["convert"] - before) * 1e3)
    scene.close()
    return statistics.median(took)


def _ffmpeg(sources: list[MovingSource], folder: Path, frames: int) -> float:
    """Of the same pictures, from files; what reading them alone costs is taken off."""
    inputs: list[str] = []
    for number, source in enumerate(sources):
        path = folder / f"source-{number}.raw"
        path.write_bytes(b"".join(picture.tobytes() for picture in source.pictures))
        inputs += ["-stream_loop", "-1", "-f", "rawvideo", "-pix_fmt", "bgra", "-video_size", f"{WIDTH}x{HEIGHT}"]
        inputs += ["-framerate", "30", "-i", str(path)]
    scaled = ";".join(f"[{n}]scale=960:540:flags=bilinear,format=yuv420p[s{n}]" for n in range(SOURCES))
    labels = "".join(f"[s{n}]" for n in range(SOURCES))
    graph = f"{scaled};{labels}xstack=inputs={SOURCES}:layout=0_0|960_0|0_540|960_540"
    composed = _cpu_s([*inputs, "-filter_complex", graph, "-frames:v", str(frames), "-f", "null", "-"])
    maps = [word for n in range(SOURCES) for word in ("-map", f"{n}:v")]
    read = _cpu_s([*inputs, *maps, "-c", "copy", "-frames:v", str(frames), "-f", "null", "-"])
    return (composed - read) / frames * 1e3


def _cpu_s(words: list[str]) -> float:
    """Seconds of CPU that ffmpeg takes with these words on one thread."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-filter_complex_threads", "1", "-threads", "1", *words]
    before = psutil.Process().cpu_times()
    subprocess.run(command, check=True, timeout=300)
    after = psutil.Process().cpu_times()
    spent: float = after.children_user - before.children_user + after.children_system - before.children_system
    return spent
