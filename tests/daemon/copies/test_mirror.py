"""A copy in a folder. Harms guarded against: one that is torn, incomplete, of another store, or keeps what is gone."""

import multiprocessing
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from reeld.copies.mirror import mirror
from reeld.store import manifests, recovery, sessions
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld.supervisor.directories import DirectoryLock
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import SessionState
from reeld_proto.store_orders import RemoveSession
from reeld_proto.workers import RecordMarker
from tests.daemon.copies.builders import checked, going_on, mirrored
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

OTHER = "20261122-180000-zzzz"


def recorded(store: StoreEnvironment, session: str = SESSION, seconds: int = 3) -> None:
    """A finished session of a few chunks; the store has it created already."""
    land(store, *(chunk(at * NS, (at + 1) * NS, session=session, seq=at) for at in range(seconds)))
    with store.write() as txn:
        sessions.mark(txn, RecordMarker(session=session, media_ns=NS, text="here"))
        sessions.finish(txn, finish(seconds * NS, session))


def test_the_copy_is_a_store_that_says_the_same(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store)
    done = mirrored(store, tmp_path / "copy")
    assert (done.sessions, done.chunks, done.copied_chunks, done.removed_chunks) == (1, 4, 4, 0)
    assert done.bytes == done.copied_bytes > 0
    assert checked(tmp_path / "copy").ok
    copy, own = StoreReader.open(tmp_path / "copy"), StoreReader(store)
    assert copy.show(SESSION) == own.show(SESSION)
    assert copy.chunk(next(copy.segments(SESSION, "video-1")).chunk) == b"video-1 0 1000000000"
    copy.close()


def test_a_second_run_moves_nothing(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store)
    first = mirrored(store, tmp_path / "copy")
    again = mirrored(store, tmp_path / "copy")
    assert (again.copied_chunks, again.copied_bytes, again.removed_chunks) == (0, 0, 0)
    assert (again.chunks, again.bytes) == (first.chunks, first.bytes)


def test_a_session_that_grows_moves_only_what_is_new(store: StoreEnvironment, tmp_path: Path) -> None:
    land(store, chunk(0, NS), chunk(NS, 2 * NS, seq=2))
    mirrored(store, tmp_path / "copy")
    land(store, chunk(2 * NS, 3 * NS, seq=3))
    again = mirrored(store, tmp_path / "copy")
    assert again.copied_chunks == 1
    assert checked(tmp_path / "copy").ok


def test_a_session_being_recorded_is_interrupted_where_the_copy_is_opened(
    store: StoreEnvironment, tmp_path: Path
) -> None:
    land(store, chunk(0, NS))
    mirrored(store, tmp_path / "copy")
    copy = StoreEnvironment.open_write(tmp_path / "copy")
    assert recovery.recover(copy, "") == [SESSION]
    found = StoreReader(copy).show(SESSION)
    assert (found.state, found.duration_s) == (SessionState.INTERRUPTED, 1.0)
    copy.close()
    assert checked(tmp_path / "copy").ok
    recorded(store)
    mirrored(store, tmp_path / "copy")
    assert checked(tmp_path / "copy").ok
    again = StoreReader.open(tmp_path / "copy")
    assert again.show(SESSION).state is SessionState.COMPLETED
    again.close()


def test_what_was_deleted_leaves_the_copy(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store)
    with store.write() as txn:
        sessions.create(txn, creation(OTHER))
    recorded(store, OTHER, seconds=2)
    mirrored(store, tmp_path / "copy")
    with store.write() as txn:
        manifests.remove(txn, RemoveSession(session=SESSION, reason="deleted"), Circumstances(store.path, ()))
    done = mirrored(store, tmp_path / "copy")
    assert (done.sessions, done.removed_chunks) == (1, 1)  # two chunks and the init segment are the other's, too
    assert checked(tmp_path / "copy").ok
    copy = StoreReader.open(tmp_path / "copy")
    assert [each.session for each in copy.list_sessions()] == [OTHER]
    copy.close()


def test_another_store_is_never_overwritten(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store)
    with new_store(tmp_path / "other", creation(OTHER)):
        pass
    with pytest.raises(RequestRejected) as caught:
        mirrored(store, tmp_path / "other")
    assert caught.value.code is ErrorCode.WRONG_STATE
    mirrored(store, tmp_path / "copy")
    with new_store(tmp_path / "third") as third, pytest.raises(RequestRejected):
        mirrored(third, tmp_path / "copy")
    assert checked(tmp_path / "copy").ok


def test_sessions_recorded_into_the_copy_itself_stay(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store)
    mirrored(store, tmp_path / "copy")
    with new_store(tmp_path / "copy", creation(OTHER)) as copy:
        recorded(copy, OTHER)
    mirrored(store, tmp_path / "copy")
    assert checked(tmp_path / "copy").ok
    found = StoreReader.open(tmp_path / "copy")
    assert len(found.list_sessions()) == 2
    found.close()


def test_a_folder_with_other_things_in_it_is_left_alone(store: StoreEnvironment, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    with pytest.raises(RequestRejected):
        mirrored(store, tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_a_copy_in_use_is_refused(store: StoreEnvironment, tmp_path: Path) -> None:
    mirrored(store, tmp_path / "copy")
    lock = DirectoryLock(tmp_path / "copy")
    lock.acquire("test")
    with pytest.raises(RequestRejected) as caught:
        mirrored(store, tmp_path / "copy")
    lock.release()
    assert caught.value.code is ErrorCode.ALREADY_RUNNING


def test_a_damaged_chunk_does_not_keep_the_rest_from_the_copy(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store, seconds=2)
    with store.write() as txn:
        sessions.create(txn, creation(OTHER))
        txn.put(Table.CHUNKS, digest_of(b"video-1 1000000000 2000000000"), b"rotten")
    recorded(store, OTHER, seconds=1)
    with pytest.raises(StoreCorrupt) as caught:
        mirrored(store, tmp_path / "copy")
    assert SESSION in str(caught.value)
    assert OTHER not in str(caught.value)
    assert checked(tmp_path / "copy").ok
    copy = StoreReader.open(tmp_path / "copy")
    assert [each.session for each in copy.list_sessions()] == [OTHER]
    copy.close()


def test_a_copy_that_is_stopped_goes_on_where_it_was(store: StoreEnvironment, tmp_path: Path) -> None:
    recorded(store)
    with pytest.raises(RequestRejected):
        mirror(store, tmp_path / "copy", lambda *_: False)
    assert checked(tmp_path / "copy").ok
    mirrored(store, tmp_path / "copy")
    assert checked(tmp_path / "copy").ok


def _copy_and_die(source: Path, folder: Path, commits: int) -> None:
    """In a process of its own: kill it before its so-manieth commit."""
    write = StoreEnvironment.write
    left = [commits]

    @contextmanager
    def dying(self: StoreEnvironment):  # type: ignore[no-untyped-def]  # noqa: ANN202
        with write(self) as txn:
            yield txn
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    StoreEnvironment.write = dying  # type: ignore[method-assign]
    mirror(StoreEnvironment.open_read(source), folder, going_on)


def test_a_copy_killed_at_any_commit_is_a_correct_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with new_store(tmp_path / "store", creation()) as store:
        recorded(store)
    for commits in range(5):
        process = context.Process(target=_copy_and_die, args=(tmp_path / "store", tmp_path / "copy", commits))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        if (tmp_path / "copy" / "data.mdb").exists() and commits > 0:
            assert checked(tmp_path / "copy").ok
    else:
        pytest.fail("the copy never came to its end")
    assert checked(tmp_path / "copy").ok
