"""Money that enrichment spent, by day: it counts even when the jobs that spent it are gone."""

from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import StoreCorrupt

_PREFIX = b"spent/"
DAYS_KEPT_MAX = 62
"""This month, and the one before."""


def add(txn: Transaction, day: str, amount: float) -> None:
    """So much more was spent on a day, as 2026-11-27."""
    days = of(txn)
    txn.put(Table.META, _PREFIX + day.encode(), repr(days.get(day, 0.0) + amount).encode())
    for old in sorted(days)[: max(0, len(days.keys() | {day}) - DAYS_KEPT_MAX)]:
        txn.delete(Table.META, _PREFIX + old.encode())


def of(txn: Transaction) -> dict[str, float]:
    """What was spent on each day that is known. Raises StoreCorrupt."""
    try:
        return {key[len(_PREFIX) :].decode(): float(value) for key, value in txn.scan(Table.META, _PREFIX)}
    except ValueError as error:
        raise StoreCorrupt(f"the store does not say what was spent: {error}") from error
