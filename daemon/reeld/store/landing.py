"""What an import does to the store, in the store worker's transactions: bytes first, then the session that needs them.

DESIGN: an import may be larger than any transaction. Its bytes land slice by slice as garbage, which nothing shows
and the collector may take; then one transaction makes the session whole. So a crash at any moment leaves either no
session or all of it, and what was left lying is collected as any other garbage is.
"""

from reeld.runtime.clock import wall_ns
from reeld.store import rows
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.keys import name_key
from reeld.store.records import GarbageEntry, References
from reeld.store.slices import staged_bytes, staged_rows
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.store_orders import ImportSession, LandBytes
from reeld_proto.workers import Done

GARBAGE_REASON = "imported"


def keep_unreferenced(txn: Transaction, data: bytes, *, reason: str, now_wall_ns: int) -> bool:
    """Store bytes that nothing refers to yet; whether they were new."""
    digest = digest_of(data)
    known = txn.record(Table.REFERENCES, digest, References)
    if known is not None and (known.count or txn.get(Table.GARBAGE, digest) is None):
        return False
    # Garbage that is needed again soon must not be collected meanwhile: it becomes young.
    txn.put_record(Table.GARBAGE, digest, GarbageEntry(now_wall_ns, len(data), reason))
    if known is None:
        txn.put(Table.CHUNKS, digest, data)
        txn.put_record(Table.REFERENCES, digest, References(0, len(data)))
    return known is None


def land_bytes(txn: Transaction, order: LandBytes, circumstances: Circumstances) -> Done:
    """Store a slice of an import. Doing it again changes nothing."""
    now_wall_ns = wall_ns()
    for data in staged_bytes(circumstances.store_dir, order.staged):
        keep_unreferenced(txn, data, reason=GARBAGE_REASON, now_wall_ns=now_wall_ns)
    return Done()


def import_session(txn: Transaction, order: ImportSession, circumstances: Circumstances) -> Done:
    """Make the session whole. Raises RequestRejected (WRONG_STATE) if its id is another session's."""
    wanted = staged_rows(circumstances.store_dir, order.staged)
    if txn.get(Table.SESSIONS, name_key(order.session)) is not None:
        if rows.media_digest(rows.read_rows(txn, order.session)) == rows.media_digest(wanted):
            return Done()
        raise RequestRejected(
            f"there is a session {order.session} already, with other media", code=ErrorCode.WRONG_STATE
        )
    rows.write_rows(txn, order.session, wanted, reason=GARBAGE_REASON, now_wall_ns=wall_ns())
    return Done()
