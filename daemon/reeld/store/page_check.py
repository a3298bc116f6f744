"""The part of a check that comes first: whether the pages of an open store may be followed at all."""

from reeld.store.environment import StoreEnvironment
from reeld.store.pruning import page_faults
from reeld.store.soundness import check_length
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import Fault

_TRIES = 50
"""The state that a read transaction begins with is no longer described in the file after two more commits."""


def check_pages(store: StoreEnvironment) -> list[Fault]:
    """Faults of kind `page-damaged`; the store may be written to meanwhile. Raises StoreCorrupt for a file cut off."""
    check_length(store.path)
    for _ in range(_TRIES):
        try:
            with store.read() as txn:
                found = page_faults(store.path, txn.id())
        except StoreCorrupt:
            continue
        return [Fault(kind="page-damaged", detail=str(fault)) for fault in found]
    return []
