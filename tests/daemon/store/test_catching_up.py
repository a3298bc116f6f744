"""Harm guarded against: a compaction that loses what was recorded while it copied, or brings back what was removed."""

from contextlib import closing
from pathlib import Path

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store import catching_up
from reeld.store.catching_up import catch_up, differences
from reeld.store.compact import copy_store
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import REPAIRED_KEY
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.store.builders import NS, chunk, land

rows = st.dictionaries(st.binary(max_size=3), st.binary(max_size=3))


@given(wanted=rows, known=rows)
def test_differences_make_one_the_other_and_are_no_more_than_needed(
    wanted: dict[bytes, bytes], known: dict[bytes, bytes]
) -> None:
    made = dict(known)
    changes = list(differences(iter(sorted(wanted.items())), iter(sorted(known.items()))))
    for key, value in changes:
        if value is None:
            del made[key]
        else:
            made[key] = value
    assert made == wanted
    needed = {key for key in wanted.keys() | known.keys() if wanted.get(key) != known.get(key)}
    assert sorted(key for key, _ in changes) == sorted(needed)


def rows_of(path: Path) -> dict[Table, list[tuple[bytes, bytes]]]:
    with (
        closing(lmdb.open(str(path), subdir=False, lock=False, readonly=True, max_dbs=len(Table))) as raw,
        raw.begin() as txn,
    ):
        return {
            table: [
                (bytes(key), bytes(value))
                for key, value in txn.cursor(raw.open_db(table.encode(), txn=txn, create=False))
            ]
            for table in Table
        }


def copied(store: StoreEnvironment) -> Path:
    return Path(copy_store(store, 0, lambda _done, _total: True).staged)


def test_a_copy_is_what_the_store_is_now(store: StoreEnvironment) -> None:
    for number in range(30):
        land(store, chunk(number * NS, (number + 1) * NS, b"%d" % number * 3000))
    path = copied(store)
    with store.write() as txn:
        gone = list(txn.keys(Table.CHUNKS))[:7]
        for digest in gone:
            txn.delete(Table.CHUNKS, digest)
            txn.delete(Table.REFERENCES, digest)
    for number in range(30, 40):
        land(store, chunk(number * NS, (number + 1) * NS, b"%d" % number * 3000))
    assert catch_up(store, path) > 20
    with store.read() as txn:
        assert rows_of(path) == {table: list(txn.scan(table)) for table in Table}
    assert catch_up(store, path) == 0


def test_bytes_that_were_healed_meanwhile_are_not_lost_again(store: StoreEnvironment) -> None:
    # The name of a healed chunk is the old one; only its bytes differ.
    path = copied(store)
    with store.write() as txn:
        txn.put(Table.META, REPAIRED_KEY, b"anew")
    with pytest.raises(RequestRejected, match="repaired") as caught:
        catch_up(store, path)
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_a_recording_is_not_held_back_for_long(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copied(store)
    land(store, chunk(0, NS, b"some"))
    monkeypatch.setattr(catching_up, "ROWS_MAX", 2)
    with pytest.raises(RequestRejected, match="rows"):
        catch_up(store, path)
