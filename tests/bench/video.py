"""The budgets of pictures: CPU of recording beside its peers, and the time of a composited frame."""

import subprocess
import sys
import time
from pathlib import Path

from tests.bench import composing, measure, scenes, ssr
from tests.bench.rows import Row
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

SCENES: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("nothing moves", (), 0.06),
    ("terminal scrolling", scenes.TERMINAL, 0.40),
    ("full motion", scenes.MOTION, 0.75),
)


def rows(desk: VirtualDesk, installation: Installation, seconds: float, folder: Path, *, short: bool) -> list[Row]:
    """Every row of the recorder; what a second of each scene costs by stage goes to stderr."""
    found = []
    for work, scene, bar in SCENES:
        found += _one_display(desk, installation, seconds, folder / "peer.mp4", work, scene, bar, with_ssr=not short)
    found += _two_displays(desk, installation, seconds, folder / "peer.mp4")
    found += composing.rows(folder, frames=30 if short else 200)
    return found


def _one_display(
    desk: VirtualDesk,
    installation: Installation,
    seconds: float,
    output: Path,
    work: str,
    scene: tuple[str, ...],
    bar: float,
    *,
    with_ssr: bool,
) -> list[Row]:
    process = desk.spawn(*scene, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if scene else None
    time.sleep(min(2.0, seconds / 3))
    mine = measure.ours(installation, seconds)
    peer = measure.ffmpeg(desk, seconds, output)
    other = ssr.record(desk, seconds) if with_ssr else None
    if process is not None:
        process.kill()
        process.wait()
    sys.stderr.write(f"1080p30, {work}: per cent of a core: {mine.profile()}\n")
    name, ours = f"1080p30, {work}: CPU", f"{mine.cores:.3f} cores"
    found = [Row(name, ours, f"ffmpeg {peer.cores:.3f}", mine.cores / peer.cores, bar)]
    if other is not None:
        found.append(Row(name, ours, f"SimpleScreenRecorder {other.cores:.3f}", mine.cores / other.cores, 1.0))
    if scene:
        found.append(Row(f"1080p30, {work}: frames dropped", str(mine.dropped), "", mine.dropped, 0, "frames"))
    if scene is scenes.TERMINAL:
        rates = (f"{mine.bytes / seconds / 1e3:.0f} kB/s", f"ffmpeg {peer.bytes / seconds / 1e3:.0f}")
        found.append(Row("terminal scrolling: disk", *rates, mine.bytes / peer.bytes, 1.0))
    return found


def _two_displays(desk: VirtualDesk, installation: Installation, seconds: float, output: Path) -> list[Row]:
    process = desk.spawn(*scenes.MOTION, stdout=subprocess.DEVNULL)
    time.sleep(min(2.0, seconds / 3))
    mine = measure.ours(installation, seconds, ("--display", "all", "--layout", "grid"))
    peer = measure.ffmpeg(desk, seconds, output, displays=2)
    process.kill()
    process.wait()
    sys.stderr.write(f"two displays in a grid: per cent of a core: {mine.profile()}\n")
    work = "two 1080p30 displays in a grid, one moving"
    return [
        Row(f"{work}: CPU", f"{mine.cores:.3f} cores", f"ffmpeg {peer.cores:.3f}", mine.cores / peer.cores, 0.40),
        Row(f"{work}: frames dropped", str(mine.dropped), "", mine.dropped, 0, "frames"),
    ]
