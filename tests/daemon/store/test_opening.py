"""Harm guarded against: one damaged place that keeps everything else from being served."""

from pathlib import Path

import pytest

from reeld.store.environment import StoreEnvironment
from reeld.store.opening import Opened, open_store
from reeld.store.records import Position
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from tests.daemon.store import damage
from tests.daemon.store.builders import NS, SESSION, chunk, creation, land, new_store


def close(opened: Opened) -> None:
    opened.store.close()
    opened.tenancy.end()


def unfinished(store: StoreEnvironment) -> int:
    with store.read() as txn:
        return txn.count(Table.UNFINISHED)


def test_a_new_store_is_empty_and_sound(tmp_path: Path) -> None:
    opened = open_store(tmp_path / "store", "")
    assert (opened.damage, opened.positions) == ("", {})
    close(opened)


def test_the_session_that_goes_on_and_its_producers_are_kept(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()) as store:
        land(store, chunk(0, NS))
        with store.write() as txn:
            txn.put_record(Table.PRODUCERS, b"capture-1", Position(7))
    opened = open_store(tmp_path / "store", SESSION)
    assert (opened.positions, unfinished(opened.store)) == ({"capture-1": 7}, 1)
    close(opened)
    opened = open_store(tmp_path / "store", "")
    assert (opened.positions, unfinished(opened.store)) == ({}, 0)
    close(opened)


def test_a_session_that_cannot_be_recovered_does_not_keep_the_others_away(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation("one"), creation("two")) as store, store.write() as txn:
        txn.put(Table.SESSIONS, b"one", b"\xc1")
    opened = open_store(tmp_path / "store", "")
    assert "cannot be read" in opened.damage
    close(opened)


def test_a_file_that_was_cut_off_is_taken_over_without_what_is_missing(tmp_path: Path) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    folder = damage.store_of(tmp_path / "store", data[: len(data) // 2])
    opened = open_store(folder, "")
    assert "cut off" in opened.damage
    with opened.store.write() as txn:
        txn.put(Table.META, b"probe", b"it can be written, too")
    close(opened)
    (finding,) = damage.read_everything([folder])
    assert {"open", "list", "verify"} <= set(finding.served)


@pytest.mark.parametrize("file", ["", "junk" * 5000])
def test_what_is_refused_is_left_as_it_was(tmp_path: Path, file: str) -> None:
    with new_store(tmp_path / "store"):
        pass
    first = open_store(tmp_path / "store", "")
    with pytest.raises(RequestRejected) as caught:
        open_store(tmp_path / "store", "")
    assert caught.value.code is ErrorCode.ALREADY_RUNNING
    close(first)
    if file:
        (tmp_path / "store" / "data.mdb").write_text(file)
        with pytest.raises(ReeldError):
            open_store(tmp_path / "store", "")
        assert (tmp_path / "store" / "data.mdb").read_text() == file
