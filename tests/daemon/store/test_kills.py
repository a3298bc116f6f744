"""kill -9 of the store again and again while two producers send at full rate. Harm guarded against: a crash that costs
more than the moment it happened in, leaves a store that does not add up, or stores something twice.

`REELD_KILLS=200` kills as often as that; without it a few times.
"""

import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reeld.runtime.outbox import Producer
from reeld.store import sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.verify import verify
from reeld_proto.workers import Done
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish
from tests.daemon.store.harness import Bench, bench

KILLS = int(os.environ.get("REELD_KILLS", "5"))
KILLS_A_STORE = 20
"""Every store is checked whole after every kill; a new one from time to time keeps that short."""

RATE_PER_S = 15
CHUNK_BYTES = 100_000
MISSING_S_MAX = 2.0
SEED = int(os.environ.get("REELD_SEED", "0")) or random.randrange(1 << 30)

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(60 + 6 * KILLS)]
_BODY = os.urandom(CHUNK_BYTES)


@dataclass
class Track:
    """A producer in real time: its media time is the time since it began."""

    producer: Producer
    id: str
    began_ns: int = field(default_factory=time.monotonic_ns)
    end_ns: int = 0
    sent: list[bytes] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.done.wait(1 / RATE_PER_S):
            now_ns = time.monotonic_ns() - self.began_ns
            payload = b"%s %8d" % (self.id.encode(), len(self.sent)) + _BODY
            assert self.producer.send(chunk(self.end_ns, now_ns, track=self.id).message, payload, b"init")
            self.sent.append(payload)
            self.end_ns = now_ns


@contextmanager
def tracks(made: Bench) -> Iterator[list[Track]]:
    running = [
        Track(Producer(made.context, name=name, ingest=made.endpoints.ingest, commits=made.endpoints.commits), track)
        for name, track in (("capture-1", "video-1"), ("audio-1", "mix"))
    ]
    threads = [threading.Thread(target=track.run) for track in running]
    try:
        for thread in threads:
            thread.start()
        yield running
    finally:
        for track in running:
            track.done.set()
        for thread in threads:
            thread.join()
        for track in running:
            track.producer.close()


def look(store: Path) -> tuple[bool, dict[str, int]]:
    """Whether the store is clean, and where each track ends in it."""
    opened = StoreEnvironment.open_read(store)
    try:
        with opened.read() as txn:
            ends = {track.id: track.end_ns for track in sessions.load(txn, SESSION).tracks}
        return verify(opened, None).ok, ends
    finally:
        opened.close()


def stored(store: Path, track: str) -> list[bytes]:
    reader = StoreReader.open(store)
    try:
        return [reader.chunk(each.chunk) for each in reader.segments(SESSION, track)]
    finally:
        reader.close()


def ordeal(made: Bench, kills: int, chance: random.Random) -> list[float]:
    """Kill the store so often; what was missing at each death, in seconds, besides the time before with no store."""
    missing_s = []
    outage_s = 0.0
    made.start()
    assert made.order(creation()) == Done()
    with tracks(made) as running:
        for _ in range(kills):
            threading.Event().wait(chance.uniform(0.05, 0.8))
            ends = [track.end_ns for track in running]
            made.kill()
            clean, found = look(made.store)
            assert clean
            missing_ns = max(end - found[track.id] for end, track in zip(ends, running, strict=True))
            missing_s.append(missing_ns / NS - outage_s)
            began = time.monotonic()
            made.start(REELD_LIVE_SESSION=SESSION)
            outage_s = time.monotonic() - began
        for track in running:
            track.done.set()
        assert all(track.producer.wait_drained(30) for track in running)
        end_ns = max(track.end_ns for track in running)
        assert made.order(finish(end_ns)) == Done()
        clean, _ = look(made.store)
        assert clean
        for track in running:
            assert stored(made.store, track.id) == track.sent, "everything once, and in order"
    return missing_s


def test_a_store_killed_at_any_moment_is_sound_and_everything_lands_once(tmp_path: Path) -> None:
    print(f"REELD_SEED={SEED}")
    chance = random.Random(SEED)
    missing_s: list[float] = []
    while len(missing_s) < KILLS:
        kills = min(KILLS_A_STORE, KILLS - len(missing_s))
        store = tmp_path / f"store-{len(missing_s)}"
        with tempfile.TemporaryDirectory(prefix="rt-") as runtime, bench(Path(runtime), store) as made:
            missing_s += ordeal(made, kills, chance)
    print(f"{len(missing_s)} kills, missing at the moment of death: at most {max(missing_s):.3f} s")
    assert max(missing_s) <= MISSING_S_MAX
