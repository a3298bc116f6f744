import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.store import chunks
from reeld.store.environment import StoreEnvironment, Table
from reeld.store.records import References
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
