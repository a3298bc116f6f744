"""The store's file system: how much is free, and how fast it takes what must be durable."""

import contextlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reeld_proto.doctor import Finding, fault, fine, warning

WRITTEN_BYTES = 16_000_000
_PIECE_BYTES = 1_000_000
_COMMIT_BYTES = 64_000
_COMMITS = 5
LIMIT_S = 1.5
"""How long is written at most."""

SLOW_BYTES_PER_S = 10_000_000
"""Two screens in motion are 10 MB a second at their ceiling (`reeld.media.presets.CEILINGS`)."""
SLOW_COMMIT_S = 0.5
"""The store commits about every second; one that takes half of it falls behind when anything else writes."""
_AMPLE_RESERVES = 10
_AMPLE_BYTES = 2_000_000_000
"""An hour of work is a few hundred MB: less than this is soon full."""


@dataclass(frozen=True)
class DiskFacts:
    """What was measured in `folder`.

    refused: why nothing could be written, else empty. commit_s: median of a small write with fsync.
    """

    folder: Path
    free_bytes: int
    bytes_per_s: float = 0.0
    commit_s: float = 0.0
    refused: str = ""


def judge(facts: DiskFacts, reserve_bytes: int) -> list[Finding]:
    """One line for the room, one for the speed. reserve_bytes: free disk below which no session starts."""
    room = f"{_size(facts.free_bytes)} free, {_size(reserve_bytes)} of it kept in reserve"
    make_room = "Free some disk, or choose another place with --store or REELD_STORE; `reelctl gc` shrinks the store."
    if facts.free_bytes < reserve_bytes:
        found = [fault("disk-space", f"{room}: nothing can be recorded", make_room)]
    elif facts.free_bytes < max(_AMPLE_RESERVES * reserve_bytes, _AMPLE_BYTES):
        found = [warning("disk-space", room, make_room)]
    else:
        found = [fine("disk-space", room)]
    if facts.refused:
        about = f"{facts.folder} cannot be written: {facts.refused}"
        return [*found, fault("disk-speed", about, "Choose a folder of your own with --store or REELD_STORE.")]
    speed = f"{_size(facts.bytes_per_s)}/s durable, {facts.commit_s * 1000:.0f} ms a commit, at {facts.folder}"
    if facts.bytes_per_s < SLOW_BYTES_PER_S or facts.commit_s > SLOW_COMMIT_S:
        remedy = "Keep the store on a faster disk (--store or REELD_STORE): chunks wait in memory, at last are dropped."
        return [*found, warning("disk-speed", f"slow: {speed}", remedy)]
    return [*found, fine("disk-speed", speed)]


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def gather(store: Path) -> DiskFacts:
    """Measure in the store's folder, or where it would be made. The file has no name: nothing can be left behind."""
    folder = next(each for each in (store, *store.parents) if each.is_dir())
    free = shutil.disk_usage(folder).free
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            speed, commit_s = _measure(file.fileno(), min(WRITTEN_BYTES, free // 4))
    except OSError as error:
        return DiskFacts(folder, free, refused=error.strerror or str(error))
    return DiskFacts(folder, free, speed, commit_s)


def check(store: Path, reserve_bytes: int) -> list[Finding]:
    """The findings about the disk of the store."""
    return judge(gather(store), reserve_bytes)


def _measure(fd: int, size: int) -> tuple[float, float]:
    """Bytes a second, and seconds a small commit takes. Bytes are random: some file systems compress."""
    deadline = time.monotonic() + LIMIT_S
    piece = os.urandom(_PIECE_BYTES)
    begun, written = time.monotonic(), 0
    while written < max(size, _PIECE_BYTES) and time.monotonic() < deadline:
        written += os.write(fd, piece)
        os.fsync(fd)
    speed = written / max(time.monotonic() - begun, 1e-6)
    took: list[float] = []
    while len(took) < _COMMITS and (not took or time.monotonic() < deadline):
        at = time.monotonic()
        os.write(fd, piece[:_COMMIT_BYTES])
        os.fsync(fd)
        took.append(time.monotonic() - at)
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
    return speed, sorted(took)[len(took) // 2]
