"""Bytes by their digest: stored once, counted by the entries that need them, checked when read.

A count that falls to zero makes the bytes garbage; they stay until they are collected, and are no garbage any more once
something needs them again. What engines made of the bytes goes at once.
"""

import hashlib
from collections.abc import Mapping

from reeld.store import results
from reeld.store.api import Buffer
from reeld.store.records import GarbageEntry, References
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.errors import StoreCorrupt


def digest_of(data: Buffer) -> bytes:
    """SHA-256 of `data`: the name of a chunk."""
    return hashlib.sha256(data).digest()


def add(txn: Transaction, data: Buffer, digest: bytes = b"") -> bytes:
    """Store `data` unless it is there, count one more reference, and return its digest (computed unless given)."""
    digest = digest or digest_of(data)
    known = txn.record(Table.REFERENCES, digest, References)
    if known is None:
        txn.put(Table.CHUNKS, digest, data)
        known = References(0, len(data))
    _hold(txn, digest, known)
    return digest


def hold(txn: Transaction, digest: bytes, times: int = 1) -> None:
    """Count so many more references to bytes that are there. Raises StoreCorrupt if they are unknown."""
    known = txn.record(Table.REFERENCES, digest, References)
    if known is None:
        raise StoreCorrupt(f"chunk {digest.hex()} is missing")
    _hold(txn, digest, known, times)


def hold_all(txn: Transaction, wanted: Mapping[bytes, int]) -> None:
    """`hold` for many digests, each as often as it says."""
    digests = sorted(wanted)
    found = txn.get_all(Table.REFERENCES, digests)
    rows = []
    for digest in digests:
        if digest not in found:
            raise StoreCorrupt(f"chunk {digest.hex()} is missing")
        known = decode(found[digest], References)
        rows.append((digest, codec.pack_record(References(known.count + wanted[digest], known.size))))
        if known.count == 0:
            txn.delete(Table.GARBAGE, digest)
    txn.put_all(Table.REFERENCES, rows)


def release(txn: Transaction, digest: bytes, *, reason: str, now_wall_ns: int, times: int = 1) -> int:
    """Count so many references less; how many bytes became garbage by it (0 while others need them).

    Raises StoreCorrupt for bytes that fewer entries referred to.
    """
    known = txn.record(Table.REFERENCES, digest, References)
    if known is None or known.count < times:
        raise StoreCorrupt(f"chunk {digest.hex()} has no reference to give up")
    txn.put_record(Table.REFERENCES, digest, References(known.count - times, known.size))
    if known.count > times:
        return 0
    txn.put_record(Table.GARBAGE, digest, GarbageEntry(now_wall_ns, known.size, reason))
    results.drop(txn, digest)
    return known.size


def size_of(txn: Transaction, digest: bytes) -> int:
    """How many bytes they are; 0 for unknown ones."""
    known = txn.record(Table.REFERENCES, digest, References)
    return known.size if known is not None else 0


def is_held(txn: Transaction, digest: bytes) -> bool:
    """Whether any entry refers to them: bytes that none does are garbage, though they may be read until collected."""
    known = txn.record(Table.REFERENCES, digest, References)
    return known is not None and known.count > 0


def load(txn: Transaction, digest: bytes) -> bytes:
    """The bytes of that digest. Raises StoreCorrupt if they are missing or are not what was stored."""
    data = txn.get(Table.CHUNKS, digest)
    if data is None:
        raise StoreCorrupt(f"chunk {digest.hex()} is missing")
    if digest_of(data) != digest:
        raise StoreCorrupt(f"chunk {digest.hex()} is damaged: its bytes have another digest")
    return data


def _hold(txn: Transaction, digest: bytes, known: References, times: int = 1) -> None:
    txn.put_record(Table.REFERENCES, digest, References(known.count + times, known.size))
    if known.count == 0:
        txn.delete(Table.GARBAGE, digest)
