"""Collecting from end to end, over a real store in this process."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from reeld.control import collecting
from reeld.control.collecting import Collector
from reeld.store import orders
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.housekeeping import Housekeeping
from reeld.store.verify import verify
from reeld_proto.errors import ErrorCode, TransportError
from reeld_proto.store_orders import CollectChunks, EraseFreed, FreedErased
from tests.daemon.store.builders import new_store
from tests.daemon.store.test_gc import AT, garbage


class House:
    """The store's side, and which jobs run. fail_at: the number of the order that is lost."""

    def __init__(self, store: StoreEnvironment) -> None:
        self.store = store
        self.oldest_job: int | None = None
        self.asked: list[Any] = []
        self.fail_at = 0
        self.waits = 0
        self._housekeeping = Housekeeping()
        self.collector = Collector(self.ask, SimpleNamespace(oldest_start_wall_ns=lambda: self.oldest_job))  # type: ignore[arg-type]

    async def ask(self, order: Any, _timeout_s: float) -> Any:
        self.asked.append(order)
        if len(self.asked) == self.fail_at:
            raise TransportError("the store has gone", code=ErrorCode.TIMEOUT)
        if isinstance(order, EraseFreed) and self.waits:
            self.waits -= 1
            return FreedErased(bytes=1, done=False, waiting=True)
        work = self._housekeeping.work_for(order)
        if work is not None:
            return work(self.store)
        with self.store.write() as txn:
            return orders.carry_out(txn, order, Circumstances(self.store.path, ()))


@pytest.fixture
def house(tmp_path: Any) -> Any:
    with new_store(tmp_path / "store") as store:
        yield House(store)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "BATCH_CHUNKS", 7)
    monkeypatch.setattr(collecting, "WAITING_S", 0.0)


def test_everything_goes_in_short_batches_and_then_the_file_is_erased(house: House) -> None:
    garbage(house.store, 30)
    done = asyncio.run(house.collector.collect())
    assert (done.chunks, len(done.items), done.complete) == (30, 30, True)
    assert done.erased_bytes > 0
    assert sum(isinstance(order, CollectChunks) for order in house.asked) >= 5
    assert verify(house.store, None).ok


def test_a_dry_run_counts_all_of_it_and_erases_nothing(house: House) -> None:
    garbage(house.store, 30)
    told = asyncio.run(house.collector.collect(dry_run=True))
    assert (told.chunks, told.dry_run, told.erased_bytes) == (30, True, 0)
    assert not any(isinstance(order, EraseFreed) for order in house.asked)
    assert asyncio.run(house.collector.collect()).chunks == 30


def test_what_a_job_may_read_stays_and_what_lies_behind_it_goes(house: House) -> None:
    garbage(house.store, 20, AT, "old")
    garbage(house.store, 20, AT + 10, "young")
    house.oldest_job = AT + 10
    done = asyncio.run(house.collector.collect())
    assert (done.chunks, len(done.kept)) == (20, 20)
    house.oldest_job = None
    assert asyncio.run(house.collector.take_out(keep_since_wall_ns=AT + 10)) == 0
    assert asyncio.run(house.collector.collect()).chunks == 20


def test_at_most_a_thousand_are_listed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LISTED_MAX", 9)
    garbage(house.store, 30)
    done = asyncio.run(house.collector.collect())
    assert (done.chunks, len(done.items)) == (30, 9)


@pytest.mark.parametrize("fail_at", [1, 3, 5, 6])
def test_broken_off_anywhere_the_next_one_goes_on(house: House, fail_at: int) -> None:
    garbage(house.store, 30)
    house.fail_at = fail_at
    with pytest.raises(TransportError):
        asyncio.run(house.collector.collect())
    assert verify(house.store, None).ok
    house.fail_at = 0
    done = asyncio.run(house.collector.collect())
    assert done.chunks == max(0, 30 - 7 * (fail_at - 1))
    assert done.complete
    assert verify(house.store, None).ok


def test_a_reader_that_ends_soon_is_waited_for_and_one_that_does_not_is_told_of(house: House) -> None:
    garbage(house.store, 3)
    house.waits = 2
    assert asyncio.run(house.collector.collect()).complete
    garbage(house.store, 3)
    house.waits = 1000
    assert not asyncio.run(house.collector.collect()).complete


def test_chunks_alone_leave_without_a_byte_overwritten_and_are_erased_later(house: House) -> None:
    """The rolling buffer recycles every few seconds; what it recycled must not stay in the file for ever."""
    owed = []
    garbage(house.store, 30)
    asyncio.run(house.collector.erase_gently())
    owed.append(house.collector.owes_erasing)
    assert asyncio.run(house.collector.take_out()) > 0
    owed.append(house.collector.owes_erasing)
    erased_bytes, whole = asyncio.run(house.collector.erase_gently())
    owed.append(house.collector.owes_erasing)
    assert (erased_bytes > 0, whole, owed) == (True, True, [False, True, False])


def test_gentle_erasing_rests_between_its_steps_until_a_person_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "GENTLE_S", 30.0)
    garbage(house.store, 30)

    async def work() -> bool:
        gentle = asyncio.ensure_future(house.collector.erase_gently())
        await asyncio.sleep(0)
        person = asyncio.ensure_future(house.collector.collect())
        await asyncio.sleep(0.05)
        assert not person.done()
        gentle.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gentle
        assert isinstance(house.asked[-1], EraseFreed)
        return (await person).complete

    assert asyncio.run(work())
    stopped = [order for order in house.asked if isinstance(order, EraseFreed) and order.stop]
    assert len(stopped) == 1, "what is cancelled keeps no state of the store pinned"
