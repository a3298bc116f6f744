"""What was spent, by day. Harm guarded against: a cap that is passed since nobody remembers what was spent."""

from reeld.store import spending
from reeld.store.environment import StoreEnvironment


def test_what_is_spent_adds_up_by_day_and_only_old_days_go(store: StoreEnvironment) -> None:
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10, 11) for day in range(1, 29)]
    with store.write() as txn:
        assert spending.of(txn) == {}
        for day in days:
            spending.add(txn, day, 0.1)
            spending.add(txn, day, 0.2)
    with store.read() as txn:
        found = spending.of(txn)
    assert list(found) == days[-spending.DAYS_KEPT_MAX :]
    assert all(abs(amount - 0.3) < 1e-9 for amount in found.values())
