import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.store import erase, rollback
from reeld.store.environment import StoreEnvironment
from reeld.store.erase import Erased, Eraser
from reeld.store.pages import PageFile
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.errors import StoreCorrupt
from tests.daemon.store.builders import chunk, creation, land, new_store
from tests.daemon.store.remains import remains

STEPS_MAX = 1000


class Notebook:
    """Rows of random bytes in a store, and what became of them."""

    def __init__(self, store: StoreEnvironment, seed: int = 0) -> None:
        self.store = store
        self.random = random.Random(seed)
        self.kept: dict[tuple[Table, bytes], bytes] = {}
        self.gone: list[bytes] = []

    def write(self, *sizes: int, table: Table = Table.CHUNKS) -> None:
        """One commit."""
        with self.store.write() as txn:
            for size in sizes:
                key, value = self.random.randbytes(16), self.random.randbytes(size)
                txn.put(table, key, value)
                self.kept[table, key] = value

    def remove(self, share: float) -> None:
        """One commit that removes so many of the rows, at random."""
        with self.store.write() as txn:
            for table, key in self.random.sample(sorted(self.kept), int(len(self.kept) * share)):
                txn.delete(table, key)
                self.gone.append(self.kept.pop((table, key)))

    def check(self) -> None:
        with self.store.read() as txn:
            assert all(txn.get(table, key) == value for (table, key), value in self.kept.items())


def erased(store: StoreEnvironment, meanwhile: Callable[[], None] = lambda: None) -> tuple[int, int]:
    """Erase to the end; bytes and steps."""
    eraser = Eraser(store)
    total = 0
    for step in range(1, STEPS_MAX):
        done = eraser.step()
        total += done.bytes
        if done.done:
            return total, step
        assert not done.waiting
        meanwhile()
    raise AssertionError("it never ends")


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notebook]:
    store = StoreEnvironment.open_write(tmp_path / "store")
    try:
        yield Notebook(store)
    finally:
        store.close()


def test_what_was_deleted_can_be_read_in_the_file_until_it_is_erased(notes: Notebook) -> None:
    # Else the next test would prove nothing.
    notes.write(*[100_000] * 20)
    notes.remove(0.5)
    assert remains(notes.store.path, notes.gone) > 1000


@pytest.mark.parametrize("seed", range(4))
def test_nothing_deleted_is_left_in_the_file(notes: Notebook, seed: int) -> None:
    notes.random.seed(seed)
    for _ in range(60):
        notes.write(*(int(40 * 10_000 ** notes.random.random()) for _ in range(notes.random.randrange(1, 6))))
        notes.write(notes.random.randrange(40, 400), table=Table.MARKERS)
        if notes.random.random() < 0.3:
            notes.remove(0.3)
    notes.remove(0.5)
    total, _ = erased(notes.store)
    assert remains(notes.store.path, notes.gone) == 0
    assert total > 0
    notes.check()


@given(
    sizes=st.lists(st.integers(40, 20_000), min_size=1, max_size=30),
    texts=st.lists(st.integers(40, 1500), max_size=30),
    share=st.floats(0.1, 1),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sizes_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], texts: list[int], share: float, seed: int
) -> None:
    with new_store(tmp_path_factory.mktemp("erase")) as store:
        notes = Notebook(store, seed)
        for size in sizes:
            notes.write(size)
        for size in texts:
            notes.write(size, table=Table.MARKERS)
        notes.remove(share)
        notes.write(50, table=Table.NOTES)
        erased(store)
        assert not notes.gone or remains(store.path, notes.gone) == 0
        notes.check()


def test_a_recording_that_goes_on_meanwhile_loses_nothing_and_brings_nothing_back(
    notes: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "STEP_BYTES", 100_000)
    monkeypatch.setattr(erase, "_WINDOW_PAGES", 16)
    notes.write(*[50_000] * 100)
    for _ in range(50):
        notes.write(300, table=Table.MARKERS)
    notes.remove(0.6)
    gone = list(notes.gone)

    def record() -> None:
        notes.write(*(notes.random.randrange(40, 60_000) for _ in range(3)))
        notes.write(200, table=Table.MARKERS)
        notes.remove(0.02)

    _, steps = erased(notes.store, record)
    assert steps > 10
    assert remains(notes.store.path, gone) == 0
    notes.check()


