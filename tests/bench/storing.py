"""What it costs to put chunks on disk for good, and to check them: beside SQLite, plain files, restic and borg."""

import hashlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reeld.store import sessions
from reeld.store.api import IngestItem
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld.store.verify import verify
from reeld_proto.workers import ChunkCaptured
from tests.daemon.store.builders import NS, SESSION, creation

CHUNK_BYTES = 200_000
ROUND = 25
"""Chunks of each store in turn, so that a disk that is slow for a moment is slow for all."""

OURS, TOGETHER = "ours", "ours, five at a time"
SQLITE, FILES, NAMED = "SQLite", "files, fsync", "files named by digest, fsync"
TRACKS = 5
"""Chunks of as many tracks come at once, and become durable in one commit."""


@dataclass(frozen=True)
class Timing:
    """Seconds that each chunk took, by store."""

    taken_s: dict[str, list[float]]

    def median_ms(self, name: str) -> float:
        """Milliseconds a chunk."""
        return statistics.median(self.taken_s[name]) * 1e3

    def best_ms(self, name: str) -> float:
        """What the quickest took: the least that other work on the machine can have added."""
        return min(self.taken_s[name]) * 1e3


def chunk_bytes(number: int) -> bytes:
    """Bytes that no two chunks share and that do not compress, as those of an encoder."""
    return np.random.default_rng(number).bytes(CHUNK_BYTES)


def hashed_ahead(data: Sequence[bytes], pool: ThreadPoolExecutor) -> Iterator[tuple[bytes, bytes]]:
    """Each with its digest, which another thread computes meanwhile, as the store worker does on arrival."""
    coming = pool.submit(digest_of, data[0])
    for number, each in enumerate(data, 1):
        digest = coming.result()
        if number < len(data):
            coming = pool.submit(digest_of, data[number])
        yield each, digest


class _Ours:
    """Chunks with timeline, references and counters; `together` in one commit."""

    def __init__(self, folder: Path, together: int, pool: ThreadPoolExecutor) -> None:
        self._store = StoreEnvironment.open_write(folder)
        self._together = together
        self._pool = pool
        with self._store.write() as txn:
            sessions.create(txn, creation())

    def close(self) -> None:
        self._store.close()

    def put_all(self, first: int, data: list[bytes]) -> Iterator[int]:
        """Put these; yields how many each commit held."""
        waiting: list[IngestItem] = []
        for number, (each, digest) in enumerate(hashed_ahead(data, self._pool), first):
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
            waiting.append(IngestItem("bench", number, message, each, b"init", digest))
            if len(waiting) == self._together:
                with self._store.write() as txn:
                    batch = Batch(txn)
                    for item in waiting:
                        batch.land(item)
                    batch.finish()
                yield len(waiting)
                waiting = []


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("pragma journal_mode=wal")
        self._base.execute("pragma synchronous=full")
        self._base.execute("create table chunks (digest blob primary key, data blob) without rowid")

    def close(self) -> None:
        self._base.close()

    def put_all(self, _first: int, data: list[bytes]) -> Iterator[int]:
        for each in data:
            self._base.execute("insert into chunks values (?, ?)", (hashlib.sha256(each).digest(), each))
            yield 1


class _Files:
    """A file a chunk; the folder is synced too, without which a new file may be gone after a crash."""

    def __init__(self, folder: Path, *, named: bool) -> None:
        folder.mkdir()
        self._folder = folder
        self._named = named

    def close(self) -> None:
        """Nothing is open."""

    def put_all(self, first: int, data: list[bytes]) -> Iterator[int]:
        for number, each in enumerate(data, first):
            name = self._folder / (hashlib.sha256(each).hexdigest() if self._named else f"{number:08}")
            path = name.with_suffix(".tmp") if self._named else name
            with path.open("wb") as file:
                file.write(each)
                file.flush()
                os.fsync(file.fileno())
            if self._named:
                path.rename(name)
            handle = os.open(self._folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            yield 1


def ingest(folder: Path, chunks: int) -> Timing:
    """Every chunk durable: ours with timeline, references and counters, the others bytes alone; in turns."""
    taken: dict[str, list[float]] = {}
    with ThreadPoolExecutor(1) as pool, ExitStack() as stack:
        stores: dict[str, _Ours | _Sqlite | _Files] = {
            OURS: _Ours(folder / "reeld", 1, pool),
            TOGETHER: _Ours(folder / "together", TRACKS, pool),
            SQLITE: _Sqlite(folder / "base.sqlite"),
            FILES: _Files(folder / "numbered", named=False),
            NAMED: _Files(folder / "plain", named=True),
        }
        for store in stores.values():
            stack.callback(store.close)
        for first in range(0, chunks, ROUND):
            data = [chunk_bytes(number) for number in range(first, first + ROUND)]
            for name, store in stores.items():
                began = time.perf_counter()
                for count in store.put_all(first, data):
                    now = time.perf_counter()
                    taken.setdefault(name, []).extend([(now - began) / count] * count)
                    began = now
    return Timing(taken)


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
