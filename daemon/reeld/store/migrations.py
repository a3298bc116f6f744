"""From each format of the store to the next: one step a version, each a function of one write transaction.

DESIGN: all steps that a store needs run in one transaction together with the new version number, so a store is never
between two formats: a crash, a full disk or an exception leaves the old one. That transaction is the rollback point.
Besides, a store that is small enough is copied as it was before: see `rollback`.
"""

from collections.abc import Callable

from reeld.store.transaction import Transaction


def to_2(_txn: Transaction) -> None:
    """Derived sessions and garbage came: entries gained a shift (0 if absent), and databases that begin empty."""


def to_3(_txn: Transaction) -> None:
    """Enrichment came: databases that begin empty."""


STEPS: dict[int, Callable[[Transaction], None]] = {1: to_2, 2: to_3}
"""By the version that each starts from."""


def plan(version: int) -> list[str]:
    """What `migrate` would do to a store of that version, a line for people each step: the dry run."""
    steps = []
    while version in STEPS:
        told = (STEPS[version].__doc__ or "").strip().partition("\n")[0]
        steps.append(f"  {version} to {version + 1}: {told}")
        version += 1
    return steps


def migrate(txn: Transaction, version: int) -> list[int]:
    """Run every step from `version` on; the versions reached, in order."""
    reached = []
    while version in STEPS:
        STEPS[version](txn)
        version += 1
        reached.append(version)
    return reached
