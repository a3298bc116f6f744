"""LMDB's file as we read it. Harm guarded against: a page taken for free that is in use, which would be overwritten."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from reeld.store.environment import StoreEnvironment
from reeld.store.pages import PIECE_BYTES, PageFile, is_zero
from reeld.store.transaction import Table
from reeld_proto.errors import StoreCorrupt


@pytest.fixture
def worn(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """A store with values of every size, many of them removed again."""
    store = StoreEnvironment.open_write(tmp_path / "store")
    chance = random.Random(1)
    keys = []
    for _ in range(80):
        with store.write() as txn:
            for _ in range(20):
                key = chance.randbytes(20)
                txn.put(Table.CHUNKS, key, chance.randbytes(int(10 * 5000 ** chance.random())))
                keys.append(key)
            if len(keys) > 400:
                for key in chance.sample(keys, 50):
                    txn.delete(Table.CHUNKS, key)
                    keys.remove(key)
    yield store
    store.close()


@pytest.fixture
def file(worn: StoreEnvironment) -> Iterator[PageFile]:
    found = PageFile(worn.path / "data.mdb")
    yield found
    found.close()


def test_every_page_is_either_in_use_or_free(worn: StoreEnvironment, file: PageFile) -> None:
    meta = file.meta()
    free = [page for record in file.free_pages(meta) for page in record.pages]
    assert len(set(free)) == len(free) > 100
    in_use = sum(tree.pages for tree in file._sub_trees(meta.main)) + meta.main.pages + meta.free.pages
    assert in_use + len(free) + 2 == meta.last_page + 1
    with worn.read() as txn:
        tables = txn.bytes_in_use()
    assert tables == sum(tree.pages for tree in file._sub_trees(meta.main)) * file.page_bytes


def test_free_pages_are_no_page_that_can_be_reached(file: PageFile) -> None:
    meta = file.meta()
    free = {page for record in file.free_pages(meta) for page in record.pages}
    reached = set()
    for tree in (meta.free, meta.main, *file._sub_trees(meta.main)):
        for page in file._pages_of(tree):
            reached.add(int.from_bytes(page[:8], "little"))
    assert len(reached) > 10
    assert not reached & free
    assert all(list(record.pages) == sorted(record.pages) for record in file.free_pages(meta))


def test_lmdb_takes_its_new_pages_from_what_we_call_free(worn: StoreEnvironment, file: PageFile) -> None:
    before = {page for record in file.free_pages(file.meta()) for page in record.pages}
    last = file.meta().last_page
    with worn.write() as txn:
        txn.put(Table.CHUNKS, b"one more", bytes(4096 * 3))
    after = {page for record in file.free_pages(file.meta()) for page in record.pages}
    assert before - after
    assert file.meta().last_page == last


def test_both_states_of_the_file_are_found_by_their_number(worn: StoreEnvironment, file: PageFile) -> None:
    newest = worn.last_txn_id()
    assert file.meta().txn_id == newest == file.meta(newest).txn_id
    assert file.meta(newest - 1).txn_id == newest - 1
    with pytest.raises(StoreCorrupt):
        file.meta(newest - 2)


def test_a_free_list_that_names_pages_beyond_the_file_is_damage(file: PageFile) -> None:
    meta = file.meta()
    highest = max(record.pages[-1] for record in file.free_pages(meta) if record.pages)
    lie = type(meta)(meta.page_bytes, meta.txn_id, highest - 1, meta.free, meta.main)
    with pytest.raises(StoreCorrupt):
        file.free_pages(lie)


@pytest.mark.parametrize("content", [b"", b"short", bytes(8192), random.Random(1).randbytes(8192)])
def test_a_file_that_is_not_lmdbs_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(StoreCorrupt):
        PageFile(tmp_path / "data.mdb")


def test_a_damaged_page_is_damage_not_a_guess(worn: StoreEnvironment, file: PageFile) -> None:
    meta = file.meta()
    assert meta.main.root is not None
    worn.close()
    with (worn.path / "data.mdb").open("r+b") as raw:
        raw.seek(meta.main.root * file.page_bytes)
        raw.write(b"\xff" * 16)
    with pytest.raises(StoreCorrupt):
        file.free_pages(meta)


def test_the_room_found_is_no_part_of_any_value(worn: StoreEnvironment, file: PageFile) -> None:
    with worn.read() as txn:
        before = list(txn.scan(Table.CHUNKS))
        found = [slack for slack in file.slack(file.meta(txn.id()), tails=True) if slack is not None]
        writable = PageFile(worn.path / "data.mdb", writable=True)
        with os.fdopen(writable.fd, "r+b", buffering=0) as raw:
            for slack in found:
                raw.seek(slack.offset)
                raw.write(b"\xaa" * slack.length)
        assert found
        assert list(txn.scan(Table.CHUNKS)) == before
    worn.close()
    with lmdb.open(str(worn.path), readonly=True, max_dbs=30) as again, again.begin() as txn:
        assert txn.stat(again.open_db(b"chunks", txn=txn, create=False))["entries"] == len(before)


def test_zeros_are_told_from_nearly_zeros() -> None:
    assert is_zero(b"")
    assert is_zero(bytes(PIECE_BYTES))
    assert not is_zero(bytes(100) + b"\1")
    assert not is_zero(b"\1" + bytes(100))
