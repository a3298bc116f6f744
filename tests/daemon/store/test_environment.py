import errno
import inspect
import os
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from reeld.store import lmdb_errors
from reeld.store.environment import StoreEnvironment
from reeld.store.lmdb_errors import translate
from reeld.store.records import StoreMeta
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, StoreCorrupt


def test_nobody_else_can_read_what_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store"
    StoreEnvironment.open_write(path).close()
    assert path.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o600}


def test_a_terabyte_of_room_costs_no_disk(tmp_path: Path) -> None:
    StoreEnvironment.open_write(tmp_path).close()
    assert sum(file.stat().st_blocks * 512 for file in tmp_path.iterdir()) < 1_000_000


def test_what_is_deleted_is_room_within_the_file(store: StoreEnvironment) -> None:
    """The file does not shrink: who looked at its size alone would believe a store full for ever."""
    with store.write() as txn:
        for number in range(50):
            txn.put(Table.CHUNKS, bytes([number]) * 32, bytes(100_000))
        full = txn.bytes_in_use()
    assert full > 5_000_000
    assert store.reusable_bytes() < 500_000
    with store.write() as txn:
        for number in range(40):
            txn.delete(Table.CHUNKS, bytes([number]) * 32)
        assert txn.bytes_in_use() < full - 4_000_000
    assert store.reusable_bytes() > 4_000_000


def test_a_failed_block_leaves_no_trace(store: StoreEnvironment) -> None:
    def fail(txn: Transaction) -> None:
        txn.put(Table.META, b"half", b"done")
        raise KeyError("halfway")

    with pytest.raises(KeyError), store.write() as txn:
        fail(txn)
    with store.read() as txn:
        assert txn.get(Table.META, b"half") is None


def test_scans_stay_below_their_prefix_in_both_directions(store: StoreEnvironment) -> None:
    with store.write() as txn:
        for key in (b"a\0\x01", b"b\0\x01", b"b\0\x02", b"b\0\x05", b"c\0\x01"):
            txn.put(Table.MARKERS, key, key)

        def forward(start: bytes | None = None) -> list[int]:
            return [key[-1] for key, _ in txn.scan(Table.MARKERS, b"b\0", start)]

        def backward(end: bytes | None = None) -> list[int]:
            return [key[-1] for key, _ in txn.scan_back(Table.MARKERS, b"b\0", end)]

        assert forward() == [1, 2, 5]
        assert forward(b"b\0\x02") == [2, 5]
        assert forward(b"b\0\x09") == []
        assert backward() == [5, 2, 1]
        assert backward(b"b\0\x04") == [2, 1]
        assert backward(b"b\0\x02") == [2, 1]
        assert backward(b"b\0\x00") == []
        assert [key for key, _ in txn.scan_back(Table.MARKERS, b"c\0")] == [b"c\0\x01"]
        assert next(key for key, _ in txn.scan_back(Table.MARKERS)) == b"c\0\x01"
        assert list(txn.scan_back(Table.CLOCK_JUMPS, b"x")) == []
        txn.clear(Table.MARKERS)
        assert txn.count(Table.MARKERS) == 0


def test_there_is_no_store_until_the_writer_made_one(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected) as caught:
        StoreEnvironment.open_read(tmp_path)
    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("meta", [StoreMeta(format=99, hash="sha256"), StoreMeta(format=1, hash="blake3")])
def test_a_store_of_a_newer_reeld_is_left_alone(tmp_path: Path, meta: StoreMeta) -> None:
    # Writing to it with old rules would destroy it.
    store = StoreEnvironment.open_write(tmp_path)
    with store.write() as txn:
        txn.put_record(Table.META, b"store", meta)
    store.close()
    for opening in (StoreEnvironment.open_write, StoreEnvironment.open_read):
        with pytest.raises(RequestRejected) as caught:
            opening(tmp_path)
        assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION
        assert caught.value.remedy


def test_a_file_that_is_no_store_is_damage_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(os.urandom(65536))
    for opening in (StoreEnvironment.open_write, StoreEnvironment.open_read):
        with pytest.raises(StoreCorrupt):
            opening(tmp_path)


def test_a_record_that_cannot_be_read_is_damage(store: StoreEnvironment) -> None:
    with store.write() as txn:
        txn.put(Table.META, b"store", b"\xc1")
    with store.read() as txn, pytest.raises(StoreCorrupt):
        txn.record(Table.META, b"store", StoreMeta)


