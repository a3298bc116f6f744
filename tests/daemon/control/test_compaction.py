"""Compaction from end to end, over a real store in this process."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from reeld.control.compaction import TRIES_MAX, compact_now
from reeld.store import staging
from reeld.store.compact import copy_store
from reeld.store.environment import StoreEnvironment
from reeld.store.housekeeping import Housekeeping
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
        self.session: Any = None
        self.store_dir = store.path
        self.jobs = SimpleNamespace(run=self._run)
        self.sessions = SimpleNamespace(brief=lambda: self.session)

    async def _run(self, order: Any) -> Any:
        self.copies += 1
        made = copy_store(self.store, order.gain_bytes_min, lambda _done, _total: True)
        if self.copies <= self.busy:
            land(self.store, chunk((20 + self.copies) * NS, (21 + self.copies) * NS, b"more"))
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


def test_overtaken_by_a_commit_it_copies_again(house: House) -> None:
    house.busy = TRIES_MAX - 1
    assert compact(house).staged
    assert house.copies == TRIES_MAX


def test_overtaken_every_time_it_gives_up_and_says_why(house: House) -> None:
    house.busy = TRIES_MAX
    with pytest.raises(RequestRejected) as caught:
        compact(house)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert house.copies == TRIES_MAX


def test_it_waits_for_the_recording_to_end(house: House) -> None:
    house.session = object()
    with pytest.raises(RequestRejected, match="recording"):
        compact(house)
    assert house.copies == 0


def test_for_little_it_copies_nothing(house: House) -> None:
    assert compact(house, gain_bytes_min=1 << 40).staged == ""
