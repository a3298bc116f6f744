"""Harm guarded against: a check that dies of a damaged page, or takes the pages of a recording for damaged."""

import threading
from contextlib import closing
from pathlib import Path

from reeld.store.environment import StoreEnvironment
from reeld.store.page_check import check_pages
from tests.daemon.store import damage
from tests.daemon.store.builders import NS, chunk, creation, land, new_store
from tests.daemon.store.test_pruning import deadly


def test_a_page_that_would_end_the_process_is_named_instead(tmp_path: Path) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    folder = damage.store_of(tmp_path / "store", data)
    page, _ = deadly(folder, data)
    with closing(StoreEnvironment.open_read(folder)) as store:
        (fault,) = check_pages(store)
    assert fault.kind == "page-damaged"
    assert f"page {page} of chunks" in fault.detail


def test_a_recording_that_goes_on_is_no_damage(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()) as store:
        done = threading.Event()
        landed: list[int] = []

        def record() -> None:
            # Without a disk to wait for, the store would outgrow every look at it.
            while not done.wait(0.002):
                number = len(landed)
                land(store, chunk(number * NS, (number + 1) * NS, b"%d" % number * 3000))
                landed.append(number)

        thread = threading.Thread(target=record)
        thread.start()
        try:
            while thread.is_alive() and len(landed) < 100:
                assert check_pages(store) == []
        finally:
            done.set()
            thread.join()
