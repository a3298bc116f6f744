"""Stores to copy from."""

from pathlib import Path

from reeld.copies.mirror import mirror
from reeld.store.environment import StoreEnvironment
from reeld.store.verify import verify
from reeld_proto.commands import Synced, Verified


def going_on(_done: int, _total: int) -> bool:
    return True


def mirrored(store: StoreEnvironment, folder: Path) -> Synced:
    return mirror(store, folder, going_on)


def checked(folder: Path) -> Verified:
    """`verify` of a store in a folder."""
    store = StoreEnvironment.open_read(folder)
    try:
        return verify(store, None)
    finally:
        store.close()