def test_little_address_space_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    StoreEnvironment.open_write(tmp_path).close()
    code = (
        "import resource, sys; from pathlib import Path;"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32));"
        "from reeld.store.environment import StoreEnvironment;"
        f"StoreEnvironment.open_write(Path({str(tmp_path)!r})).close(); print('open')"
    )
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.stdout == "open\n", done.stderr


def test_no_room_is_told_as_no_room_and_nothing_is_lost(tmp_path: Path) -> None:
    store = StoreEnvironment.open_write(tmp_path, map_bytes=1 << 20)
    with store.write() as txn:
        txn.put(Table.CHUNKS, b"first", b"kept")
    with pytest.raises(RequestRejected) as caught, store.write() as txn:
        txn.put(Table.CHUNKS, b"second", bytes(2 << 20))
    assert caught.value.code is ErrorCode.DISK_FULL
    with store.read() as txn:
        assert txn.get(Table.CHUNKS, b"first") == b"kept"
    store.close()


def test_a_second_opening_in_one_process_is_our_own_fault(store: StoreEnvironment) -> None:
    with pytest.raises(InternalError):
        StoreEnvironment.open_read(store.path)


def test_readers_of_another_process_see_commits(store: StoreEnvironment) -> None:
    code = (
        "from pathlib import Path; from reeld.store.environment import *;"
        f"s = StoreEnvironment.open_read(Path({str(store.path)!r}));"
        "t = s.read(); print(t.__enter__().get(Table.META, b'seen'))"
    )
    with store.write() as txn:
        txn.put(Table.META, b"seen", b"yes")
    env = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout == "b'yes'\n"
    store.forget_dead_readers()


def failure(number: int) -> lmdb.Error:
    return lmdb.Error(f"mdb_txn_commit: {os.strerror(number)}")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "full"), ErrorCode.DISK_FULL),
        (OSError(errno.EDQUOT, "quota"), ErrorCode.DISK_FULL),
        (lmdb.MapFullError("map"), ErrorCode.DISK_FULL),
        (failure(errno.EACCES), ErrorCode.PERMISSION),
        (OSError(errno.EROFS, "read-only"), ErrorCode.PERMISSION),
        (failure(errno.EIO), ErrorCode.DISK_FAILED),
        (OSError(errno.EIO, "io"), ErrorCode.DISK_FAILED),
        (lmdb.CorruptedError("page"), ErrorCode.CORRUPT),
        (lmdb.PageNotFoundError("page"), ErrorCode.CORRUPT),
        (lmdb.NotFoundError("db"), ErrorCode.NOT_FOUND),
        (lmdb.BadValsizeError("misuse"), ErrorCode.INTERNAL),
        (lmdb.BadTxnError("met damage before"), ErrorCode.CORRUPT),
    ],
)
def test_each_lower_error_says_what_to_do_next(tmp_path: Path, error: Exception, code: ErrorCode) -> None:
    assert translate(error, tmp_path).code is code


def test_a_short_write_on_a_full_disk_is_not_called_a_broken_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmdb_errors, "_free_bytes", lambda _path: 0)
    assert translate(failure(errno.EIO), tmp_path).code is ErrorCode.DISK_FULL
    assert lmdb_errors._free_bytes(tmp_path / "none") == 0


def test_no_error_of_lmdb_crosses_the_border_untranslated(tmp_path: Path) -> None:
    for _, kind in inspect.getmembers(lmdb, inspect.isclass):
        if issubclass(kind, lmdb.Error):
            assert isinstance(translate(kind("text"), tmp_path), ReeldError)


def test_let_go_is_opened_again_by_the_next_use(store: StoreEnvironment) -> None:
    with store.write() as txn:
        txn.put(Table.META, b"seen", b"yes")
    before = store.last_txn_id()
    store.let_go()
    assert store.last_txn_id() == before
    with store.read() as txn:
        assert txn.get(Table.META, b"seen") == b"yes"


def test_a_store_whose_file_was_taken_away_is_not_begun_anew(store: StoreEnvironment) -> None:
    # An empty store in its place would look as if everything had been deleted.
    store.let_go()
    (store.path / "data.mdb").rename(store.path / "elsewhere")
    with pytest.raises(StoreCorrupt), store.read():
        pass
    assert not (store.path / "data.mdb").exists()


def test_a_closed_store_stays_closed(store: StoreEnvironment) -> None:
    store.close()
    with pytest.raises(InternalError), store.read():
        pass
