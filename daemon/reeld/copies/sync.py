"""The copy in an object store, or in files named as objects; `layout` says what is where, and the order of writes."""

from reeld.copies import layout
from reeld.copies.places import foreign, identity_of
from reeld.copies.snapshot import Snapshot
from reeld.copies.targets import Target
from reeld.copies.transfer import Progress, Transfer, check_complete
from reeld.runtime.clock import wall_ns
from reeld.store.environment import StoreEnvironment
from reeld.store.records import HASH_ALGORITHM, STORE_FORMAT_VERSION
from reeld_proto import codec
from reeld_proto.commands import Synced


def sync(store: StoreEnvironment, target: Target, name: str, progress: Progress) -> Synced:
    """Bring the copy up to date. name: the target as people know it.

    Interrupted at any moment, the copy is still the one before. Raises RequestRejected (WRONG_STATE for a target that
    holds the copy of another store), TransportError, and StoreCorrupt once all that is intact has been copied.
    """
    identity = identity_of(store)
    head = _head(target, name, identity)
    with Snapshot.take(store, head.sessions) as snapshot:
        there = {digest for each in target.list(layout.CHUNKS) if (digest := layout.digest_in(each)) is not None}
        transfer = Transfer(store, progress)
        missing = [digest for digest in snapshot.needed if digest not in there]
        for digest, data in transfer.read(missing, snapshot.needed):
            target.put(layout.chunk_name(digest), data)
        sessions = _put_manifests(target, snapshot, transfer, head)
        if sessions != head.sessions or not head.made_wall_ns:
            _put_head(target, identity, sessions)
        removed = _remove_rest(target, snapshot, sessions, complete=sessions == snapshot.sessions)
        check_complete(snapshot, [each for each in snapshot.changed if sessions.get(each) != snapshot.sessions[each]])
        return Synced(
            target=name,
            sessions=len(sessions),
            chunks=len(snapshot.needed),
            bytes=sum(snapshot.needed.values()),
            copied_chunks=transfer.moved,
            copied_bytes=transfer.moved_bytes,
            removed_chunks=removed,
        )


def _head(target: Target, name: str, identity: bytes) -> layout.Head:
    data = target.get(layout.HEAD)
    if data is None:
        return _new_head(identity, 0, {})
    head = layout.read_head(data, name)
    if head.store != identity:
        raise foreign(name)
    return head


def _new_head(identity: bytes, made_wall_ns: int, sessions: dict[str, bytes]) -> layout.Head:
    return layout.Head(
        layout=layout.LAYOUT_VERSION,
        format=STORE_FORMAT_VERSION,
        hash=HASH_ALGORITHM,
        store=identity,
        made_wall_ns=made_wall_ns,
        sessions=sessions,
    )


def _put_head(target: Target, identity: bytes, sessions: dict[str, bytes]) -> None:
    target.put(layout.HEAD, codec.pack_record(_new_head(identity, wall_ns(), sessions)))


def _put_manifests(target: Target, snapshot: Snapshot, transfer: Transfer, head: layout.Head) -> dict[str, bytes]:
    """Write the manifests that changed; which are the copy from now on."""
    whole = set(transfer.whole(snapshot, snapshot.changed))
    for session in snapshot.changed:
        if session in whole:
            target.put(layout.manifest_name(session, snapshot.sessions[session]), snapshot.manifest(session))
    # What is damaged here stays in the copy as it was.
    kept = {session: head.sessions[session] for session in snapshot.unreadable if session in head.sessions}
    for session, digest in snapshot.sessions.items():
        if session not in snapshot.changed or session in whole:
            kept[session] = digest
        elif session in head.sessions:
            kept[session] = head.sessions[session]
    return kept


def _remove_rest(target: Target, snapshot: Snapshot, sessions: dict[str, bytes], *, complete: bool) -> int:
    """Remove objects that the head does not need; the number of chunks. What is forgotten must leave the copy, too.

    While sessions stand in the copy as they were (`complete` is False), their chunks are not known and all stay.
    """
    manifests = {layout.manifest_name(session, digest) for session, digest in sessions.items()}
    for name in list(target.list(layout.MANIFESTS)):
        if name not in manifests:
            target.delete(name)
    if not complete:
        return 0
    removed = 0
    for name in list(target.list(layout.CHUNKS)):
        digest = layout.digest_in(name)
        if digest is not None and digest not in snapshot.needed:
            target.delete(name)
            removed += 1
    return removed
