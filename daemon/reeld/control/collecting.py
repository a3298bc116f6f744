"""Garbage collection from end to end: batches of chunks, then the file, each step short enough for a recording.

The one place for it: a person's `reelctl gc`, the budget, the rolling buffer and background work all come here.
"""

import asyncio
import contextlib

from reeld.control.parts import AskStore, as_reply
from reeld.runtime.logs import get_logger
from reeld.supervisor.jobs import Jobs
from reeld_proto.commands import Collected
from reeld_proto.edits import GarbageItem
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.store_orders import CollectChunks, EraseFreed, FreedErased

STORE_S = 60.0
BATCH_CHUNKS = 500
"""A transaction of so many takes about 10 ms, its commit included."""

LISTED_MAX = 1000
WAITING_TRIES = 20
WAITING_S = 0.1
"""Reads take milliseconds; a process that reads for longer than two seconds is not waited for."""

GENTLE_S = 0.03
"""Rest between two steps of erasing that nobody waits for: three quarters of the store's time are a recording's."""


class Collector:
    """Collects garbage, one run at a time. Belongs to the event loop's thread."""

    def __init__(self, ask_store: AskStore, jobs: Jobs) -> None:
        self._ask_store = ask_store
        self._jobs = jobs
        self._turn = asyncio.Lock()
        self._people = 0
        self.owes_erasing = True
        """Whether chunks were taken out whose bytes may be in the file yet; what an earlier daemon left is unknown."""

    async def collect(self, *, dry_run: bool = False) -> Collected:
        """Remove what nothing refers to and no job may still read, and erase in the file what is deleted.

        Cancelled or interrupted, it leaves the rest for the next time. `complete` says that nothing deleted is left in
        the file. Raises ReeldError.
        """
        self._people += 1
        try:
            async with self._turn:
                found = await self._take_out(dry_run=dry_run)
                if dry_run:
                    return found
                erased_bytes, complete = await self._erase(gently=False)
        finally:
            self._people -= 1
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

    async def take_out(self, *, keep_since_wall_ns: int | None = None) -> int:
        """Remove what nothing refers to and no job may still read; how many bytes. Their pages are used again.

        keep_since_wall_ns: what became garbage at or after that instant stays in any case. The bytes stay in the file
        until they are written over, or `erase_gently` comes by. Does not wait for a run that erases. Raises ReeldError.
        """
        return (await self._take_out(keep_since_wall_ns=keep_since_wall_ns)).bytes

    async def erase_gently(self) -> tuple[int, bool]:
        """Erase in the file what is deleted, at a pace that no recording notices: bytes, and whether nothing is left.

        Raises ReeldError.
        """
        async with self._turn:
            return await self._erase(gently=True)

    async def _take_out(self, *, dry_run: bool = False, keep_since_wall_ns: int | None = None) -> Collected:
        instants = (keep_since_wall_ns, self._jobs.oldest_start_wall_ns())
        keep_since_ns = min((instant for instant in instants if instant is not None), default=None)
        items: list[GarbageItem] = []
        kept: list[GarbageItem] = []
        chunks, size, after, batch = 0, 0, "", BATCH_CHUNKS
        while True:
            order = CollectChunks(dry_run=dry_run, keep_since_wall_ns=keep_since_ns, chunks_max=batch, after=after)
            try:
                part = as_reply(await self._ask_store(order, STORE_S), Collected)
            except RequestRejected as error:
                if error.code is not ErrorCode.DISK_FULL or batch == 1:
                    raise
                batch = max(1, batch // 8)  # even the list of what is free needs room: a short one finds it
                continue
            chunks += part.chunks
            size += part.bytes
            self.owes_erasing |= part.chunks > 0 and not dry_run
            items += part.items[: LISTED_MAX - len(items)]
            kept += part.kept[: LISTED_MAX - len(kept)]
            if part.complete:
                break
            # A batch may find nothing to remove, only what must be kept; it always looked at something.
            after = max(item.chunk for item in (*part.items, *part.kept))
        return Collected(
            dry_run=dry_run, chunks=chunks, bytes=size, items=items, kept=kept, erased_bytes=0, complete=True
        )

    async def _erase(self, *, gently: bool) -> tuple[int, bool]:
        """Bytes overwritten, and whether nothing deleted is left. gently: rest between steps, unless a person waits."""
        erased_bytes, tries, anew, done = 0, 0, True, False
        self.owes_erasing = False
        try:
            while True:
                step = as_reply(await self._ask_store(EraseFreed(anew=anew), STORE_S), FreedErased)
                anew = False
                erased_bytes += step.bytes
                if step.done:
                    done = True
                    return erased_bytes, True
                if step.waiting:
                    tries += 1
                    if tries == WAITING_TRIES:
                        get_logger().warning("gc.waits_for_reader")
                        return erased_bytes, False
                    await asyncio.sleep(WAITING_S)
                elif gently and not self._people:
                    await asyncio.sleep(GENTLE_S)
        except asyncio.CancelledError:
            # The store must not keep the state pinned that it was looking at.
            with contextlib.suppress(ReeldError):
                await asyncio.shield(self._ask_store(EraseFreed(stop=True), STORE_S))
            raise
        finally:
            self.owes_erasing |= not done
