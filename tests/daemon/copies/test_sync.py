"""A copy in an object store. Harms guarded against: a head that names what is not there, objects that stay for ever."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from reeld.copies import layout
from reeld.copies.folder import FolderTarget
from reeld.copies.objects import ObjectTarget
from reeld.copies.sync import sync
from reeld.copies.targets import Target
from reeld.store import manifests, sessions
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.rows import digests_of, read_rows
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.commands import Synced
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.store_orders import RemoveSession
from tests.daemon.copies.builders import going_on
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

OTHER = "20261122-180000-zzzz"


class FaultyError(Exception):
    """The network went away."""


class Faulty:
    """A target that fails at its so-manieth change."""

    def __init__(self, inner: Target, changes: int) -> None:
        self._inner = inner
        self._left = changes

    def _change(self) -> None:
        if self._left == 0:
            raise FaultyError
        self._left -= 1

    def put(self, name: str, data: bytes) -> None:
        self._change()
        self._inner.put(name, data)

    def get(self, name: str) -> bytes | None:
        return self._inner.get(name)

    def list(self, prefix: str) -> Iterator[str]:
        return self._inner.list(prefix)

    def delete(self, name: str) -> None:
        self._change()
        self._inner.delete(name)


@pytest.fixture(params=["memory", "folder", "local"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "memory":
        return ObjectTarget("memory:///")
    if request.param == "folder":
        return FolderTarget(tmp_path / "objects")
    (tmp_path / "objects").mkdir()
    return ObjectTarget((tmp_path / "objects").as_uri())


def synced(store: StoreEnvironment, target: Target) -> Synced:
    return sync(store, target, "the cloud", going_on)


def check(target: Target) -> dict[str, int]:
    """Everything that the head names is there and is what its name says; the number of rows of each session."""
    data = target.get(layout.HEAD)
    if data is None:
        return {}
    found = {}
    for session, digest in layout.read_head(data, "test").sessions.items():
        manifest = target.get(layout.manifest_name(session, digest))
        assert manifest is not None
        assert hashlib.sha256(manifest).digest() == digest
        rows = list(layout.rows_of(manifest))
        for each in {each for row in rows for digest in [row] for each in digests_of(digest)}:
            stored = target.get(layout.chunk_name(each))
            assert stored is not None
            assert digest_of(stored) == each
        found[session] = len(rows)
    return found


def names(target: Target) -> set[str]:
    return {name for folder in (layout.CHUNKS, layout.MANIFESTS) for name in target.list(folder)}


def test_the_copy_holds_all_that_the_head_names(store: StoreEnvironment, target: Target) -> None:
    land(store, chunk(0, NS), chunk(NS, 2 * NS, seq=2))
    done = synced(store, target)
    assert (done.sessions, done.chunks, done.copied_chunks) == (1, 3, 3)
    with store.read() as txn:
        assert check(target) == {SESSION: len(list(read_rows(txn, SESSION)))}


def test_a_second_run_moves_only_what_is_new(store: StoreEnvironment, target: Target) -> None:
    land(store, chunk(0, NS))
    synced(store, target)
    assert synced(store, target).copied_chunks == 0
    land(store, chunk(NS, 2 * NS, seq=2))
    done = synced(store, target)
    assert (done.copied_chunks, done.chunks) == (1, 3)
    assert len(names(target)) == 3 + 1  # the manifest of the session as it was is gone
    check(target)


def test_what_was_deleted_leaves_the_copy(store: StoreEnvironment, target: Target) -> None:
    land(store, chunk(0, NS))
    with store.write() as txn:
        sessions.finish(txn, finish(NS))
        sessions.create(txn, creation(OTHER))
    land(store, chunk(0, NS, b"other", session=OTHER))
    synced(store, target)
    with store.write() as txn:
        manifests.remove(txn, RemoveSession(session=SESSION, reason="deleted"), Circumstances(store.path, ()))
    done = synced(store, target)
    assert (done.removed_chunks, done.sessions) == (1, 1)
    assert set(check(target)) == {OTHER}
    assert target.get(layout.chunk_name(digest_of(b"video-1 0 1000000000"))) is None


def test_a_copy_broken_off_at_any_write_is_the_one_before(store: StoreEnvironment, target: Target) -> None:
    land(store, chunk(0, NS))
    synced(store, target)
    before = check(target)
    with store.write() as txn:
        sessions.finish(txn, finish(NS))
        sessions.create(txn, creation(OTHER))
        manifests.remove(txn, RemoveSession(session=SESSION, reason="deleted"), Circumstances(store.path, ()))
    land(store, chunk(0, NS, session=OTHER), chunk(NS, 2 * NS, session=OTHER, seq=2))
    states = []
    for changes in range(20):
        try:
            sync(store, Faulty(target, changes), "the cloud", going_on)
        except FaultyError:
            states.append(set(check(target)))
        else:
            break
    else:
        pytest.fail("the copy never came to its end")
    assert {frozenset(each) for each in states} <= {frozenset(before), frozenset({OTHER})}
    assert set(check(target)) == {OTHER}
    assert len(names(target)) == 3 + 1


def test_the_copy_of_another_store_is_never_overwritten(
    store: StoreEnvironment, target: Target, tmp_path: Path
) -> None:
    synced(store, target)
    with new_store(tmp_path / "other") as other, pytest.raises(RequestRejected) as caught:
        synced(other, target)
    assert caught.value.code is ErrorCode.WRONG_STATE


def test_a_head_from_a_newer_reeld_is_left_alone(store: StoreEnvironment, target: Target) -> None:
    synced(store, target)
    head = layout.read_head(target.get(layout.HEAD) or b"", "test")
    data = codec.pack_record(structs.replace(head, layout=layout.LAYOUT_VERSION + 1))
    target.put(layout.HEAD, data)
    with pytest.raises(RequestRejected) as caught:
        synced(store, target)
    assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION
    assert target.get(layout.HEAD) == data


def test_a_damaged_session_stays_in_the_copy_as_it_was(store: StoreEnvironment, target: Target) -> None:
    land(store, chunk(0, NS))
    synced(store, target)
    before = check(target)
    land(store, chunk(NS, 2 * NS, b"soon rotten", seq=2))
    with store.write() as txn:
        txn.put(Table.CHUNKS, digest_of(b"soon rotten"), b"rotten now!")
        sessions.create(txn, creation(OTHER))
    with pytest.raises(StoreCorrupt) as caught:
        synced(store, target)
    assert SESSION in str(caught.value)
    found = check(target)
    assert found[SESSION] == before[SESSION]
    assert OTHER in found


def test_a_head_that_is_not_one_is_told(store: StoreEnvironment, target: Target) -> None:
    target.put(layout.HEAD, b"\xff\xff")
    with pytest.raises(StoreCorrupt):
        synced(store, target)


def test_a_copy_that_is_stopped_says_so(store: StoreEnvironment, target: Target) -> None:
    land(store, chunk(0, NS))
    with pytest.raises(RequestRejected):
        sync(store, target, "the cloud", lambda *_: False)
    assert target.get(layout.HEAD) is None
