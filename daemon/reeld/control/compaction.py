"""Compaction from end to end: a job copies the store's file, and the store brings the copy up to date and takes it.

A recording and the rolling buffer go on meanwhile; for the last step, some hundred milliseconds, they are held back.
"""

from reeld.control.parts import Parts, as_reply
from reeld.runtime.logs import get_logger
from reeld.store import staging
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.store_orders import Compacted, RunCompact, SwapFile

TRIES_MAX = 2
STORE_S = 60.0

WORTH_BYTES = 64 * 1024 * 1024
"""Less than that is not worth copying a store for; the free pages are used again."""


async def compact_now(parts: Parts, *, gain_bytes_min: int = 0) -> Compacted:
    """Make the store's file as small as what is in it. `staged` is empty if the gain would be less than that.

    Raises RequestRejected: WRONG_STATE if the store is too large to be caught up with while it is written to, DISK_FULL
    without room for the copy; StoreCorrupt.
    """
    attempt = 0
    while True:
        attempt += 1
        order = RunCompact(store=str(parts.store_dir.absolute()), gain_bytes_min=gain_bytes_min)
        copied = as_reply(await parts.jobs.run(order), Compacted)
        if not copied.staged:
            return copied
        try:
            await parts.ask_store(SwapFile(staged=copied.staged, txn_id=copied.txn_id), STORE_S)
        except RequestRejected as error:
            if error.code is not ErrorCode.WRONG_STATE or attempt == TRIES_MAX:
                raise
            continue
        finally:
            staging.remove_staged(parts.store_dir, copied.staged)  # there only if the store did not take it
        get_logger().info("compact.done", old_bytes=copied.old_bytes, new_bytes=copied.new_bytes)
        return copied
