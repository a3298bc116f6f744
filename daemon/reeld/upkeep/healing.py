"""The job behind `reelctl repair`: finds damaged chunks, and fetches from a second copy what that has of them."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from reeld.store import suspicion, verify
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.page_check import check_pages
from reeld.store.scrub import DIGEST_BYTES
from reeld.store.staging import StagedChunk, StagingWriter
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, StoreCorrupt
from reeld_proto.store_orders import Healing, RunHealing

Progress = Callable[[int, int], bool]
"""Called with (bytes checked, bytes in all); returns False to stop."""


def heal(order: RunHealing, progress: Progress) -> Healing:
    """Check every chunk and stage what the second copy has of the damaged ones.

    Raises RequestRejected if the second copy cannot be opened or the job was stopped, StoreCorrupt for damaged pages.
    """
    store_dir = Path(order.store)
    with closing(StoreEnvironment.open_read(store_dir)) as store:
        if faults := check_pages(store):
            # Neither this process nor the store worker may be led there.
            suspicion.distrust(store_dir)
            raise StoreCorrupt(f"the store's file is damaged: {faults[0].detail}", remedy=suspicion.REMEDY)
        damaged = verify.damaged_chunks(store, progress)
        damaged |= _set_aside_before(store)
    if not order.source:
        return Healing(staged="", healed=[], lost=sorted(digest.hex() for digest in damaged))
    healed = []
    with closing(open_copy(Path(order.source), store_dir)) as copy, StagingWriter(store_dir) as staged:
        for digest in sorted(damaged):
            data = _fetch(copy, digest)
            if data is not None:
                staged.add(blob(data))
                healed.append(digest.hex())
    lost = sorted({digest.hex() for digest in damaged} - set(healed))
    return Healing(staged=str(staged.path), healed=healed, lost=lost)


def open_copy(source: Path, store_dir: Path) -> StoreEnvironment:
    """The second copy in the folder `source`. Raises RequestRejected for the store itself, or what is no store."""
    if source.resolve() == store_dir.resolve():
        raise RequestRejected("a store cannot be its own second copy", remedy="Name another store with --from.")
    try:
        return StoreEnvironment.open_read(source)
    except ReeldError as error:
        raise RequestRejected(
            f"{source} cannot be used as a second copy: {error}",
            code=ErrorCode.NOT_FOUND,
            remedy="Name a folder that `reelctl sync` wrote, or another store.",
        ) from error


def blob(data: bytes) -> StagedChunk:
    """A staged chunk that is bytes alone."""
    return StagedChunk("", "", 0, 0, 0, 0, False, "", 0, 0, 0, data, b"")  # noqa: FBT003 - fields of a record in order


def _set_aside_before(store: StoreEnvironment) -> set[bytes]:
    with store.read() as txn:
        return {key for key in txn.keys(Table.QUARANTINE) if len(key) == DIGEST_BYTES}


def _fetch(copy: StoreEnvironment, digest: bytes) -> bytes | None:
    with copy.read() as txn:
        data = txn.get(Table.CHUNKS, digest)
    return data if data is not None and digest_of(data) == digest else None
