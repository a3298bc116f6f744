"""Measuring: CPU seconds, memory and latencies of ours and of the peer."""

import contextlib
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.desk import VirtualDesk
from tests.support.installation import Installation


@dataclass(frozen=True)
class Cost:
    """What recording for a while took: cores (CPU seconds a second) and bytes written, frames lost.

    stages: cores of our recorder's thread by stage.
    """

    cores: float
    bytes: int
    dropped: int = 0
    stages: dict[str, float] = field(default_factory=dict)

    def profile(self) -> str:
        """The stages in per cent of a core."""
        return ", ".join(f"{name} {100 * cores:.2f}" for name, cores in self.stages.items())


def pids_of(installation: Installation) -> list[int]:
    """The daemon and all its workers, standbys included."""
    assert installation.daemon is not None
    return [installation.daemon.pid, *installation.worker_pids().values()]


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of these processes so far."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total


def pss_bytes(pids: Iterable[int]) -> int:
    """Proportional set size: shared pages are divided among those who share them."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += psutil.Process(pid).memory_full_info().pss
    return total


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; share in 0..1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


LEFT_ALONE = ("--display", "LEFT")


def ours(installation: Installation, seconds: float, words: Sequence[str] = LEFT_ALONE) -> Cost:
    """Record for `seconds` with a warm daemon; the CPU of all its processes meanwhile."""
    stated = installation.ok("start", *words, "--mic", "none", "--system-audio", "none", "--fps", "30")
    # Standbys for the next session are spawned in the first seconds: that cost belongs to a start, not to recording.
    time.sleep(min(6.0, seconds))
    pids = pids_of(installation)
    before, began = cpu_s(pids), time.monotonic()
    bytes_before = installation.ok("show", stated["session"])["tracks"][0]["bytes"]
    stages_before = _stages(installation)
    time.sleep(seconds)
    spent, took = cpu_s(pids) - before, time.monotonic() - began
    stages = {name: (after - stages_before[name]) / took for name, after in _stages(installation).items()}
    track = installation.ok("show", stated["session"])["tracks"][0]
    stopped = installation.ok("stop")
    written = int((track["bytes"] - bytes_before) / took * seconds)
    return Cost(spent / took, written, stopped["tracks"][0]["dropped"], stages)


def _stages(installation: Installation) -> dict[str, float]:
    """Seconds of CPU of the first video track by stage."""
    tracks = installation.ok("stats")["tracks"]
    return next(dict(track["cpu_s"]) for track in tracks if track["id"] == "video-1")


def ffmpeg(desk: VirtualDesk, seconds: float, output: Path, displays: int = 1) -> Cost:
    """The same by ffmpeg's x11grab at the same rate, preset and quality; several displays beside each other."""
    command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error"]
    for number in range(displays):
        command += ["-f", "x11grab", "-draw_mouse", "0", "-framerate", "30", "-video_size", "1920x1080"]
        command += ["-i", f"{desk.display}+{1920 * number},0"]
    if displays > 1:
        command += ["-filter_complex", f"xstack=inputs={displays}:layout=0_0|w0_0"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-pix_fmt", "yuv420p", str(output)]
    process = subprocess.Popen(command, env=desk.env)
    try:
        time.sleep(2)
        before, began = cpu_s([process.pid]), time.monotonic()
        time.sleep(seconds)
        spent, took = cpu_s([process.pid]) - before, time.monotonic() - began
        # ffmpeg writes the file in large steps; the mean rate over the whole file is the fair figure.
        process.terminate()
        process.wait(20)
        return Cost(spent / took, int(output.stat().st_size / (took + 2) * seconds))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
