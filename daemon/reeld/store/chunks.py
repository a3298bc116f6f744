"""Bytes by their digest: stored once, counted by the timeline entries that need them, checked when read."""

import hashlib

from reeld.store.api import Buffer
from reeld.store.environment import Table, Transaction
from reeld.store.records import References
from reeld_proto.errors import StoreCorrupt


def digest_of(data: Buffer) -> bytes:
    """SHA-256 of `data`: the name of a chunk."""
    return hashlib.sha256(data).digest()


def add(txn: Transaction, data: Buffer) -> bytes:
    """Store `data` unless it is there, count one more reference, and return its digest."""
    digest = digest_of(data)
    known = txn.record(Table.REFERENCES, digest, References)
    if known is None:
        txn.put(Table.CHUNKS, digest, data)
        known = References(0, len(data))
    txn.put_record(Table.REFERENCES, digest, References(known.count + 1, known.size))
    return digest


def load(txn: Transaction, digest: bytes) -> bytes:
    """The bytes of that digest. Raises StoreCorrupt if they are missing or are not what was stored."""
    data = txn.get(Table.CHUNKS, digest)
    if data is None:
        raise StoreCorrupt(f"chunk {digest.hex()} is missing")
    if digest_of(data) != digest:
        raise StoreCorrupt(f"chunk {digest.hex()} is damaged: its bytes have another digest")
    return data
