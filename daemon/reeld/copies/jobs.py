"""Copies, bundles and imports as jobs of their own process: opens the store read-only and tells how far they are."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from reeld.copies.bundle import write_bundle
from reeld.copies.mirror import mirror
from reeld.copies.sync import sync
from reeld.copies.targets import is_object_target, open_target
from reeld.store.environment import StoreEnvironment
from reeld_proto.commands import Bundled, Synced
from reeld_proto.store_orders import RunBundle, RunSync

Progress = Callable[[str, str, float, float], bool]
"""Called with session, path, done and total; returns False when the job is to stop."""


def run_sync(order: RunSync, progress: Progress) -> Synced:
    """Copy the store. Raises ReeldError."""

    def report(done: int, total: int) -> bool:
        return progress("", order.target, done, total)

    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        if is_object_target(order.target):
            return sync(store, open_target(order.target, Path(order.store)), order.target, report)
        return mirror(store, Path(order.target), report)


def run_bundle(order: RunBundle, progress: Progress) -> Bundled:
    """Write a session as one file. Raises ReeldError."""

    def report(done: int, total: int) -> bool:
        return progress(order.session, order.path, done, total)

    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        return write_bundle(store, order.session, Path(order.path), report)
