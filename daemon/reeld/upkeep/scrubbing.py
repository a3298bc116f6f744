"""The job that checks chunks in the background, least recently checked first, for a limited time."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from reeld.runtime.clock import monotonic_ns
from reeld.store import scrub
from reeld.store.environment import StoreEnvironment
from reeld.store.verify import is_damaged, sizes_in_use
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.store_orders import RunScrub, Scrubbed
from reeld_proto.units import NS_PER_S

Progress = Callable[[int, int], bool]


def run_scrub(order: RunScrub, progress: Progress) -> Scrubbed:
    """Hash chunks for `max_duration_s`, at least one. Raises RequestRejected if the job was stopped."""
    deadline_ns = monotonic_ns() + round(order.max_duration_s * NS_PER_S)
    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        with store.read() as txn:
            cursor, sizes = scrub.place(txn).cursor, sizes_in_use(txn)
        total, done, damaged, checked, last = sum(sizes.values()), 0, [], 0, b""
        for digest in scrub.in_turn(sizes, cursor):
            if checked and monotonic_ns() >= deadline_ns:
                break
            if is_damaged(store, digest):
                damaged.append(digest.hex())
            last, checked, done = digest, checked + 1, done + sizes[digest]
            if not progress(done, total):
                raise RequestRejected("the check was stopped", code=ErrorCode.WRONG_STATE)
    return Scrubbed(
        checked_chunks=checked,
        checked_bytes=done,
        total_bytes=total,
        cursor=last.hex(),
        complete=checked == len(sizes),
        damaged=damaged,
    )
