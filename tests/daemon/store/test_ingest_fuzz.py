"""Harm guarded against: a message that crashes the store, changes it, or passes without a word.

`REELD_FUZZ=100000` tries as many; without it a few thousand.
"""

import contextlib
import hashlib
import json
import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import zmq

from reeld.store.api import Fate, IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld.store.intake import decode
from reeld.store.transaction import Table
from reeld_proto.errors import RequestRejected
from reeld_proto.workers import Done, Progress, ShutDown
from tests.daemon.store.builders import NS, chunk, creation, gap, land, new_store
from tests.daemon.store.harness import bench
from tests.daemon.store.mutations import MUTATIONS, Frames, flipped, good_chunk, good_clock, good_gap, huge
from tests.support.wait import until

MESSAGES = int(os.environ.get("REELD_FUZZ", "2000"))
SEED = int(os.environ.get("REELD_SEED", "0")) or random.randrange(1 << 30)
BATCH = 100

pytestmark = pytest.mark.timeout(120 + MESSAGES // 200)


def content(store: StoreEnvironment) -> str:
    """A digest of every key and value."""
    found = hashlib.sha256()
    with store.read() as txn:
        for table in Table:
            for key, value in txn.scan(table):
                found.update(repr((table, key, value)).encode())
    return found.hexdigest()


def content_of(path: Path) -> str:
    store = StoreEnvironment.open_read(path)
    try:
        return content(store)
    finally:
        store.close()


def understood(frames: Frames) -> IngestItem | None:
    try:
        return decode([memoryview(frame) for frame in frames])
    except RequestRejected:
        return None


class _Undone(Exception):
    """Leaves a transaction without a trace."""


class Scratch:
    """Says of a message whether it is one that a healthy producer could have sent: then it is no mutation."""

    def __init__(self, store: StoreEnvironment) -> None:
        self._store = store

    def would_land(self, frames: Frames) -> bool:
        item = understood(frames)
        if item is None:
            return False
        fates = []
        with contextlib.suppress(_Undone), self._store.write() as txn:
            fates.append(Batch(txn).land(item).fate)
            raise _Undone
        return fates != [Fate.REFUSED]


def test_the_messages_it_all_starts_from_are_good(store: StoreEnvironment) -> None:
    chance = random.Random(1)
    for good in (good_chunk, good_gap, good_clock):
        assert all(Scratch(store).would_land(good(chance)) for _ in range(50))


def test_no_mutation_crashes_the_store_changes_it_or_passes_in_silence(tmp_path: Path) -> None:
    print(f"REELD_SEED={SEED}")
    chance = random.Random(SEED)
    outcomes: Counter[str] = Counter()
    with new_store(tmp_path / "store", creation()) as store:
        land(store, chunk(0, NS), gap(NS, 2 * NS), chunk(0, NS, track="mix"))
        before, scratch = content(store), Scratch(store)
        for start in range(0, MESSAGES, BATCH):
            with_form: list[IngestItem] = []
            for number in range(start, min(start + BATCH, MESSAGES)):
                mutate = huge if number % 200 == 0 else chance.choice(MUTATIONS)
                frames = mutate(chance)
                while mutate is flipped and scratch.would_land(frames):
                    outcomes["flips that left a good message, drawn again"] += 1
                    frames = mutate(chance)
                item = understood(frames)
                if item is None:
                    outcomes["malformed"] += 1
                else:
                    with_form.append(item)
            landings = land(store, *with_form)
            assert all(each.fate is Fate.REFUSED and each.reason for each in landings), landings
            outcomes["refused"] += len(landings)
        assert content(store) == before
    print(dict(outcomes))
    assert outcomes["malformed"] + outcomes["refused"] == MESSAGES
    assert min(outcomes["malformed"], outcomes["refused"]) > MESSAGES // 20, "both ways out are tried"


@pytest.mark.slow
def test_a_flood_of_mutations_over_the_socket_is_counted_and_the_store_goes_on(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    count = min(3000, max(300, MESSAGES // 10))
    with (
        tempfile.TemporaryDirectory(prefix="rt-") as runtime,
        new_store(tmp_path / "scratch", creation()) as scratch_store,
        bench(Path(runtime), tmp_path / "store") as made,
        contextlib.ExitStack() as stack,
    ):
        made.start()
        assert made.order(creation()) == Done()
        before, scratch = content_of(made.store), Scratch(scratch_store)
        push = stack.enter_context(contextlib.closing(made.context.socket(zmq.PUSH)))
        push.connect(made.endpoints.ingest)
        malformed = 0
        for number in range(count):
            mutate = huge if number % 200 == 0 else chance.choice(MUTATIONS)
            frames = mutate(chance)
            while mutate is flipped and scratch.would_land(frames):
                frames = mutate(chance)
            malformed += understood(frames) is None
            push.send_multipart(frames)
        until(lambda: made.heard(Progress) and made.heard(Progress)[-1].queues[0].dropped == malformed, 20)
        assert made.order(creation()) == Done()
        push.send_multipart(good_chunk(chance))
        until(lambda: content_of(made.store) != before, 10, what="a good message after all the bad ones")
        made.order(ShutDown())
        lines = [json.loads(line) for line in made.end().splitlines()]
        told = Counter[str]()
        for line in lines:
            told[line["event"]] += line.get("count", 1)
        assert told["ingest.malformed"] == malformed
        assert told["ingest.refused"] == count - malformed
        assert len(lines) < 60, "a flood must not fill the log"
        # What the producers of refused messages called themselves is not kept.
        assert sum(told.values()) == count
