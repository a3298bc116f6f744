"""A store at its quota, turned over by recording and recycling: does the file stay small, and do commits stay quick?

LMDB wants neighbouring pages for a large value, so a free list in pieces could make the file grow and the search for
room slow. What is recorded here looks like what is recorded in earnest: chunks of 5 to 500 KB of two tracks, landed in
batches of one transaction; the oldest session, or any, goes when the quota is passed; its chunks are collected and the
file is erased in steps between the batches, as the store worker does it.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from reeld.store import gc, manifests, sessions
from reeld.store.api import Circumstances, IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.erase import Eraser
from reeld.store.ingest import Batch
from reeld_proto.records import SessionState, TrackKind
from reeld_proto.store_orders import CollectChunks, RemoveSession
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import ChunkCaptured, CreateSession, FinishSession, TrackRecord

CHUNK_BYTES_MIN, CHUNK_BYTES_MAX = 5_000, 500_000
SESSIONS_KEPT = 30
BATCH_CHUNKS = (1, 1, 2, 5, 10)
COLLECT_CHUNKS = 500
_TRACKS = ("video-1", "mix")
_POOL_BYTES = 8 << 20


@dataclass
class Turn:
    """One quota's worth of recording. Milliseconds; file_share: size of the file as a share of the quota.

    waits_ms: how long a batch that arrived at the worst moment would have waited for a step of recycling.
    """

    seconds: float = 0.0
    cpu_s: float = 0.0
    file_share: float = 0.0
    commits_ms: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)

    def commit_p99_ms(self) -> float:
        """All but a hundredth of the commits took no longer."""
        return percentile(self.commits_ms, 0.99)

    def wait_p99_ms(self) -> float:
        """All but a hundredth of the recycling's steps took no longer."""
        return percentile(self.waits_ms, 0.99) if self.waits_ms else 0.0


class Turnover:
    """Records into a store and recycles it. fifo: the oldest session goes first, otherwise any."""

    def __init__(self, folder: Path, quota_bytes: int, *, fifo: bool = True, seed: int = 0) -> None:
        self._store = StoreEnvironment.open_write(folder)
        self._file = folder / "data.mdb"
        self._quota = quota_bytes
        self._fifo = fifo
        self._random = random.Random(seed)
        self._pool = self._random.randbytes(_POOL_BYTES)
        self._finished: list[str] = []
        self._session = ""
        self._session_bytes = 0
        self._ends = dict.fromkeys(_TRACKS, 0)
        self._number = 0
        self._recycling: Iterator[None] | None = None

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def turn(self) -> Turn:
        """Record as many bytes as the quota has."""
        measured = Turn()
        started, cpu_started, written = time.perf_counter(), time.process_time(), 0
        while written < self._quota:
            items = [self._chunk() for _ in range(self._random.choice(BATCH_CHUNKS))]
            written += sum(len(item.payload) for item in items)
            measured.commits_ms.append(_timed_ms(partial(self._land, items)))
            if self._recycling is None and self._is_over():
                self._recycling = self._recycle()
            if self._recycling is not None:
                measured.waits_ms.append(_timed_ms(self._recycle_step))
        measured.seconds = time.perf_counter() - started
        measured.cpu_s = time.process_time() - cpu_started
        measured.file_share = self._file.stat().st_size / self._quota
        return measured

    def _chunk(self) -> IngestItem:
        if self._session_bytes > self._quota / SESSIONS_KEPT or not self._session:
            self._next_session()
        # Most chunks of a recording are small; sizes are spread evenly over their logarithm.
        size = int(CHUNK_BYTES_MIN * (CHUNK_BYTES_MAX / CHUNK_BYTES_MIN) ** self._random.random())
        offset = self._random.randrange(_POOL_BYTES - size)
        self._number += 1
        payload = self._number.to_bytes(8, "big") + self._pool[offset : offset + size]
        self._session_bytes += size
        track = self._random.choice(_TRACKS)
        start_ns = self._ends[track]
        self._ends[track] = start_ns + 2 * NS_PER_S
        message = ChunkCaptured(
            session=self._session,
            track=track,
            epoch=1,
            start_ns=start_ns,
            end_ns=start_ns + 2 * NS_PER_S,
            frames=60,
            keyframe=True,
            codec="avc1",
        )
        return IngestItem("capture-1", self._number, message, payload, b"init of " + track.encode())

    def _next_session(self) -> None:
        if self._session:
            self._finished.append(self._session)
            end_ns = max(self._ends.values())
            with self._store.write() as txn:
                order = FinishSession(session=self._session, end_ns=end_ns, state=SessionState.COMPLETED)
                sessions.finish(txn, order)
        self._session = f"turnover-{self._number:08d}"
        self._session_bytes = 0
        self._ends = dict.fromkeys(_TRACKS, 0)
        tracks = [TrackRecord(id=name, kind=TrackKind.VIDEO, codec="", label=name, source=name) for name in _TRACKS]
        with self._store.write() as txn:
            sessions.create(
                txn,
                CreateSession(
                    session=self._session, name="work", tags=[], started_wall_ns=1, started_mono_ns=1, tracks=tracks
                ),
            )

    def _land(self, items: list[IngestItem]) -> None:
        with self._store.write() as txn:
            batch = Batch(txn)
            for item in items:
                batch.land(item)
            batch.finish()

    def _is_over(self) -> bool:
        with self._store.read() as txn:
            return txn.bytes_in_use() > self._quota and bool(self._finished)

    def _recycle_step(self) -> None:
        if next(self._recycling or iter(()), self) is self:
            self._recycling = None

    def _recycle(self) -> Iterator[None]:
        place = 0 if self._fifo else self._random.randrange(len(self._finished))
        order = RemoveSession(session=self._finished.pop(place), reason="quota")
        with self._store.write() as txn:
            manifests.remove(txn, order, Circumstances(self._file.parent, ()))
        yield
        complete = False
        while not complete:
            with self._store.write() as txn:
                complete = gc.collect(txn, CollectChunks(chunks_max=COLLECT_CHUNKS)).complete
            yield
        eraser = Eraser(self._store)
        while not eraser.step().done:
            yield


def run(folder: Path, quota_bytes: int, turns: int, *, fifo: bool = True, seed: int = 0) -> list[Turn]:
    """The first turn fills the store; `turns` more recycle it."""
    turnover = Turnover(folder, quota_bytes, fifo=fifo, seed=seed)
    try:
        return [turnover.turn() for _ in range(turns + 1)]
    finally:
        turnover.close()


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all do not pass."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _timed_ms(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    """Print every turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quota-mb", type=int, default=300)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--random", action="store_true", help="any session goes, not the oldest")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reeld-turnover-") as folder:
        turns = run(Path(folder), options.quota_mb * 10**6, options.turns, fifo=not options.random)
    for number, turn in enumerate(turns):
        print(
            f"turn {number:2}: file {turn.file_share:.3f} x quota, {turn.seconds:.2f} s (CPU {turn.cpu_s:.2f}),"
            f" commit p50 {percentile(turn.commits_ms, 0.5):.2f} p99 {turn.commit_p99_ms():.2f}"
            f" max {max(turn.commits_ms):.2f} ms, recycling step p99 {turn.wait_p99_ms():.2f} ms"
        )


if __name__ == "__main__":
    main()
