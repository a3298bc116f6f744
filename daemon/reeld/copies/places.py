"""Which targets a store may be copied to: faults that are found before anything is written."""

from pathlib import Path

from reeld.store.environment import StoreEnvironment
from reeld.store.keys import IDENTITY_KEY
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt


def check_folder(folder: Path, store_dir: Path) -> None:
    """Refuse a folder that is the store, lies in it or around it, or cannot be one. Raises RequestRejected."""
    if not folder.is_absolute():
        raise RequestRejected(f"not an absolute path: {folder}")
    try:
        real, store = folder.resolve(), store_dir.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise RequestRejected(f"{folder} cannot be a folder: {error}") from error
    if real == store or store in real.parents or real in store.parents:
        raise RequestRejected(
            f"{folder} and the store {store_dir} lie in each other", remedy="Choose a folder elsewhere."
        )
    if real.exists() and not real.is_dir():
        raise RequestRejected(f"{folder} is not a folder", remedy="Choose a folder.")
    if not real.exists() and not real.parent.is_dir():
        # A disk that is not mounted must not be filled in at its mount point.
        raise RequestRejected(
            f"there is no folder {real.parent}", code=ErrorCode.NOT_FOUND, remedy="Create it, or mount its disk."
        )


def identity_of(store: StoreEnvironment) -> bytes:
    """What names this store among others. Raises StoreCorrupt if it has none."""
    with store.read() as txn:
        identity = txn.get(Table.META, IDENTITY_KEY)
    if identity is None:
        raise StoreCorrupt(f"the store in {store.path} does not say which it is")
    return identity


def foreign(target: str) -> RequestRejected:
    """The error for a target that holds the copy of another store."""
    return RequestRejected(
        f"{target} holds something else than a copy of this store",
        code=ErrorCode.WRONG_STATE,
        remedy="Choose an empty target, or the one that was used before.",
    )
