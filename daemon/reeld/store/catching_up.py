"""Brings a copy of the store's file up to the state of the store, however much was recorded while it was made.

DESIGN: only what differs is written, in one transaction of the copy. Chunks are compared by their names alone: the
bytes of a name never change, except when damaged ones are healed, which leaves a new `repaired` in `meta`. Everything
else is compared row by row, in order, without holding more than the differences. The writer's thread does it between
two transactions, while messages wait in the queue and, when that is full, with their producers.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import lmdb

from reeld.store.environment import MAP_BYTES_MAX, StoreEnvironment
from reeld.store.keys import REPAIRED_KEY
from reeld.store.lmdb_errors import translated
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ErrorCode, RequestRejected

ROWS_MAX = 400_000
"""Comparing so many takes half a second to a second, for which a recording can be held back; more wait for quiet."""

Row = tuple[bytes, bytes]


def catch_up(store: StoreEnvironment, path: Path) -> int:
    """Make the copy at `path` hold what the store holds; how many rows that changed. The copy is durable then.

    Raises RequestRejected WRONG_STATE for a store that is too large for that, or was repaired since it was copied.
    """
    with translated(store.path), store.read() as txn:
        rows = sum(txn.count(table) for table in Table)
        if rows > ROWS_MAX:
            raise RequestRejected(
                f"the store was written to while it was copied, and has {rows} rows to compare",
                code=ErrorCode.WRONG_STATE,
                remedy="Try again when nothing is recorded, with the rolling buffer off.",
            )
        with closing(_open(path, store.map_bytes)) as raw:
            tables = {table: raw.open_db(table.encode(), create=False) for table in Table}
            with raw.begin(write=True) as copied:
                copy = Transaction(copied, tables)
                if copy.get(Table.META, REPAIRED_KEY) != txn.get(Table.META, REPAIRED_KEY):
                    raise RequestRejected(
                        "the store was repaired while it was copied", code=ErrorCode.WRONG_STATE, remedy="Try again."
                    )
                return sum(_bring(txn, copy, table) for table in Table)


def differences(wanted: Iterator[Row], known: Iterator[Row]) -> Iterator[tuple[bytes, bytes | None]]:
    """What makes `known` be `wanted`, both in the order of their keys: keys with their values, None to remove one."""
    new, old = next(wanted, None), next(known, None)
    while new is not None or old is not None:
        if new == old:
            new, old = next(wanted, None), next(known, None)
        elif old is not None and (new is None or old[0] < new[0]):
            yield old[0], None
            old = next(known, None)
        elif new is not None:
            yield new
            if old is not None and old[0] == new[0]:
                old = next(known, None)
            new = next(wanted, None)


def _bring(txn: Transaction, copy: Transaction, table: Table) -> int:
    if table is Table.CHUNKS:
        wanted, known = set(txn.keys(table)), set(copy.keys(table))
        changes: list[tuple[bytes, bytes | None]] = [(key, None) for key in known - wanted]
        changes += [(key, b"") for key in wanted - known]
    else:
        changes = list(differences(txn.scan(table), copy.scan(table)))
    for key, value in changes:
        if value is None:
            copy.delete(table, key)
        else:
            copy.put(table, key, txn.get(table, key) or b"")
    return len(changes)


def _open(path: Path, map_bytes: int) -> lmdb.Environment:
    return lmdb.open(
        os.fspath(path),
        subdir=False,
        lock=False,  # nobody else knows of it
        create=False,
        map_size=min(map_bytes, MAP_BYTES_MAX),
        readahead=False,
        meminit=True,
        max_dbs=len(Table),
    )
