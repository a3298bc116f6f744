"""Checks in the background. Harm guarded against: damage that is found only when somebody wants to look."""

from contextlib import closing
from pathlib import Path

import pytest

from reeld.store import scrub
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table
from reeld.upkeep.scrubbing import run_scrub
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import RecordCheck, RunScrub
from tests.daemon.store.builders import NS, chunk, creation, land, new_store


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    with new_store(path, creation()) as store:
        land(store, *(chunk(n * NS, (n + 1) * NS, bytes([n]) * 100) for n in range(4)))
    return path


def going_on(_done: int, _total: int) -> bool:
    return True


def test_with_time_enough_all_is_checked(filled: Path) -> None:
    done = run_scrub(RunScrub(store=str(filled), max_duration_s=60), going_on)
    assert (done.checked_chunks, done.complete, done.damaged) == (5, True, [])
    assert done.checked_bytes == done.total_bytes == 4 * 100 + len(b"init")


def test_slices_without_time_still_come_round_and_find_the_damage(filled: Path) -> None:
    bad = digest_of(bytes([2]) * 100)
    with closing(StoreEnvironment.open_write(filled)) as store, store.write() as txn:
        txn.put(Table.CHUNKS, bad, b"rotten")
    damaged = []
    for _ in range(5):
        done = run_scrub(RunScrub(store=str(filled), max_duration_s=0), going_on)
        assert (done.checked_chunks, done.complete) == (1, False)
        damaged += done.damaged
        with closing(StoreEnvironment.open_write(filled)) as store, store.write() as txn:
            scrub.record(txn, RecordCheck(cursor=done.cursor, at_wall_ns=1))
    assert damaged == [bad.hex()]


def test_a_scrub_that_is_stopped_says_so(filled: Path) -> None:
    with pytest.raises(RequestRejected):
        run_scrub(RunScrub(store=str(filled), max_duration_s=60), lambda _done, _total: False)
