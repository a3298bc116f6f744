"""Compaction from end to end, over a real store in this process."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from reeld.control.compaction import TRIES_MAX, compact_now
from reeld.store import catching_up, staging
from reeld.store.compact import copy_store
from reeld.store.environment import StoreEnvironment
from reeld.store.housekeeping import Housekeeping
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.store.builders import NS, chunk, creation, land, new_store
from tests.daemon.store.test_compact import fill


class House:
    """busy: how many copies are overtaken by a commit."""

    def __init__(self, store: StoreEnvironment) -> None:
        self.store = store
        self.busy = 0
        self.copies = 0
        self.landed = 20
        self.session: Any = None
        self.store_dir = store.path
        self.jobs = SimpleNamespace(run=self._run)
        self.sessions = SimpleNamespace(brief=lambda: self.session)

    async def _run(self, order: Any) -> Any:
        self.copies += 1
        made = copy_store(self.store, order.gain_bytes_min, lambda _done, _total: True)
        if self.copies <= self.busy:
            start = self.landed * NS
            land(self.store, chunk(start, start + NS, b"more %d" % self.landed))
            self.landed += 1
        return made

    async def ask_store(self, order: Any, _timeout_s: float) -> Any:
        work = Housekeeping().work_for(order)
        assert work is not None
        return work(self.store)


@pytest.fixture
def house(tmp_path: Any) -> Any:
    with new_store(tmp_path / "store", creation()) as store:
        fill(store)
        yield House(store)
        assert verify(store, None).ok
        folder = store.path / staging.FOLDER
        assert not folder.exists() or not list(folder.iterdir())


def compact(house: House, **options: int) -> Any:
    return asyncio.run(compact_now(house, **options))  # type: ignore[arg-type]


def test_the_file_shrinks(house: House) -> None:
    done = compact(house)
    assert done.new_bytes < done.old_bytes
    assert (house.store.path / "data.mdb").stat().st_size < done.old_bytes


def test_a_recording_goes_on_and_loses_nothing(house: House) -> None:
    # A rolling buffer commits all the time: there would never be a moment for it.
    house.session = object()
    house.busy = 1
    done = compact(house)
    assert house.copies == 1
    assert (house.store.path / "data.mdb").stat().st_size < done.old_bytes
    with house.store.read() as txn:
        assert txn.count(Table.TIMELINE) == 21


def test_a_store_too_large_to_be_held_back_for_is_told_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "ROWS_MAX", 3)
    house.busy = TRIES_MAX - 1
    assert compact(house).staged, "in a quiet moment it works"
    house.copies, house.busy = 0, TRIES_MAX
    with pytest.raises(RequestRejected, match="rows to compare") as caught:
        compact(house)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert house.copies == TRIES_MAX


def test_for_little_it_copies_nothing(house: House) -> None:
    assert compact(house, gain_bytes_min=1 << 40).staged == ""
