"""What engines made of chunks: a cache whose key is the chunk, the engine, its version and its parameters.

DESIGN: a result hangs on its chunk and on no session, so whatever shows the chunk has the result: a clip, a merge, a
second run. It goes in the transaction in which nothing holds the chunk any more.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from reeld.store.records import ResultEntry
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import Stage

T = TypeVar("T")

_ENGINE_BYTES = 16

PART = "#"
"""Stands in parameters before what of a chunk was looked at, where that was not all of it."""


def engine_key(stage: Stage, engine: str, version: str, parameters: str) -> bytes:
    """What tells results of one chunk apart."""
    return hashlib.sha256("\0".join((stage, engine, version, parameters)).encode()).digest()[:_ENGINE_BYTES]


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What results are found by. parameters: as in their key. also: keys of results that are at least as good."""

    name: str
    version: str
    parameters: str
    also: tuple["EngineKey", ...] = ()

    def digest(self, stage: Stage, part: str = "") -> bytes:
        """As `engine_key`. part: what of a chunk was looked at, where that was not all of it."""
        return engine_key(stage, self.name, self.version, self.parameters + part)


def has(txn: Transaction, source: bytes, engine: bytes) -> bool:
    """Whether this engine has looked at the chunk."""
    return txn.get(Table.RESULTS, source + engine) is not None


def payload_of(txn: Transaction, source: bytes, engine: bytes) -> bytes | None:
    """What this engine found in the chunk, packed; None if it has not looked, or that cannot be read."""
    value = txn.get(Table.RESULTS, source + engine)
    if value is None:
        return None
    try:
        return decode(value, ResultEntry).payload
    except StoreCorrupt:
        return None


def of(txn: Transaction, source: bytes) -> Iterator[ResultEntry]:
    """Everything that is known of a chunk; what cannot be read is left out."""
    for _, value in txn.scan(Table.RESULTS, source):
        with contextlib.suppress(StoreCorrupt):
            yield decode(value, ResultEntry)


def best(txn: Transaction, source: bytes, stage: Stage) -> ResultEntry | None:
    """What people are shown of a chunk: the newest result of a stage, if there is one of the whole chunk of those."""
    found = [each for each in of(txn, source) if each.stage is stage]
    return max(found, key=lambda each: (PART not in each.parameters, each.made_wall_ns), default=None)


def payload(txn: Transaction, source: bytes, stage: Stage, kind: type[T]) -> T | None:
    """The best result of a stage itself; None without one, or if it cannot be read: it can be made again."""
    entry = best(txn, source, stage)
    if entry is None:
        return None
    try:
        return decode(entry.payload, kind)
    except StoreCorrupt:
        return None


def put(txn: Transaction, source: bytes, entry: ResultEntry) -> bool:
    """Keep a result; False if it is there already, and then it stays as it is."""
    key = source + engine_key(entry.stage, entry.engine, entry.version, entry.parameters)
    if txn.get(Table.RESULTS, key) is not None:
        return False
    txn.put_record(Table.RESULTS, key, entry)
    return True


def drop(txn: Transaction, source: bytes) -> int:
    """Remove everything that is known of a chunk; how many results that were."""
    # Collected first: a cursor must not stand on a key that is removed under it.
    doomed = [key for key, _ in txn.scan(Table.RESULTS, source)]
    for key in doomed:
        txn.delete(Table.RESULTS, key)
    return len(doomed)