def test_text_stays_not_in_the_room_of_a_page_that_is_in_use(notes: Notebook) -> None:
    # A row that is deleted leaves its bytes in its page until the page is copied.
    for _ in range(40):
        notes.write(80, table=Table.MARKERS)
    notes.remove(0.5)
    with PageFileOf(notes.store) as file:
        assert any(file.slack(file.meta(), tails=True))
    erased(notes.store)
    assert remains(notes.store.path, notes.gone) == 0


def test_a_batch_that_was_never_committed_leaves_nothing_behind_the_last_page(notes: Notebook) -> None:
    lost = notes.random.randbytes(50_000)
    notes.write(100)
    notes.store.let_go()
    with (notes.store.path / "data.mdb").open("ab") as file:
        file.write(lost)
    erased(notes.store)
    assert remains(notes.store.path, [lost]) == 0
    notes.write(500_000)
    notes.check()


def test_the_copy_kept_from_before_a_migration_goes_too(notes: Notebook) -> None:
    path = rollback.path_of(notes.store.path, 1)
    path.write_bytes(b"what the store was")
    erased(notes.store)
    assert not path.exists()


def test_a_second_time_without_a_commit_costs_nothing(notes: Notebook) -> None:
    notes.write(5000)
    notes.remove(1)
    erased(notes.store)
    assert Eraser(notes.store).step() == Erased(0, done=True)
    notes.write(5000)
    assert not Eraser(notes.store).step().done


READER = """
import sys
from pathlib import Path
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table
store = StoreEnvironment.open_read(Path(sys.argv[1]))
with store.read() as txn:
    print("reading", flush=True)
    sys.stdin.readline()
    print(all(txn.get(Table.CHUNKS, bytes.fromhex(key)) for key in sys.argv[2:]), flush=True)
    sys.stdin.readline()
"""


def test_what_a_reader_still_looks_at_is_not_overwritten_under_it(notes: Notebook) -> None:
    notes.write(*[20_000] * 10)
    keys = [key.hex() for _, key in notes.kept]
    command = [sys.executable, "-c", READER, str(notes.store.path), *keys]
    env = {"PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        notes.remove(1)
        eraser = Eraser(notes.store)
        outcomes = [eraser.step() for _ in range(10)]
        assert outcomes[-1].waiting
        assert not any(outcome.done for outcome in outcomes)
        reader.stdin.write(b"\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == b"True\n"
        reader.communicate(b"\n", timeout=20)
    while not eraser.step().done:
        pass
    assert remains(notes.store.path, notes.gone) == 0


def test_a_file_whose_books_do_not_balance_is_not_written_to(notes: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    notes.write(*[20_000] * 10)
    notes.remove(0.5)
    real = PageFile.meta

    def lie(file: PageFile, txn_id: int | None = None) -> object:
        meta = real(file, txn_id)
        return type(meta)(meta.page_bytes, meta.txn_id, meta.last_page - 20, meta.free, meta.main)

    eraser = Eraser(notes.store)
    assert not eraser.step().done  # the room in pages in use, which needs no free list
    monkeypatch.setattr(PageFile, "meta", lie)
    with pytest.raises(StoreCorrupt):
        eraser.step()
    notes.check()


def test_the_store_is_whole_afterwards(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()) as store:
        second = 1_000_000_000
        for number in range(40):
            land(store, chunk(number * second, (number + 1) * second, random.Random(number).randbytes(30_000)))
        erased(store)
        assert verify(store, None).ok


class PageFileOf:
    """The data file of an open store, in a `with`."""

    def __init__(self, store: StoreEnvironment) -> None:
        self._file = PageFile(store.path / "data.mdb")

    def __enter__(self) -> PageFile:
        return self._file

    def __exit__(self, *_: object) -> None:
        self._file.close()
