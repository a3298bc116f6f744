"""Sessions as rows. Harms guarded against: a session that is carried and lacks something; counts that do not agree."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store import rows
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.landing import keep_unreferenced
from reeld.store.records import PrerollEntry, References
from reeld.store.rows import Row, erase, media_digest, pages_of, read_rows, rows_in, write_rows
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto import codec
from reeld_proto.errors import StoreCorrupt
from tests.daemon.copies.bundles import record
from tests.daemon.store.builders import NS, SESSION, chunk, creation, land, new_store

OTHER = "20261122-180000-zzzz"


def rows_of(store: StoreEnvironment, session: str = SESSION) -> list[Row]:
    with store.read() as txn:
        return list(read_rows(txn, session))


def write(store: StoreEnvironment, session: str, wanted: list[Row]) -> None:
    with store.write() as txn:
        write_rows(txn, session, wanted, reason="test", now_wall_ns=7)


def counts(store: StoreEnvironment) -> dict[bytes, int]:
    with store.read() as txn:
        return {key: codec.unpack_record(value, References).count for key, value in txn.scan(Table.REFERENCES)}


def test_a_session_under_another_id_is_the_same(store: StoreEnvironment) -> None:
    record(store)
    before = rows_of(store)
    write(store, OTHER, before)
    assert media_digest(rows_of(store, OTHER)) == media_digest(before)
    assert rows_of(store, OTHER)[1:] == before[1:]
    assert rows_of(store) == before
    assert verify(store, None).ok


def test_writing_the_same_rows_again_changes_no_count(store: StoreEnvironment) -> None:
    record(store)
    before = counts(store)
    write(store, SESSION, rows_of(store))
    assert counts(store) == before
    assert verify(store, None).ok


def test_fewer_rows_make_garbage_and_more_rows_hold_it_again(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS), chunk(NS, 2 * NS, seq=2))
    whole = rows_of(store)
    write(store, SESSION, [row for row in whole if row.table is not Table.TIMELINE])
    assert set(counts(store).values()) == {0}
    with store.read() as txn:
        assert txn.count(Table.GARBAGE) == 3
    write(store, SESSION, whole)
    with store.read() as txn:
        assert txn.count(Table.GARBAGE) == 0
    assert verify(store, None).ok


def test_preroll_counts_too(store: StoreEnvironment) -> None:
    record(store)
    before = rows_of(store)
    digest = digest_of(b"init")
    entry = codec.pack_record(PrerollEntry([(digest, digest)]))
    write(store, SESSION, [*before, Row(Table.PREROLL, b"video-1\0" + bytes(8), entry)])
    assert counts(store)[digest] == 2 + 2
    write(store, SESSION, before)
    assert counts(store)[digest] == 2


def test_rows_that_need_what_is_not_there_are_not_written(store: StoreEnvironment, tmp_path: Path) -> None:
    record(store)
    wanted = rows_of(store)
    with new_store(tmp_path / "other") as other:
        with pytest.raises(StoreCorrupt):
            write(other, SESSION, wanted)
        assert rows_of(other) == []
        with other.write() as txn, store.read() as origin:
            for _, data in origin.scan(Table.CHUNKS):
                assert keep_unreferenced(txn, data, reason="test", now_wall_ns=1)
                assert not keep_unreferenced(txn, data, reason="test", now_wall_ns=2)
        write(other, SESSION, wanted)
        assert verify(other, None).ok


def test_an_erased_session_leaves_nothing_but_garbage(store: StoreEnvironment) -> None:
    with store.write() as txn:
        erase(txn, SESSION, reason="test", now_wall_ns=7)
        with pytest.raises(StoreCorrupt):
            erase(txn, SESSION, reason="test", now_wall_ns=7)
    with store.read() as txn:
        for table in rows.TABLES | {Table.UNFINISHED}:
            assert txn.count(table) == 0


def test_what_people_write_is_no_part_of_the_media(store: StoreEnvironment) -> None:
    record(store)
    before = rows_of(store)
    words = [row for row in before if row.table is not Table.MARKERS]
    assert media_digest(words) == media_digest(before)
    assert media_digest([row for row in before if row.table is not Table.GAPS]) != media_digest(before)


def test_a_session_without_its_record_is_none() -> None:
    with pytest.raises(StoreCorrupt):
        rows.record_in([])


any_row = st.builds(Row, st.sampled_from(sorted(rows.TABLES)), st.binary(max_size=40), st.binary(max_size=200))


@settings(deadline=None)
@given(st.lists(any_row, max_size=1200))
def test_pages_give_back_what_was_put_in(wanted: list[Row]) -> None:
    assert [row for page in pages_of(wanted) for row in rows_in(page)] == wanted


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_page_of_rubbish_is_believed(data: bytes) -> None:
    try:
        found = rows_in(data)
    except StoreCorrupt:
        return
    assert list(pages_of(found)) == [data] or not found


def test_a_row_of_another_database_is_refused(store: StoreEnvironment) -> None:
    for table in (Table.META, Table.CHUNKS, Table.PRODUCERS):
        (page,) = pages_of([Row(table, b"", b"")])
        with pytest.raises(StoreCorrupt):
            rows_in(page)


def test_creation_is_carried_before_anything_was_recorded(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()) as store, new_store(tmp_path / "other") as other:
        write(other, SESSION, rows_of(store))
        with other.read() as txn:
            assert txn.count(Table.UNFINISHED) == 1
        assert verify(other, None).ok
