"""The copy in a folder: a store of its own, which `reeld --store` opens and `reelctl verify` checks.

DESIGN: chunks come first, as garbage that nothing shows; then each changed session is made what it is here, in one
transaction; then sessions that are gone go, and bytes that nothing needs any more. So a copy that is interrupted is a
correct store at every moment. Which sessions a copy brought, and the digest of each one's rows, is kept beside the
store's own data: only these are ever removed. A session that is being recorded is unfinished in the copy, too; whoever
opens the copy finds it interrupted there, as after a crash.
"""

from collections.abc import Iterator
from pathlib import Path

from reeld.copies.places import check_folder, foreign, identity_of
from reeld.copies.snapshot import Snapshot
from reeld.copies.transfer import Progress, Transfer, check_complete
from reeld.runtime.clock import wall_ns
from reeld.store.environment import StoreEnvironment
from reeld.store.erase import Eraser
from reeld.store.keys import COPIED_PREFIX, COPY_OF_KEY, name_key
from reeld.store.landing import keep_unreferenced
from reeld.store.records import References
from reeld.store.rows import erase, write_rows
from reeld.store.transaction import Table, Transaction
from reeld.supervisor.directories import DirectoryLock, prepare_private_dir
from reeld_proto.commands import Synced

BATCH_BYTES = 16 * 1024 * 1024
_COPIED = "copied"
_REMOVED_A_TIME = 500


def mirror(store: StoreEnvironment, folder: Path, progress: Progress) -> Synced:
    """Bring the copy in `folder` up to date, creating it.

    Raises RequestRejected (WRONG_STATE if it holds another store, ALREADY_RUNNING if somebody uses it, DISK_FULL,
    PERMISSION), and StoreCorrupt once all that is intact has been copied.
    """
    check_folder(folder, store.path)
    identity = identity_of(store)
    _check_content(folder)
    prepare_private_dir(folder)
    lock = DirectoryLock(folder)
    lock.acquire(f"copying {store.path}", orphans_leave_s=0)
    try:
        copy = StoreEnvironment.open_write(folder)
        try:
            known = _claim(copy, identity)
            with Snapshot.take(store, known) as snapshot:
                return _update(store, copy, snapshot, known, progress)
        finally:
            copy.close()
    finally:
        lock.release()


def _check_content(folder: Path) -> None:
    """A folder with things in it that is no store is a mistake of whoever named it."""
    if folder.is_dir() and not (folder / "data.mdb").exists() and any(not _ours(each) for each in folder.iterdir()):
        raise foreign(str(folder))


def _ours(path: Path) -> bool:
    return path.name in {"lock.mdb", "reeld.lock", "swap.lock", "lost+found", ".DS_Store"}


def _claim(copy: StoreEnvironment, identity: bytes) -> dict[str, bytes]:
    """Mark the folder as a copy of this store; the sessions that it has, with the digests of their rows."""
    with copy.read() as txn:
        of = txn.get(Table.META, COPY_OF_KEY)
        empty = txn.count(Table.SESSIONS) == 0 and txn.count(Table.CHUNKS) == 0
        known = {key[len(COPIED_PREFIX) :].decode(): value for key, value in txn.scan(Table.META, COPIED_PREFIX)}
    if of is None and empty:
        with copy.write() as txn:
            txn.put(Table.META, COPY_OF_KEY, identity)
    elif of != identity:
        raise foreign(str(copy.path))
    return known


def _update(
    store: StoreEnvironment, copy: StoreEnvironment, snapshot: Snapshot, known: dict[str, bytes], progress: Progress
) -> Synced:
    transfer = Transfer(store, progress)
    batch = _Batch(copy)
    for _, data in transfer.read(_missing(copy, snapshot), snapshot.needed):
        batch.add(data)
    batch.flush()
    done = set()
    for session in transfer.whole(snapshot, snapshot.changed):
        with copy.write() as txn:
            write_rows(txn, session, snapshot.rows(session), reason=_COPIED, now_wall_ns=wall_ns())
            txn.put(Table.META, COPIED_PREFIX + name_key(session), snapshot.sessions[session])
        done.add(session)
    for session in known.keys() - snapshot.sessions.keys() - snapshot.unreadable.keys():
        with copy.write() as txn:
            erase(txn, session, reason=_COPIED, now_wall_ns=wall_ns())
            txn.delete(Table.META, COPIED_PREFIX + name_key(session))
    removed = _remove_garbage(copy)
    if removed or known.keys() - snapshot.sessions.keys():
        _erase(copy)
    check_complete(snapshot, [session for session in snapshot.changed if session not in done])
    return Synced(
        target=str(copy.path),
        sessions=len(snapshot.sessions),
        chunks=len(snapshot.needed),
        bytes=sum(snapshot.needed.values()),
        copied_chunks=transfer.moved,
        copied_bytes=transfer.moved_bytes,
        removed_chunks=removed,
    )


def _missing(copy: StoreEnvironment, snapshot: Snapshot) -> list[bytes]:
    with copy.read() as txn:
        return [digest for digest in snapshot.needed if txn.record(Table.REFERENCES, digest, References) is None]


class _Batch:
    """Bytes that become durable together."""

    def __init__(self, copy: StoreEnvironment) -> None:
        self._copy = copy
        self._waiting: list[bytes] = []
        self._bytes = 0

    def add(self, data: bytes) -> None:
        self._waiting.append(data)
        self._bytes += len(data)
        if self._bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            with self._copy.write() as txn:
                for data in self._waiting:
                    keep_unreferenced(txn, data, reason=_COPIED, now_wall_ns=wall_ns())
        self._waiting, self._bytes = [], 0


def _remove_garbage(copy: StoreEnvironment) -> int:
    """Remove what no session of the copy needs; how many chunks."""
    removed = 0
    while True:
        with copy.write() as txn:
            portion = list(_garbage(txn))
            for digest in portion:
                for table in (Table.CHUNKS, Table.REFERENCES, Table.GARBAGE):
                    txn.delete(table, digest)
        removed += len(portion)
        if not portion:
            return removed


def _erase(copy: StoreEnvironment) -> None:
    """Overwrite in the file what was removed from it; what a reader still looks at is left to the next run."""
    eraser = Eraser(copy)
    try:
        while not (erased := eraser.step()).done and not erased.waiting:
            pass
    finally:
        eraser.close()


def _garbage(txn: Transaction) -> Iterator[bytes]:
    for count, (digest, _) in enumerate(txn.scan(Table.GARBAGE)):
        if count == _REMOVED_A_TIME:
            return
        yield digest
