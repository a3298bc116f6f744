"""Garbage collection from end to end: batches of chunks, then the file, each step short enough for a recording."""

import asyncio

from reeld.control.parts import AskStore, as_reply
from reeld.runtime.logs import get_logger
from reeld.supervisor.jobs import Jobs
from reeld_proto.commands import Collected
from reeld_proto.edits import GarbageItem
from reeld_proto.store_orders import CollectChunks, EraseFreed, FreedErased

STORE_S = 60.0
BATCH_CHUNKS = 500
"""A transaction of so many takes about 10 ms, its commit included."""

LISTED_MAX = 1000
WAITING_TRIES = 20
WAITING_S = 0.1
"""Reads take milliseconds; a process that reads for longer than two seconds is not waited for."""


class Collector:
    """Collects garbage, one run at a time. Belongs to the event loop's thread."""

    def __init__(self, ask_store: AskStore, jobs: Jobs) -> None:
        self._ask_store = ask_store
        self._jobs = jobs
        self._turn = asyncio.Lock()

    async def collect(self, *, dry_run: bool = False, keep_since_wall_ns: int | None = None) -> Collected:
        """Remove what nothing refers to and no job may still read, and erase in the file what is deleted.

        keep_since_wall_ns: what became garbage at or after that instant stays in any case. Cancelled or interrupted, it
        leaves the rest for the next time. `complete` says that nothing deleted is left in the file. Raises ReeldError.
        """
        async with self._turn:
            found = await self._collect_chunks(dry_run=dry_run, keep_since_wall_ns=keep_since_wall_ns)
            if dry_run:
                return found
            erased_bytes, complete = await self._erase()
        get_logger().info("gc.done", chunks=found.chunks, bytes=found.bytes, erased_bytes=erased_bytes)
        return Collected(
            dry_run=False,
            chunks=found.chunks,
            bytes=found.bytes,
            items=found.items,
            kept=found.kept,
            erased_bytes=erased_bytes,
            complete=complete,
        )

    async def _collect_chunks(self, *, dry_run: bool, keep_since_wall_ns: int | None) -> Collected:
        instants = (keep_since_wall_ns, self._jobs.oldest_start_wall_ns())
        keep_since_ns = min((instant for instant in instants if instant is not None), default=None)
        items: list[GarbageItem] = []
        kept: list[GarbageItem] = []
        chunks, size, after = 0, 0, ""
        while True:
            order = CollectChunks(
                dry_run=dry_run, keep_since_wall_ns=keep_since_ns, chunks_max=BATCH_CHUNKS, after=after
            )
            part = as_reply(await self._ask_store(order, STORE_S), Collected)
            chunks += part.chunks
            size += part.bytes
            items += part.items[: LISTED_MAX - len(items)]
            kept += part.kept[: LISTED_MAX - len(kept)]
            if part.complete:
                break
            # A batch may find nothing to remove, only what must be kept; it always looked at something.
            after = max(item.chunk for item in (*part.items, *part.kept))
        return Collected(
            dry_run=dry_run, chunks=chunks, bytes=size, items=items, kept=kept, erased_bytes=0, complete=True
        )

    async def _erase(self) -> tuple[int, bool]:
        """Bytes overwritten, and whether nothing deleted is left."""
        erased_bytes, tries, anew = 0, 0, True
        while True:
            step = as_reply(await self._ask_store(EraseFreed(anew=anew), STORE_S), FreedErased)
            anew = False
            erased_bytes += step.bytes
            if step.done:
                return erased_bytes, True
            if step.waiting:
                tries += 1
                if tries == WAITING_TRIES:
                    get_logger().warning("gc.waits_for_reader")
                    return erased_bytes, False
                await asyncio.sleep(WAITING_S)
