"""Harm guarded against: a file that grows without bound and nobody knows why."""

from pathlib import Path

import lmdb

from reeld.store.reader_watch import LOOK_EVERY_NS, OLD_NS, ReaderWatch, active_readers

TABLE = "    pid     thread     txnid\n   1234 7f0f00000000 17\n   1235 7f0f00000000 -\n     99 7f0f00000001 18\n"


def test_only_readers_inside_a_transaction_count() -> None:
    assert active_readers(TABLE) == {(1234, "7f0f00000000", "17"), (99, "7f0f00000001", "18")}
    assert active_readers("(no active readers)\n") == set()


def test_the_table_is_read_as_this_lmdb_writes_it(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path)) as raw, raw.begin():
        assert len(active_readers(raw.readers())) == 1


def test_a_reader_is_told_once_when_it_is_old() -> None:
    watch = ReaderWatch()
    assert watch.is_due(1)
    assert watch.look(TABLE, 1) == []
    assert not watch.is_due(LOOK_EVERY_NS)
    assert watch.look(TABLE, 1 + OLD_NS) == [(99, 60.0), (1234, 60.0)]
    assert watch.look(TABLE, 1 + 2 * OLD_NS) == []


def test_a_reader_that_moves_on_is_young_again() -> None:
    watch = ReaderWatch()
    watch.look(TABLE, 0)
    assert watch.look(TABLE.replace(" 17", " 19").replace(" 18", " 20"), OLD_NS) == []
    assert len(watch.look(TABLE, 2 * OLD_NS)) == 0
