"""Harm guarded against: a damaged page that ends every process that reads it, again and again, and
with it what is whole."""

import os
import random
from contextlib import closing
from pathlib import Path

import pytest

from reeld.store import pruning, soundness
from reeld.store.environment import StoreEnvironment
from reeld.store.page_layout import OutOfTimeError
from reeld.store.pages import PageFile
from reeld.store.records import NoteEntry
from reeld.store.transaction import Table
from tests.daemon.store import damage
from tests.daemon.store.damage import Finding, read_everything, store_of
from tests.support.vandal import KINDS

PAGE = 4096
DIGEST_BYTES = 32
SEED = int(os.environ.get("REELD_SEED", "0")) or random.randrange(1 << 30)
FLIPS = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return damage.two_sessions(tmp_path_factory.mktemp("whole") / "store")


@pytest.fixture(scope="module")
def tree_pages(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> list[int]:
    return damage.tree_pages(store_of(tmp_path_factory.mktemp("pages") / "store", data))


def flipped(data: bytes, position: int, bit: int) -> bytes:
    turned = bytearray(data)
    turned[position] ^= 1 << bit
    return bytes(turned)


def is_told(finding: Finding) -> bool:
    return finding.outcome == "fine" or bool(finding.reasons)


def test_a_bit_that_flips_anywhere_is_told_and_costs_only_what_it_hit(tmp_path: Path, data: bytes) -> None:
    print(f"REELD_SEED={SEED}")
    chance = random.Random(SEED)
    positions = [chance.randrange(2 * PAGE, len(data)) for _ in range(FLIPS)]
    folders = [
        store_of(tmp_path / str(number), flipped(data, position, chance.randrange(8)))
        for number, position in enumerate(positions)
    ]
    findings = read_everything(folders)
    assert len(findings) == FLIPS
    for folder, position, finding in zip(folders, positions, findings, strict=True):
        if finding.outcome.startswith("SIG"):
            assert pruning.page_faults(folder)
        else:
            assert is_told(finding), position
    untouched = [finding for finding in findings if any(f"export {each}" in finding.served for each in ("one", "two"))]
    assert len(untouched) >= FLIPS * 0.9, "damage to one session leaves the other"


def test_what_would_end_a_process_is_found_without_following_it(
    tmp_path: Path, data: bytes, tree_pages: list[int]
) -> None:
    # Wherever LMDB would be led out of the file, the walk must have said so before.
    chance = random.Random(SEED)
    print(f"REELD_SEED={SEED}")
    folders = []
    for number in range(2 * FLIPS):
        page = chance.choice(tree_pages[2:])
        broken = flipped(data, page * PAGE + chance.randrange(200), chance.randrange(8))
        folders.append(store_of(tmp_path / str(number), broken))
    findings = read_everything(folders)
    for folder, finding in zip(folders, findings, strict=True):
        if finding.outcome.startswith("SIG") and not pruning.page_faults(folder):
            # A file that ends a process does so every time; a machine that is too busy does not.
            (finding,) = read_everything([folder])  # noqa: PLW2901 - the same, looked at again
        if finding.outcome.startswith("SIG"):
            assert pruning.page_faults(folder), finding
            assert pruning.prune(folder)
            assert pruning.page_faults(folder) == []
            (after,) = read_everything([folder])
            assert not after.outcome.startswith("SIG"), after
            assert is_told(after)


def big_value_node(folder: Path) -> int:
    """Where in the file a page number of a chunk stands."""
    with closing(PageFile(folder / "data.mdb")) as file:
        meta = file.meta()
        for tree in file._sub_trees(meta.main):
            for page in file._pages_of(tree):
                number = int.from_bytes(page[:8], "little")
                lower = int.from_bytes(page[12:14], "little")
                for at in range(16, lower, 2):
                    node = int.from_bytes(page[at : at + 2], "little")
                    flags = int.from_bytes(page[node + 4 : node + 6], "little")
                    if flags == 1 and page[10] & 2:
                        key_bytes = int.from_bytes(page[node + 6 : node + 8], "little")
                        return number * PAGE + node + 8 + key_bytes
    raise AssertionError("no big value")


def deadly(folder: Path, data: bytes) -> tuple[int, bytes]:
    """The file with a chunk that claims 16 MB, far beyond its end; the page that says so, and the file's bytes."""
    position = big_value_node(folder) - DIGEST_BYTES - 6
    turned = bytearray(data)
    turned[position] = 0xFF
    (folder / "data.mdb").write_bytes(turned)
    return position // PAGE, bytes(turned)


def test_a_chunk_that_lies_beyond_the_end_is_defused_and_the_other_pages_are_served(
    tmp_path: Path, data: bytes
) -> None:
    folder = store_of(tmp_path / "store", data)
    page, turned = deadly(folder, data)
    (finding,) = read_everything([folder])
    assert finding.outcome == "SIGBUS"
    (fault,) = pruning.page_faults(folder)
    assert (fault.table, fault.page) == ("chunks", page)
    assert "do not exist" in str(fault)
    assert pruning.prune(folder) == [fault]
    (finding,) = read_everything([folder])
    assert {"open", "list", "show one", "show two", "verify"} <= set(finding.served)
    assert len([reason for reason in finding.reasons if "chunk-missing" in reason]) == 1, (
        "only the chunk itself is lost"
    )
    kept = (folder / "damaged-pages").read_bytes()
    records = [kept[at : at + 8 + PAGE] for at in range(0, len(kept), 8 + PAGE)]
    assert fault.page.to_bytes(8, "big") + turned[page * PAGE : (page + 1) * PAGE] in records


def test_what_is_left_of_a_file_that_was_cut_off_is_served_by_the_writer(tmp_path: Path, data: bytes) -> None:
    # Most of what is written last lies at the end; the older sessions must not go with it.
    chance = random.Random(SEED)
    folders = []
    for number in range(FLIPS):
        folder = store_of(tmp_path / str(number), data[: chance.randrange(20 * PAGE, len(data) - PAGE)])
        assert soundness.missing_bytes(folder) > 0
        assert pruning.prune(folder)
        assert pruning.page_faults(folder) == []
        folders.append(folder)
    untold = [finding for finding in read_everything(folders) if not is_told(finding)]
    assert not untold


def test_what_was_pruned_can_be_written_to_again_and_its_file_made_smaller(tmp_path: Path, data: bytes) -> None:
    # Pages that are neither used nor free would keep LMDB from ever copying the store.
    chance = random.Random(SEED)
    print(f"REELD_SEED={SEED}")
    folder = store_of(tmp_path / "whole", data)
    pages = damage.tree_pages(folder)
    for number, (kind, vandal) in enumerate(KINDS.items()):
        turned = bytearray(data)
        done = vandal(chance, turned, pages)
        folder = store_of(tmp_path / str(number), bytes(turned))
        pruning.prune(folder)
        assert pruning.page_faults(folder) == [], (kind, done)
        with closing(StoreEnvironment.open_write(folder)) as store:
            with store.write() as txn:
                for key in range(300):
                    txn.put(Table.NOTES, b"%d" % key, bytes(3000))
            with store.write() as txn:
                for key in range(300):
                    txn.delete(Table.NOTES, b"%d" % key)
            with (tmp_path / f"copy {number}").open("wb") as copy:
                store.copy_compact(copy.fileno())
        assert pruning.page_faults(folder) == [], (kind, done)


def test_a_free_list_that_names_pages_in_use_costs_nothing(tmp_path: Path, data: bytes) -> None:
    # LMDB would write the next batch over a recording.
    folder = store_of(tmp_path / "store", data)
    with closing(PageFile(folder / "data.mdb")) as file:
        meta = file.meta()
        (page, *_) = [int.from_bytes(each[:8], "little") for each in file._pages_of(meta.free)]
        used = int.from_bytes(next(iter(file._pages_of(meta.main)))[:8], "little")
    turned = bytearray(data)
    node = int.from_bytes(turned[page * PAGE + 16 : page * PAGE + 18], "little")
    turned[page * PAGE + node + 24 : page * PAGE + node + 32] = used.to_bytes(8, "little")
    (folder / "data.mdb").write_bytes(turned)
    assert any("not free" in str(fault) for fault in pruning.prune(folder))
    with closing(StoreEnvironment.open_write(folder)) as store, store.write() as txn:
        for key in range(300):
            txn.put_record(Table.NOTES, b"%d" % key, NoteEntry("n" * 9000))
    (finding,) = read_everything([folder])
    assert (finding.outcome, len(finding.served)) == ("fine", 7)


@pytest.mark.parametrize("number", [0, 1])
def test_one_damaged_description_of_the_file_costs_at_most_the_last_commit(
    tmp_path: Path, data: bytes, number: int
) -> None:
    turned = bytearray(data)
    turned[number * PAGE : (number + 1) * PAGE] = bytes(PAGE)
    folder = store_of(tmp_path / "store", bytes(turned))
    assert pruning.has_odd_descriptions(folder)
    assert pruning.prune(folder)
    assert not pruning.has_odd_descriptions(folder)
    (finding,) = read_everything([folder])
    assert len(finding.served) == 7
    assert not finding.outcome.startswith("SIG")


def test_a_look_that_would_take_too_long_changes_nothing(tmp_path: Path, data: bytes) -> None:
    folder = store_of(tmp_path / "store", data)
    deadly(folder, data)
    before = (folder / "data.mdb").read_bytes()
    with pytest.raises(OutOfTimeError):
        pruning.prune(folder, deadline_ns=0)
    assert (folder / "data.mdb").read_bytes() == before


def test_a_file_cut_off_in_a_chunk_loses_that_chunk_only(tmp_path: Path, data: bytes) -> None:
    folder = store_of(tmp_path / "store", data)
    position = big_value_node(folder)
    page = int.from_bytes(data[position : position + 8], "little")
    hole = data[: page * PAGE] + bytes(3 * PAGE) + data[(page + 3) * PAGE :]
    (folder / "data.mdb").write_bytes(hole)
    (finding,) = read_everything([folder])
    assert {"open", "list", "show one", "show two", "verify"} <= set(finding.served)
    assert len([reason for reason in finding.reasons if "chunk-damaged" in reason]) == 1
