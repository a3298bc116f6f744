"""What a second copy gives back. Harm guarded against: bytes of another chunk taken for the lost ones."""

from contextlib import closing
from pathlib import Path

import pytest

from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.staging import read_staged
from reeld.store.transaction import Table
from reeld.upkeep.healing import heal
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import Healing, RunHealing
from tests.daemon.store.builders import NS, chunk, creation, land, new_store

GOOD, BAD, WORSE = b"good" * 100, b"bad" * 100, b"worse" * 100


def going_on(_done: int, _total: int) -> bool:
    return True


def fill(path: Path) -> Path:
    with new_store(path, creation()) as store:
        land(store, *(chunk(n * NS, (n + 1) * NS, data) for n, data in enumerate((GOOD, BAD, WORSE))))
    return path


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = fill(tmp_path / "store")
    with closing(StoreEnvironment.open_write(path)) as store, store.write() as txn:
        txn.put(Table.CHUNKS, digest_of(BAD), b"rotten")
        txn.delete(Table.CHUNKS, digest_of(WORSE))
    return path


def staged(store: Path, found: Healing) -> list[bytes]:
    return [each.payload for each in read_staged(store, found.staged)]


def test_without_a_copy_everything_damaged_is_lost(damaged: Path) -> None:
    found = heal(RunHealing(store=str(damaged), source=""), going_on)
    assert (found.staged, found.healed) == ("", [])
    assert found.lost == sorted([digest_of(BAD).hex(), digest_of(WORSE).hex()])


def test_a_good_copy_gives_all_back(damaged: Path, tmp_path: Path) -> None:
    copy = fill(tmp_path / "copy")
    found = heal(RunHealing(store=str(damaged), source=str(copy)), going_on)
    assert sorted(staged(damaged, found)) == sorted([BAD, WORSE])
    assert found.lost == []


def test_a_copy_that_is_damaged_itself_gives_only_what_is_right(damaged: Path, tmp_path: Path) -> None:
    copy = fill(tmp_path / "copy")
    with closing(StoreEnvironment.open_write(copy)) as store, store.write() as txn:
        txn.put(Table.CHUNKS, digest_of(BAD), b"rotten too")
    found = heal(RunHealing(store=str(damaged), source=str(copy)), going_on)
    assert staged(damaged, found) == [WORSE]
    assert found.lost == [digest_of(BAD).hex()]


@pytest.mark.parametrize("source", ["store", "nowhere"])
def test_what_is_no_second_copy_is_refused(damaged: Path, source: str) -> None:
    with pytest.raises(RequestRejected):
        heal(RunHealing(store=str(damaged), source=str(damaged.parent / source)), going_on)
    assert not list(damaged.glob("staging/*"))


def test_a_job_that_is_stopped_leaves_nothing(damaged: Path) -> None:
    with pytest.raises(RequestRejected):
        heal(RunHealing(store=str(damaged), source=""), lambda _done, _total: False)
