"""How long producers wait for a store whose disk stands still, or whose process is frozen."""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reeld.runtime.outbox import Producer
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.verify import verify
from reeld_proto.workers import Done
from tests.bench.measure import percentile
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish
from tests.daemon.store.harness import Bench, bench
from tests.support.slow_disk import SlowDisk

RATE_PER_S = 15
CHUNK_BYTES = 200_000
"""Of each of two producers: 6 MB/s in all, several times what a desktop of two screens gives."""

_BODY = os.urandom(CHUNK_BYTES)


@dataclass
class Sender:
    """A producer that never stops. sent_ms: how long each `send` took; payloads: what it sent, by number."""

    producer: Producer
    track: str
    sent_ms: list[float] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    refused: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send a chunk every 1/RATE_PER_S s until `stop`."""
        next_s = time.monotonic()
        while not self._done.wait(max(0.0, next_s - time.monotonic())):
            next_s += 1 / RATE_PER_S
            index = len(self.payloads)
            # Different bytes at no cost: making them random would be measured, too, as time the other threads wait.
            payload = b"%s %8d" % (self.track.encode(), index) + _BODY
            message = chunk(index * NS, (index + 1) * NS, track=self.track).message
            began = time.perf_counter()
            taken = self.producer.send(message, payload, b"init")
            self.sent_ms.append((time.perf_counter() - began) * 1e3)
            self.payloads.append(payload)
            self.refused += not taken

    def stop(self) -> None:
        """End `run`."""
        self._done.set()


@contextmanager
def senders(made: Bench) -> Iterator[list[Sender]]:
    """Two producers at full rate inside the block."""
    running = []
    threads = []
    for name, track in (("capture-1", "video-1"), ("audio-1", "mix")):
        producer = Producer(made.context, name=name, ingest=made.endpoints.ingest, commits=made.endpoints.commits)
        running.append(Sender(producer, track))
        threads.append(threading.Thread(target=running[-1].run))
    try:
        for thread in threads:
            thread.start()
        yield running
    finally:
        for sender in running:
            sender.stop()
        for thread in threads:
            if thread.is_alive():
                thread.join()
        for sender in running:
            sender.producer.close()


@dataclass
class Stall:
    """What came of it. sent_ms: every send during the stall; lost, doubled: chunks, afterwards."""

    sent_ms: list[float]
    refused: int
    lost: int
    doubled: int
    clean: bool
    recovered_s: float

    def __str__(self) -> str:
        p50, p99 = percentile(self.sent_ms, 0.5), percentile(self.sent_ms, 0.99)
        return (
            f"{len(self.sent_ms)} sends during the stall: p50 {p50:.3f} p99 {p99:.3f} max {max(self.sent_ms):.3f} ms;"
            f" all durable {self.recovered_s:.2f} s after it; lost {self.lost}, doubled {self.doubled}"
        )


def frozen(made: Bench) -> AbstractContextManager[None]:
    """The store's process stands still inside the block."""

    @contextmanager
    def freeze() -> Iterator[None]:
        assert made.process is not None
        os.kill(made.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(made.process.pid, signal.SIGCONT)

    return freeze()


def measure_stall(made: Bench, fault: Callable[[], AbstractContextManager[None]], seconds: float) -> Stall:
    """Record at full rate with a stall of `seconds` in the middle; `made` runs a store with one session."""
    with senders(made) as running:
        threading.Event().wait(1)
        before = [len(sender.sent_ms) for sender in running]
        with fault():
            threading.Event().wait(seconds)
            during = [sender.sent_ms[at:] for sender, at in zip(running, before, strict=True)]
        began = time.monotonic()
        for sender in running:
            sender.stop()
        assert all(sender.producer.wait_drained(30) for sender in running), made.log()
        recovered_s = time.monotonic() - began
        end = max(len(sender.payloads) for sender in running)
        assert made.order(finish((end + 1) * NS)) == Done()
    lost, doubled = compare(made.store, running)
    return Stall(
        sent_ms=[each for times in during for each in times],
        refused=sum(sender.refused for sender in running),
        lost=lost,
        doubled=doubled,
        clean=is_clean(made.store),
        recovered_s=recovered_s,
    )


def compare(store: Path, sent: list[Sender]) -> tuple[int, int]:
    """How many of the chunks sent are not in the store, and how many of it hold more than was sent."""
    reader = StoreReader.open(store)
    lost = doubled = 0
    try:
        for sender in sent:
            found = [reader.chunk(each.chunk) for each in reader.segments(SESSION, sender.track)]
            lost += len(set(sender.payloads) - set(found))
            doubled += len(found) - len(set(found))
    finally:
        reader.close()
    return lost, doubled


def is_clean(store: Path) -> bool:
    """Whether `verify` finds nothing."""
    opened = StoreEnvironment.open_read(store)
    try:
        return verify(opened, None).ok
    finally:
        opened.close()


def stalls(seconds: float) -> dict[str, Stall]:
    """Both faults, one after the other."""
    found = {}
    for name in ("disk stalled", "store frozen"):
        with tempfile.TemporaryDirectory(prefix="rt-") as runtime, tempfile.TemporaryDirectory() as folder:
            disk = SlowDisk(Path(folder))
            with bench(Path(runtime), Path(folder) / "store") as made:
                made.start(**disk.environment)
                assert made.order(creation()) == Done()
                fault = disk.stalled if name == "disk stalled" else lambda made=made: frozen(made)
                found[name] = measure_stall(made, fault, seconds)
    return found


if __name__ == "__main__":
    for title, stall in stalls(5.0).items():
        print(f"{title}: {stall}")
