"""A copy of the store's file without its free pages, and putting it in the file's place.

DESIGN: a job process copies (`copy_store`), with low priority and in small synced pieces. The store worker then takes
the copy (`swap_in`), and brings into it first what was committed meanwhile (`catching_up`). A crash leaves either file
whole under the name `data.mdb`, at every step: the copy is complete and synced before it gets the name, and the old
lock file goes first, because a new one is made for whatever file is there, whereas an old one beside the new file would
promise readers states that it does not have. Processes that look at the old file go on doing so until their
transaction ends (`StoreEnvironment.read`). A copy that was never taken is a leftover in the staging folder.
"""

import os
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import lmdb

from reeld.runtime.logs import get_logger
from reeld.store import staging, swaplock
from reeld.store.catching_up import catch_up
from reeld.store.environment import StoreEnvironment
from reeld.store.erase import forget_erasure
from reeld.store.lmdb_errors import translated
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, StoreCorrupt
from reeld_proto.store_orders import Compacted

RESERVE_BYTES = 100 * 1024 * 1024
"""Room that the disk must keep beside the copy, so that a recording that begins meanwhile can go on."""

PIECE_BYTES = 4 * 1024 * 1024
SWAP_S = 1.0
_MODE = 0o600

Progress = Callable[[int, int], bool]
"""Called with (bytes copied, bytes in all); returns False to stop."""


def copy_store(store: StoreEnvironment, gain_bytes_min: int, progress: Progress) -> Compacted:
    """Copy the store into its staging folder, or not (`staged` is empty), if less than `gain_bytes_min` were gained.

    Raises RequestRejected DISK_FULL without room for it, WRONG_STATE if it was stopped; StoreCorrupt.
    """
    txn_id = store.last_txn_id()
    file_bytes = (store.path / "data.mdb").stat().st_size
    with store.read() as txn:
        used_bytes = txn.bytes_in_use()
    if file_bytes - used_bytes < gain_bytes_min:
        return Compacted(staged="", txn_id=txn_id, old_bytes=file_bytes, new_bytes=file_bytes)
    _check_room(store.path, used_bytes)
    path = _new_file(store.path)
    try:
        with translated(store.path):
            _copy(store, path, lambda done: progress(done, max(used_bytes, done)))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Compacted(staged=str(path), txn_id=txn_id, old_bytes=file_bytes, new_bytes=path.stat().st_size)


def swap_in(
    store: StoreEnvironment, staged: str, txn_id: int, on_step: Callable[[str], None] = lambda _step: None
) -> None:
    """Put a copy of the state `txn_id` in the place of the store's file, or remove it. Only in the writer's thread.

    What was committed since is brought into the copy first. on_step: told the name of each step before it is done.
    Raises RequestRejected WRONG_STATE if that would take too long (see `catch_up`), or somebody is just opening the
    store; StoreCorrupt for a copy that is not one.
    """
    path = staging.checked_path(store.path, staged)
    try:
        if not path.exists():
            raise RequestRejected("the copy for a compaction has gone", code=ErrorCode.WRONG_STATE, remedy="Try again.")
        if store.last_txn_id() != txn_id:
            on_step("catch up")
            changed = catch_up(store, path)
            get_logger().info("compact.caught_up", rows=changed)
        _check_copy(store, path)
        with translated(store.path), swaplock.swapping(store.path, SWAP_S):
            on_step("close")
            store.let_go()
            on_step("unlink")
            (store.path / "lock.mdb").unlink(missing_ok=True)
            on_step("rename")
            path.replace(store.path / "data.mdb")
            on_step("sync")
            _sync(store.path)
            _sync(path.parent)
    except ReeldError:
        path.unlink(missing_ok=True)
        raise
    on_step("open")
    forget_erasure(store)


def _check_room(store_dir: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(store_dir).free
    if free_bytes < needed_bytes + RESERVE_BYTES:
        raise RequestRejected(
            f"compaction needs {needed_bytes // 10**6} MB on the disk of the store for a moment,"
            f" besides a reserve of {RESERVE_BYTES // 10**6} MB; {free_bytes // 10**6} MB are free",
            code=ErrorCode.DISK_FULL,
            remedy="Free space on its disk; until then the store uses its own free pages again.",
        )


def _new_file(store_dir: Path) -> Path:
    folder = (store_dir / staging.FOLDER).absolute()
    with translated(store_dir):
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{secrets.token_hex(8)}.mdb"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
    return path


def _copy(store: StoreEnvironment, path: Path, progress: Callable[[int], bool]) -> None:
    """Copy through a pipe, so that it can be told how far it is, be stopped, and synced in pieces."""
    failures: list[BaseException] = []
    read, write = os.pipe()

    def produce() -> None:
        try:
            store.copy_compact(write)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            failures.append(error)
        finally:
            os.close(write)

    thread = threading.Thread(target=produce, name="copy")
    thread.start()
    try:
        with os.fdopen(read, "rb") as source, path.open("r+b", buffering=0) as target:
            stopped = not _pump(source.read, target.fileno(), progress)
    finally:
        thread.join()
    if stopped:
        raise RequestRejected("the compaction was stopped", code=ErrorCode.WRONG_STATE)
    if failures:
        raise failures[0]
    _sync(path)


def _pump(read: Callable[[int], bytes], target: int, progress: Callable[[int], bool]) -> bool:
    """Copy to the end; False if it was stopped before."""
    done = 0
    while piece := read(PIECE_BYTES):
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
        # Written at once, a piece at a time: otherwise some later commit of a recording would wait for all of it.
        os.fdatasync(target)
        done += len(piece)
        if not progress(done):
            return False
    return True


def _check_copy(store: StoreEnvironment, path: Path) -> None:
    """The copy opens and has as many rows in each database as the store."""
    with store.read() as txn:
        wanted = {table: txn.count(table) for table in Table}
    with translated(store.path):
        raw = lmdb.open(
            os.fspath(path), subdir=False, lock=False, readonly=True, create=False, max_dbs=len(Table), readahead=False
        )
        try:
            with raw.begin() as copied:
                found = {
                    table: copied.stat(raw.open_db(table.encode(), txn=copied, create=False))["entries"]
                    for table in Table
                }
        finally:
            raw.close()
    if found != wanted:
        raise StoreCorrupt("the copy made for compaction does not hold what the store holds")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
