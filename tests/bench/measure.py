"""Measuring: CPU seconds, memory and latencies of ours and of the peer."""

import contextlib
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.desk import VirtualDesk
from tests.support.installation import Installation


@dataclass(frozen=True)
class Cost:
    """What recording for a while took: cores (CPU seconds a second) and bytes written, frames lost."""

    cores: float
    bytes: int
    dropped: int = 0


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


def ours(installation: Installation, seconds: float) -> Cost:
    """Record LEFT for `seconds` with a warm daemon; the CPU of all its processes, from start to stop inclusive."""
    stated = installation.ok("start", "--display", "LEFT", "--mic", "none", "--system-audio", "none", "--fps", "30")
    # Standbys for the next session are spawned in the first seconds: that cost belongs to a start, not to recording.
    time.sleep(6)
    pids = pids_of(installation)
    before, began = cpu_s(pids), time.monotonic()
    bytes_before = installation.ok("show", stated["session"])["tracks"][0]["bytes"]
    time.sleep(seconds)
    spent, took = cpu_s(pids) - before, time.monotonic() - began
    track = installation.ok("show", stated["session"])["tracks"][0]
    stopped = installation.ok("stop")
    return Cost(spent / took, int((track["bytes"] - bytes_before) / took * seconds), stopped["tracks"][0]["dropped"])


def ffmpeg(desk: VirtualDesk, seconds: float, output: Path) -> Cost:
    """The same by ffmpeg's x11grab at the same rate, preset and quality."""
    command = [
        "ffmpeg",
        "-nostdin",
        "-y",
        "-loglevel",
        "error",
        "-f",
        "x11grab",
        "-draw_mouse",
        "0",
        "-framerate",
        "30",
    ]
    command += ["-video_size", "1920x1080", "-i", f"{desk.display}+0,0", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-crf", "23", "-pix_fmt", "yuv420p", str(output)]
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
