import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.store import chunks
from reeld.store.environment import StoreEnvironment
from reeld.store.records import GarbageEntry, References
from reeld.store.transaction import Table
from reeld_proto.errors import StoreCorrupt


@given(st.binary(min_size=1, max_size=5000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_bytes_come_back_and_are_stored_once(store: StoreEnvironment, data: bytes) -> None:
    with store.write() as txn:
        before = txn.count(Table.CHUNKS)
        known = txn.get(Table.CHUNKS, hashlib.sha256(data).digest()) is not None
        digest = chunks.add(txn, memoryview(data))
        assert chunks.add(txn, data) == digest == hashlib.sha256(data).digest()
        assert txn.count(Table.CHUNKS) == before + (not known)
        assert chunks.load(txn, digest) == data


def test_a_digest_that_is_known_is_not_computed_again(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 200 KB it takes as long as everything else but the disk."""
    digest = hashlib.sha256(b"known").digest()
    monkeypatch.setattr(chunks, "digest_of", None)
    with store.write() as txn:
        assert chunks.add(txn, b"known", digest) == digest
        assert txn.get(Table.CHUNKS, digest) == b"known"


def test_each_user_of_a_chunk_is_counted(store: StoreEnvironment) -> None:
    with store.write() as txn:
        for expected in (1, 2, 3):
            digest = chunks.add(txn, b"shared")
            assert txn.record(Table.REFERENCES, digest, References) == References(expected, 6)


def test_a_flipped_bit_is_never_handed_out(store: StoreEnvironment) -> None:
    with store.write() as txn:
        digest = chunks.add(txn, b"intact")
        txn.put(Table.CHUNKS, digest, b"intacu")
    with store.read() as txn, pytest.raises(StoreCorrupt, match="damaged"):
        chunks.load(txn, digest)


def test_a_missing_chunk_is_named(store: StoreEnvironment) -> None:
    with store.read() as txn, pytest.raises(StoreCorrupt, match=r"00ff.*missing"):
        chunks.load(txn, b"\x00\xff" * 16)


def garbage(store: StoreEnvironment, digest: bytes) -> GarbageEntry | None:
    with store.read() as txn:
        return txn.record(Table.GARBAGE, digest, GarbageEntry)


def test_bytes_are_garbage_exactly_while_nothing_refers_to_them(store: StoreEnvironment) -> None:
    """Garbage that is needed would be collected; bytes that are no garbage would stay for ever."""
    with store.write() as txn:
        digest = chunks.add(txn, b"shared")
        chunks.hold(txn, digest, 3)
        assert chunks.release(txn, digest, reason="x", now_wall_ns=7, times=3) == 0
    assert garbage(store, digest) is None
    with store.write() as txn:
        assert chunks.release(txn, digest, reason="why", now_wall_ns=7) == 6
    assert garbage(store, digest) == GarbageEntry(7, 6, "why")
    with store.write() as txn:
        chunks.hold(txn, digest)
    assert garbage(store, digest) is None
    with store.write() as txn:
        chunks.release(txn, digest, reason="why", now_wall_ns=8)
        chunks.add(txn, b"shared")
    assert garbage(store, digest) is None


def test_no_more_references_are_given_up_than_there_are(store: StoreEnvironment) -> None:
    with store.write() as txn:
        digest = chunks.add(txn, b"shared")
        with pytest.raises(StoreCorrupt, match="no reference"):
            chunks.release(txn, digest, reason="x", now_wall_ns=7, times=2)
        chunks.release(txn, digest, reason="x", now_wall_ns=7)
        with pytest.raises(StoreCorrupt, match="no reference"):
            chunks.release(txn, digest, reason="x", now_wall_ns=7)


def test_bytes_that_are_not_there_cannot_be_held(store: StoreEnvironment) -> None:
    with store.write() as txn:
        assert chunks.size_of(txn, b"n" * 32) == 0
        assert chunks.size_of(txn, chunks.add(txn, b"four")) == 4
        with pytest.raises(StoreCorrupt, match="missing"):
            chunks.hold(txn, b"n" * 32)
