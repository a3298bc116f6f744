"""Harm guarded against: a damaged file that takes every process that reads it down, with SIGBUS, again and again."""

import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from reeld.store import pruning, soundness
from reeld.store.environment import StoreEnvironment
from reeld.store.pages import PageFile
from reeld.store.transaction import Table
from reeld_proto.errors import StoreCorrupt
from tests.daemon.store import damage
from tests.daemon.store.damage import read_everything, store_of

PAGE = 4096
DIGEST_BYTES = 32
SEED = int(os.environ.get("REELD_SEED", "0")) or random.randrange(1 << 30)
FLIPS = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return damage.two_sessions(tmp_path_factory.mktemp("whole") / "store")


def test_a_sound_store_has_no_faults(tmp_path: Path, data: bytes) -> None:
    folder = store_of(tmp_path / "store", data)
    assert pruning.page_faults(folder) == []
    assert pruning.prune(folder) == []
    assert soundness.missing_bytes(folder) == 0
    soundness.check_length(tmp_path / "none")
    (finding,) = read_everything([folder])
    assert (finding.outcome, len(finding.served)) == ("fine", 7)


def test_a_file_that_was_cut_off_is_refused_before_it_ends_the_process(tmp_path: Path, data: bytes) -> None:
    chance = random.Random(SEED)
    folders = [store_of(tmp_path / str(n), data[: chance.randrange(1, len(data) - PAGE)]) for n in range(FLIPS)]
    for folder, finding in zip(folders, read_everything(folders), strict=True):
        assert (finding.outcome, finding.served) == ("corrupt", [])
        assert "cut off" in finding.reasons[0]
        with pytest.raises(StoreCorrupt), closing(StoreEnvironment.open_write(folder)):
            pass


def test_a_file_that_ends_before_pages_nobody_needs_is_whole(tmp_path: Path) -> None:
    # LMDB does not write what a transaction allocated and freed again: that is no damage.
    store = StoreEnvironment.open_write(tmp_path / "store")
    with store.write() as txn:
        txn.put(Table.CHUNKS, b"kept", bytes(10))
    with store.write() as txn:
        for number in range(30):
            txn.put(Table.CHUNKS, b"%d" % number, bytes(20_000))
        for number in range(30):
            txn.delete(Table.CHUNKS, b"%d" % number)
    store.close()
    with closing(PageFile(tmp_path / "store" / "data.mdb")) as file:
        last = file.meta().last_page
    size = (tmp_path / "store" / "data.mdb").stat().st_size
    print(f"file {size // PAGE} pages, highest number {last}")
    soundness.check_length(tmp_path / "store")
    assert soundness.missing_bytes(tmp_path / "store") == 0
    StoreEnvironment.open_read(tmp_path / "store").close()


def test_a_file_that_claims_an_absurd_length_is_not_made_that_long(tmp_path: Path, data: bytes) -> None:
    turned = bytearray(data)
    for number in (0, 1):
        at = number * PAGE + 16 + 24 + 96
        turned[at : at + 8] = (1 << 40).to_bytes(8, "little")
    folder = store_of(tmp_path / "store", bytes(turned))
    assert soundness.missing_bytes(folder) == 0
    assert pruning.prune(folder)
    assert (folder / "data.mdb").stat().st_size <= len(data) + 10 * PAGE
    (finding,) = read_everything([folder])
    assert (finding.outcome, len(finding.served)) == ("fine", 7), "nothing of it was missing"
