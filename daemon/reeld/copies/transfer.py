"""What both kinds of copy share: reading chunks of the store one by one, progress, and what to say of losses."""

from collections.abc import Callable, Iterable, Iterator

from reeld.copies.snapshot import Snapshot
from reeld.store import chunks
from reeld.store.environment import StoreEnvironment
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt

Progress = Callable[[int, int], bool]
"""Called with (bytes moved, bytes to move); returns False to stop."""

_TOLD_MAX = 5


class Transfer:
    """Chunks on their way. moved, moved_bytes: what was handed out so far. lost: digests that cannot be read."""

    def __init__(self, store: StoreEnvironment, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self.moved = 0
        self.moved_bytes = 0
        self.lost: set[bytes] = set()

    def read(self, missing: Iterable[bytes], sizes: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
        """Digest and bytes of each that is intact. Raises RequestRejected when the job is to stop."""
        wanted = list(missing)
        total = sum(sizes[digest] for digest in wanted)
        for digest in wanted:
            try:
                with self._store.read() as txn:
                    data = chunks.load(txn, digest)
            except StoreCorrupt:
                self.lost.add(digest)
                continue
            yield digest, data
            self.moved += 1
            self.moved_bytes += len(data)
            if not self._progress(self.moved_bytes, total):
                raise RequestRejected(
                    "the copy was stopped", code=ErrorCode.WRONG_STATE, remedy="Run it again: it goes on from here."
                )

    def whole(self, snapshot: Snapshot, sessions: Iterable[str]) -> Iterator[str]:
        """Those of the changed sessions that lack nothing."""
        for session in sessions:
            if not self.lost or self.lost.isdisjoint(snapshot.digests(session)):
                yield session


def check_complete(snapshot: Snapshot, left_out: Iterable[str]) -> None:
    """Raises StoreCorrupt naming the sessions that could not be copied because they are damaged here."""
    faults = [f"session {session}: {reason}" for session, reason in snapshot.unreadable.items()]
    faults += [f"session {session}: a chunk is missing or damaged" for session in left_out]
    if faults:
        shown = "; ".join(faults[:_TOLD_MAX])
        raise StoreCorrupt(
            f"all is copied but what is damaged in this store: {shown}",
            remedy="`reelctl verify` names the damage, `reelctl repair --from` the copy heals what the copy has.",
            faults=tuple(faults),
        )
