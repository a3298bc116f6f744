"""Garbage collection: bytes that nothing refers to leave the store. Knows transactions only; `erase.py` does the file.

Every call is one short transaction over the next part of `garbage`, so it may stop anywhere: what is left is garbage
still, and the counts agree after each.
"""

from datetime import UTC, datetime
from itertools import islice

from reeld.store import results
from reeld.store.records import GarbageEntry, References
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.commands import Collected
from reeld_proto.edits import GarbageItem
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import CollectChunks
from reeld_proto.units import NS_PER_S

CHUNKS_MAX = 1000
"""Chunks looked at in one transaction, and listed in one reply."""


def collect(txn: Transaction, order: CollectChunks) -> Collected:
    """Remove (or only list) garbage, by digest, from the first digest above `order.after` on.

    `complete` when there is no more; else the next order goes on after the highest digest among `items` and `kept`.
    Raises RequestRejected for an `after` that is no digest.
    """
    chunks_max = max(1, min(order.chunks_max, CHUNKS_MAX))
    after = _digest(order.after)
    rows = list(islice(txn.scan(Table.GARBAGE, b"", after + b"\0" if after else None), chunks_max))
    items, kept = [], []
    for digest, value in rows:
        entry = decode(value, GarbageEntry)
        if order.keep_since_wall_ns is not None and entry.since_wall_ns >= order.keep_since_wall_ns:
            kept.append(_item(digest, entry))
        elif order.dry_run or _remove(txn, digest):
            items.append(_item(digest, entry))
    return Collected(
        dry_run=order.dry_run,
        chunks=len(items),
        bytes=sum(item.bytes for item in items),
        items=items,
        kept=kept,
        erased_bytes=0,
        complete=len(rows) < chunks_max,
    )


def _remove(txn: Transaction, digest: bytes) -> bool:
    """Take the bytes and their count out; False, and no garbage any more, if something refers to them after all."""
    known = txn.record(Table.REFERENCES, digest, References)
    unneeded = known is None or known.count == 0
    if unneeded:
        txn.delete(Table.CHUNKS, digest)
        txn.delete(Table.REFERENCES, digest)
        results.drop(txn, digest)
    txn.delete(Table.GARBAGE, digest)
    return unneeded


def _item(digest: bytes, entry: GarbageEntry) -> GarbageItem:
    since = datetime.fromtimestamp(entry.since_wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")
    return GarbageItem(chunk=digest.hex(), bytes=entry.size, reason=entry.reason, since=since)


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise RequestRejected(f"{text[:64]!r} is not a digest") from error
