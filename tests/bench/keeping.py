"""`replay save` of an hour of five tracks, the store's part: what the answer waits for, and what is filled in after it.

Before it, the daemon waits `CUT_LIMIT_S` at most for what is being recorded to be cut.
"""

import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reeld.control.areas.replay import WORK_MS
from reeld.replay.keeper import FILL_MS
from reeld.store import orders, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld_proto.replay_orders import BufferMoment, FillKept, KeepLast
from tests.bench.shelf import TRACKS
from tests.daemon.store.builders import NS, chunk, creation

CHUNK_NS = 2 * NS
ROUNDS = 9
TAPE = "tape"
_PORTION = 300
_STARTED_WALL_NS = 1_700_000_000 * NS


@dataclass(frozen=True)
class Kept:
    """Milliseconds: of the answers, and of the longest transaction that filled one in; seconds until it was whole."""

    answers_ms: list[float]
    longest_ms: float
    whole_s: float

    @property
    def median_ms(self) -> float:
        """Of the answers."""
        return statistics.median(self.answers_ms)


def keep(folder: Path, seconds: int) -> Kept:
    """Fill a store with a buffer of so many seconds, and keep all of it several times."""
    with closing(StoreEnvironment.open_write(folder)) as store:
        _record(store, seconds * NS // CHUNK_NS)
        now = BufferMoment(mono_ns=seconds * NS, wall_ns=_STARTED_WALL_NS + seconds * NS, live=TAPE)
        answers = []
        for number in range(ROUNDS):
            order = KeepLast(session=f"kept-{number}", name="kept", last_ns=seconds * NS, now=now, work_ms=WORK_MS)
            answers.append(_carry_out(store, order)[0])
        fills = []
        began = time.perf_counter()
        while True:
            took, done = _carry_out(store, FillKept(work_ms=FILL_MS))
            fills.append(took)
            if len(done.waiting) < ROUNDS:
                return Kept(answers, max(fills), time.perf_counter() - began)


def _record(store: StoreEnvironment, count: int) -> None:
    with store.write() as txn:
        sessions.create(
            txn, creation(TAPE, TAPE, TRACKS, buffer=True, started_mono_ns=0, started_wall_ns=_STARTED_WALL_NS)
        )
    for first in range(0, count, _PORTION):
        with store.write() as txn:
            batch = Batch(txn)
            for number in range(first, min(count, first + _PORTION)):
                for track in TRACKS:
                    batch.land(chunk(number * CHUNK_NS, (number + 1) * CHUNK_NS, track=track, session=TAPE))
            batch.finish()


def _carry_out(store: StoreEnvironment, order: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    with store.write() as txn:
        done = orders.carry_out(txn, order, Circumstances(store.path, ()))
    return (time.perf_counter() - began) * 1e3, done
