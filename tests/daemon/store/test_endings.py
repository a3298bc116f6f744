"""Harm guarded against: one damaged page that ends the store at every start, for ever; two writers in one store."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from reeld.store import endings, suspicion
from reeld.store.endings import Tenancy
from reeld.store.environment import StoreEnvironment
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.store import damage
from tests.daemon.store.damage import read_everything, store_of
from tests.daemon.store.test_pruning import deadly


def die(tenancy: Tenancy) -> None:
    """What the kernel does for a process that was killed."""
    os.close(tenancy._descriptor)


def test_a_store_that_was_closed_properly_leaves_no_mark(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path / "store")
    assert tenancy.damaged == []
    assert (tmp_path / "store" / suspicion.MARK_FILE).read_text() == f"{os.getpid()}\n"
    tenancy.end()
    mark = (tmp_path / "store" / suspicion.MARK_FILE).read_text()
    assert mark.startswith("closed")
    assert str(os.getpid()) not in mark.split()


def test_a_second_writer_is_kept_out_and_told_who_is_in(tmp_path: Path) -> None:
    tenancy = Tenancy(tmp_path)
    with pytest.raises(RequestRejected) as caught:
        Tenancy(tmp_path)
    assert caught.value.code is ErrorCode.ALREADY_RUNNING
    assert f"process {os.getpid()}" in str(caught.value)
    tenancy.end()
    Tenancy(tmp_path).end()


def test_a_page_that_ended_one_process_does_not_end_the_next(tmp_path: Path) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    folder = store_of(tmp_path / "store", data)
    Tenancy(folder).end()
    tenancy = Tenancy(folder)
    page, _ = deadly(folder, data)
    (finding,) = read_everything([folder])
    assert finding.outcome == "SIGBUS"
    die(tenancy)
    tenancy = Tenancy(folder)
    (fault,) = tenancy.damaged
    assert fault.page == page
    (finding,) = read_everything([folder])
    assert (finding.outcome, "list" in finding.served) == ("corrupt", True)
    die(tenancy)
    tenancy = Tenancy(folder)
    assert tenancy.damaged == [], "once is enough"
    tenancy.end()


@pytest.mark.parametrize("noted", [True, False])
def test_a_file_that_somebody_changed_is_looked_at_before_anybody_opens_it(tmp_path: Path, noted: bool) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    folder = store_of(tmp_path / "store", data)
    if noted:
        Tenancy(folder).end()
    page, _ = deadly(folder, data)
    tenancy = Tenancy(folder)
    assert [fault.page for fault in tenancy.damaged] == [page]
    tenancy.end()


def test_a_file_that_is_as_it_was_closed_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would take seconds at each start of a large store.
    folder = tmp_path / "store"
    damage.two_sessions(folder)
    Tenancy(folder).end()
    monkeypatch.setattr(endings, "prune", lambda *_, **__: pytest.fail("it was looked at"))
    for _ in range(2):
        Tenancy(folder).end()


def test_ends_that_were_nobodys_fault_change_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    data = damage.two_sessions(folder)
    for _ in range(4):
        tenancy = Tenancy(folder)
        assert tenancy.damaged == []
        die(tenancy)
    with closing(StoreEnvironment.open_read(folder)):
        assert (folder / "data.mdb").read_bytes() == data
