"""What it costs to put chunks on disk for good, and to check them: beside SQLite, plain files, restic and borg."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reeld.store import sessions
from reeld.store.api import IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld.store.verify import verify
from reeld_proto.workers import ChunkCaptured
from tests.daemon.store.builders import NS, SESSION, creation

CHUNK_BYTES = 200_000
ROUND = 25
"""Chunks of each store in turn, so that a disk that is slow for a moment is slow for all."""

Put = Callable[[int, bytes], None]


@dataclass(frozen=True)
class Timing:
    """Seconds for all chunks, by store."""

    ours_s: float
    sqlite_s: float
    files_s: float


def chunk_bytes(number: int) -> bytes:
    """Bytes that no two chunks share and that do not compress, as those of an encoder."""
    return np.random.default_rng(number).bytes(CHUNK_BYTES)


def ingest(folder: Path, chunks: int) -> Timing:
    """Every chunk committed durably by itself: ours with timeline, references and counters, the others bytes alone."""
    store = StoreEnvironment.open_write(folder / "reeld")
    with store.write() as txn:
        sessions.create(txn, creation())
    base = sqlite3.connect(folder / "base.sqlite", isolation_level=None)
    base.execute("pragma journal_mode=wal")
    base.execute("pragma synchronous=full")
    base.execute("create table chunks (digest blob primary key, data blob) without rowid")
    plain = folder / "plain"
    plain.mkdir()

    def ours(number: int, data: bytes) -> None:
        message = ChunkCaptured(
            session=SESSION,
            track="video-1",
            epoch=1,
            start_ns=number * NS,
            end_ns=(number + 1) * NS,
            frames=30,
            keyframe=True,
            codec="h264",
        )
        with store.write() as txn:
            batch = Batch(txn)
            batch.land(IngestItem("bench", number, message, data, b"init"))
            batch.finish()

    def sqlite(_number: int, data: bytes) -> None:
        base.execute("insert into chunks values (?, ?)", (hashlib.sha256(data).digest(), data))

    def files(_number: int, data: bytes) -> None:
        name = plain / hashlib.sha256(data).hexdigest()
        with name.with_suffix(".tmp").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        name.with_suffix(".tmp").rename(name)
        handle = os.open(plain, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    taken = dict.fromkeys(("ours", "sqlite", "files"), 0.0)
    with closing(store), closing(base):
        for first in range(0, chunks, ROUND):
            data = [chunk_bytes(number) for number in range(first, min(first + ROUND, chunks))]
            for name, put in (("ours", ours), ("sqlite", sqlite), ("files", files)):
                taken[name] += _timed(put, first, data)
    return Timing(taken["ours"], taken["sqlite"], taken["files"])


def _timed(put: Put, first: int, data: list[bytes]) -> float:
    begun = time.perf_counter()
    for offset, each in enumerate(data):
        put(first + offset, each)
    return time.perf_counter() - begun


def verify_rates(folder: Path) -> tuple[float, dict[str, float]]:
    """Bytes a second of our full check of what `ingest` left in `folder`, and of the peers that are installed.

    restic and borg check a repository of the same chunks as files; sha256sum reads the same files, and checks no more.
    """
    with closing(StoreEnvironment.open_read(folder / "reeld")) as store:
        begun = time.perf_counter()
        found = verify(store, None)
        ours = found.checked_bytes / (time.perf_counter() - begun)
    if not found.ok:
        raise RuntimeError(f"the store that was just written has faults: {found.faults[:3]}")
    total = sum(file.stat().st_size for file in (folder / "plain").iterdir())
    return ours, {name: total / seconds for name, seconds in _peers(folder)}


def _peers(folder: Path) -> Iterator[tuple[str, float]]:
    plain = folder / "plain"
    env = {
        **os.environ,
        "RESTIC_PASSWORD": "bench",
        "HOME": str(folder),
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    }
    if shutil.which("restic"):
        repository = ["restic", "-q", "--no-cache", "-r", str(folder / "restic")]
        _run([*repository, "init"], env)
        _run([*repository, "backup", str(plain)], env)
        yield "restic", _run([*repository, "check", "--read-data"], env)
    if shutil.which("borg"):
        _run(["borg", "init", "-e", "none", str(folder / "borg")], env)
        _run(["borg", "create", "-C", "none", f"{folder / 'borg'}::one", str(plain)], env)
        yield "borg", _run(["borg", "check", "--verify-data", str(folder / "borg")], env)
    yield "sha256sum", _run(["sha256sum", *(str(file) for file in plain.iterdir())], env)


def _run(command: list[str], env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - begun
