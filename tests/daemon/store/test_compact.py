import os
import random
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from reeld.store import staging
from reeld.store.compact import copy_store, swap_in
from reeld.store.environment import StoreEnvironment
from reeld.store.erase import Eraser
from reeld.store.records import NoteEntry
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.store_orders import Compacted
from tests.daemon.store.builders import chunk, creation, land, new_store

SECOND = 1_000_000_000
STEPS = ["catch up", "close", "unlink", "rename", "sync", "open"]


def fill(store: StoreEnvironment) -> None:
    """A session, and room that was freed."""
    for number in range(20):
        payload = random.Random(number).randbytes(50_000)
        land(store, chunk(number * SECOND, (number + 1) * SECOND, payload))
    with store.write() as txn:
        for number in range(60):
            txn.put(Table.QUARANTINE, b"%d" % number, bytes(100_000))
    with store.write() as txn:
        for number in range(60):
            txn.delete(Table.QUARANTINE, b"%d" % number)


def content(store: StoreEnvironment) -> dict[Table, list[tuple[bytes, bytes]]]:
    with store.read() as txn:
        return {table: [row for row in txn.scan(table) if row[0] != b"erased"] for table in Table}


def size(store: StoreEnvironment) -> int:
    return (store.path / "data.mdb").stat().st_size


def copied(store: StoreEnvironment, gain_bytes_min: int = 0) -> Compacted:
    return copy_store(store, gain_bytes_min, lambda _done, _total: True)


@pytest.fixture
def filled(store: StoreEnvironment) -> StoreEnvironment:
    fill(store)
    return store


def test_the_file_is_as_small_as_what_is_in_it_and_nothing_is_lost(filled: StoreEnvironment) -> None:
    before, old = content(filled), size(filled)
    made = copied(filled)
    assert Path(made.staged).stat().st_mode & 0o777 == 0o600
    swap_in(filled, made.staged, made.txn_id)
    assert content(filled) == before
    assert size(filled) < old / 3
    assert made.old_bytes == old
    assert verify(filled, None).ok
    land(filled, chunk(20 * SECOND, 21 * SECOND, b"later"))
    assert verify(filled, None).ok
    assert not list((filled.path / staging.FOLDER).iterdir())


def test_what_was_recorded_meanwhile_is_never_lost_to_a_swap(filled: StoreEnvironment) -> None:
    old = size(filled)
    made = copied(filled)
    for number in range(20, 30):
        land(filled, chunk(number * SECOND, (number + 1) * SECOND, b"meanwhile %d" % number * 900))
    with filled.write() as txn:
        txn.put_record(Table.NOTES, b"new", NoteEntry("note"))
        txn.delete(Table.MARKERS, b"none")
    before = content(filled)
    swap_in(filled, made.staged, made.txn_id)
    assert content(filled) == before
    assert size(filled) < old / 2
    assert verify(filled, None).ok
    land(filled, chunk(30 * SECOND, 31 * SECOND, b"later"))
    assert verify(filled, None).ok


def test_a_copy_that_was_removed_is_no_reason_to_lose_the_store(filled: StoreEnvironment) -> None:
    made = copied(filled)
    Path(made.staged).unlink()
    with pytest.raises(RequestRejected):
        swap_in(filled, made.staged, made.txn_id)
    assert verify(filled, None).ok


def test_a_copy_that_lacks_something_is_refused(filled: StoreEnvironment, tmp_path: Path) -> None:
    made = copied(filled)
    with new_store(tmp_path / "other", creation()) as other:
        less = copied(other)
        shutil.move(less.staged, made.staged)
    before = content(filled)
    with pytest.raises(StoreCorrupt):
        swap_in(filled, made.staged, made.txn_id)
    assert content(filled) == before


def test_another_file_than_a_staged_one_is_refused(filled: StoreEnvironment, tmp_path: Path) -> None:
    (tmp_path / "evil").write_bytes(b"x")
    with pytest.raises(RequestRejected):
        swap_in(filled, str(tmp_path / "evil"), filled.last_txn_id())
    assert (tmp_path / "evil").exists()


def test_little_gain_is_not_worth_a_copy(filled: StoreEnvironment) -> None:
    assert copied(filled, 1 << 30).staged == ""
    assert not (filled.path / staging.FOLDER).exists()


def test_without_room_for_the_copy_it_says_so_first(filled: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**9, 10**9, 10**6))
    with pytest.raises(RequestRejected, match="free") as caught:
        copied(filled)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.remedy


def test_stopped_it_leaves_no_file_and_no_thread(filled: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected, match="stopped"):
        copy_store(filled, 0, lambda _done, _total: False)
    assert not list((filled.path / staging.FOLDER).iterdir())
    assert verify(filled, None).ok


def test_progress_reaches_its_end(filled: StoreEnvironment) -> None:
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> bool:
        seen.append((done, total))
        return True

    copy_store(filled, 0, progress)
    assert seen[-1][0] == seen[-1][1]


CRASH = """
import os, sys
from pathlib import Path
from reeld.store.compact import copy_store, swap_in
from reeld.store.environment import StoreEnvironment
from reeld.store.records import NoteEntry
from reeld.store.transaction import Table
store = StoreEnvironment.open_write(Path(sys.argv[1]))
made = copy_store(store, 0, lambda done, total: True)
with store.write() as txn:
    txn.put_record(Table.NOTES, b"meanwhile", NoteEntry("said"))
swap_in(store, made.staged, made.txn_id, lambda step: os._exit(9) if step == sys.argv[2] else None)
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_nothing(tmp_path: Path, step: str) -> None:
    path = tmp_path / "store"
    with new_store(path, creation()) as store:
        fill(store)
        before = content(store)
    before[Table.NOTES].append((b"meanwhile", codec.pack_record(NoteEntry("said"))))
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", CRASH, str(path), step], env=env, check=False, timeout=60)
    assert done.returncode == 9
    staging.remove_leftovers(path)
    with new_store(path) as store:
        assert content(store) == before
        assert verify(store, None).ok
        land(store, chunk(20 * SECOND, 21 * SECOND, b"later"))
        assert verify(store, None).ok
    assert not list((path / staging.FOLDER).iterdir())


READER = """
import sys
from pathlib import Path
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table
store = StoreEnvironment.open_read(Path(sys.argv[1]))
inside = store.read()
txn = inside.__enter__()
before = list(txn.scan(Table.CHUNKS))
print("reading", flush=True)
sys.stdin.readline()
with store.read() as nested:
    print(list(txn.scan(Table.CHUNKS)) == before == list(nested.scan(Table.CHUNKS)), flush=True)
inside.__exit__(None, None, None)
with store.read() as txn:
    print(txn.get(Table.NOTES, b"after"), flush=True)
"""


def test_a_reader_keeps_its_view_and_then_sees_the_new_file(filled: StoreEnvironment) -> None:
    # Else an export would end in the middle, or the daemon would show an old state for ever.
    env = {"PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", READER, str(filled.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        made = copied(filled)
        swap_in(filled, made.staged, made.txn_id)
        with filled.write() as txn:
            txn.put(Table.NOTES, b"after", b"the swap")
            for number in range(30):
                txn.put(Table.QUARANTINE, b"%d" % number, os.urandom(100_000))
        out, _ = reader.communicate(b"\n", timeout=30)
    assert out.decode().split("\n")[:2] == ["True", "b'the swap'"]


def test_the_new_file_is_erased_anew_although_its_commits_count_from_one(filled: StoreEnvironment) -> None:
    made = copied(filled)
    swap_in(filled, made.staged, made.txn_id)
    assert not Eraser(filled).step().done
