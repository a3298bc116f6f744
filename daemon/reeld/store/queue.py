"""What waits to be written, in which order, and when. Pure: time comes in as a number, nothing here sleeps.

DESIGN: a priority says when work is done, never in which order one producer's messages land: an acknowledgement means
"everything up to this number", so a gap that overtook a chunk of its own producer would acknowledge what is not yet
durable. A critical message therefore takes everything before it along, at once. Orders of the daemon belong to no such
stream and do overtake. Chunks wait until nothing more arrives for a moment, at most 100 ms: the tracks of a session end
their chunks at nearly the same time, and one sync for all of them is a quarter of the work.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from reeld.store.api import IngestItem
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import (
    AnyOrder,
    CollectChunks,
    EraseFreed,
    FillKept,
    FinishSession,
    GapFound,
    KeepLast,
    RecordCheck,
    ReplaceMedia,
    TrimBuffer,
)

ITEMS_MAX = 2_000
BYTES_MAX = 16 * 1024 * 1024
"""What waits in memory at most. Above it the ingest socket is not read; a message larger than that is taken alone."""

BATCH_BYTES_MAX = 4 * 1024 * 1024
BATCH_ITEMS_MAX = 100
"""A batch of this size commits in about 20 ms, so that no order waits long behind it."""

WINDOW_NS = 100 * NS_PER_MS
QUIET_NS = 5 * NS_PER_MS
"""A batch is closed so long after its first message, or when nothing more arrived for so long."""

LOW_WAIT_NS_MAX = 1_000 * NS_PER_MS
"""Low work goes before chunks once it has waited so long: a recording at full rate may never be idle."""


class Priority(IntEnum):
    """When something is written."""

    CRITICAL = 0
    """At once: orders of the daemon; gaps, and whatever arrived before them."""
    NORMAL = 1
    """Chunks, in batches."""
    LOW = 2
    """When nothing else is due: what can be derived again."""


RETRIES = {Priority.CRITICAL: 5, Priority.NORMAL: 3, Priority.LOW: 1}
BACKOFF_NS = {
    Priority.CRITICAL: 10 * NS_PER_MS,
    Priority.NORMAL: 50 * NS_PER_MS,
    Priority.LOW: 500 * NS_PER_MS,
}
"""Wait before the first repetition of a failed commit; doubled each time. Somebody waits for what is critical."""


_LOW = (CollectChunks, EraseFreed, FillKept, RecordCheck, ReplaceMedia, TrimBuffer)


def priority_of(message: AnyOrder) -> Priority:
    """How urgent an order is."""
    return Priority.LOW if isinstance(message, _LOW) else Priority.CRITICAL


@dataclass(slots=True)
class Batch:
    """Messages of producers that land in one transaction, in order of arrival. size: bytes of all their frames."""

    items: list[IngestItem]
    size: int
    priority: Priority = Priority.NORMAL
    tries: int = 0
    not_before_ns: int = 0


@dataclass(slots=True)
class Job:
    """An order in a transaction of its own. after: how many messages must be settled first; 0: none."""

    ticket: int
    order: AnyOrder
    priority: Priority
    since_ns: int
    after: int = 0
    tries: int = 0
    not_before_ns: int = 0


Work = Batch | Job


@dataclass(slots=True)
class _Counters:
    peak_items: int = 0
    peak_bytes: int = 0
    retries: int = 0
    dropped: int = 0


@dataclass(slots=True)
class PersistQueue:
    """Bounded in messages and in bytes. Not thread-safe.

    What `next` gave still counts, because it is still in memory, until `settle` or `drop_items`.
    """

    items_max: int = ITEMS_MAX
    bytes_max: int = BYTES_MAX
    _waiting: deque[tuple[IngestItem, int]] = field(default_factory=deque)
    _orders: dict[Priority, deque[Job]] = field(
        default_factory=lambda: {Priority.CRITICAL: deque(), Priority.LOW: deque()}
    )
    _batch: Batch | None = None
    _bytes: int = 0
    _waiting_bytes: int = 0
    _added: int = 0
    _settled: int = 0
    _urgent: int = 0
    _first_ns: int = 0
    _last_ns: int = 0
    _counters: _Counters = field(default_factory=_Counters)

    # -- in ----------------------------------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether no further message of a producer is to be taken."""
        return self.depth >= self.items_max or self._bytes >= self.bytes_max

    def add_item(self, item: IngestItem, size: int, now_ns: int) -> None:
        """A producer's message of `size` bytes has arrived. The caller asks `full` before it reads the next."""
        if not self._waiting:
            self._first_ns = now_ns
        self._last_ns = now_ns
        self._waiting.append((item, size))
        self._waiting_bytes += size
        self._bytes += size
        self._added += 1
        if isinstance(item.message, GapFound):
            self._urgent = self._added
        self._note_peaks()

    def add_order(self, ticket: int, order: AnyOrder, now_ns: int) -> None:
        """The daemon gave an order. The end of a session, or of what is kept, comes after everything that arrived."""
        after = self._added if isinstance(order, FinishSession | KeepLast) else 0
        self._urgent = max(self._urgent, after)
        priority = priority_of(order)
        self._orders[priority].append(Job(ticket, order, priority, now_ns, after))
        self._note_peaks()

    def hurry(self) -> None:
        """Everything that waits is due now: the process is about to leave."""
        self._urgent = self._added

    # -- out ---------------------------------------------------------------------------------------------------------

    def next(self, now_ns: int) -> Work | None:
        """What to write now; None if nothing is due. One at a time: settle or repeat it before the next call."""
        for due_ns, priority in self._choices(now_ns):
            if due_ns <= now_ns:
                return self._next_batch(now_ns) if priority == Priority.NORMAL else self._orders[priority][0]
        return None

    def next_ns(self, now_ns: int) -> int | None:
        """When `next` will have something; None while nothing waits."""
        return min((due_ns for due_ns, _ in self._choices(now_ns)), default=None)

    def settle(self, work: Work) -> None:
        """`work` is done with: durable, refused or given up."""
        if isinstance(work, Job):
            self._orders[work.priority].remove(work)
            return
        self._batch = None
        self._settled += len(work.items)
        self._bytes -= work.size

    def repeat(self, work: Work, now_ns: int) -> bool:
        """A commit failed; False if `work` has been tried often enough and must be settled, True if it comes again."""
        if work.tries >= RETRIES[work.priority]:
            return False
        work.not_before_ns = now_ns + BACKOFF_NS[work.priority] * 2**work.tries
        work.tries += 1
        self._counters.retries += 1
        return True

    def drop_items(self) -> list[IngestItem]:
        """Throw away every message of a producer; what was thrown away. Their producers still hold them."""
        dropped = list(self._batch.items) if self._batch is not None else []
        dropped += [item for item, _ in self._waiting]
        self._batch = None
        self._waiting.clear()
        self._waiting_bytes = self._bytes = 0
        self._settled += len(dropped)
        self._counters.dropped += len(dropped)
        return dropped

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Messages and orders that wait or are being written."""
        return self._added - self._settled + sum(len(jobs) for jobs in self._orders.values())

    def statistics(self) -> list[QueueStats]:
        """The queue in messages and in bytes. dropped: messages that their producers are asked to send again."""
        counters = self._counters
        return [
            QueueStats(
                name="persist",
                unit="messages",
                depth=self.depth,
                limit=self.items_max,
                peak=counters.peak_items,
                dropped=counters.dropped,
                retries=counters.retries,
                overflow="block",
            ),
            QueueStats(
                name="persist-bytes", unit="bytes", depth=self._bytes, limit=self.bytes_max, peak=counters.peak_bytes
            ),
        ]

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _choices(self, now_ns: int) -> list[tuple[int, Priority]]:
        """What could be next and from when on, the more urgent first."""
        critical, low = self._orders[Priority.CRITICAL], self._orders[Priority.LOW]
        found = []
        # Only the first of each kind: orders of one priority are carried out in the order they were given.
        if critical and critical[0].after <= self._settled:
            found.append((critical[0].not_before_ns, Priority.CRITICAL))
        batch_ns = self._batch_ns()
        if batch_ns is not None:
            found.append((batch_ns, Priority.NORMAL))
        if low:
            overdue = batch_ns is not None and now_ns - low[0].since_ns > LOW_WAIT_NS_MAX
            found.insert(-1 if overdue else len(found), (low[0].not_before_ns, Priority.LOW))
        return found

    def _batch_ns(self) -> int | None:
        if self._batch is not None:
            return self._batch.not_before_ns
        if not self._waiting:
            return None
        complete = self._waiting_bytes >= BATCH_BYTES_MAX or len(self._waiting) >= BATCH_ITEMS_MAX
        if complete or self.full or self._urgent > self._settled:
            return 0
        return min(self._first_ns + WINDOW_NS, self._last_ns + QUIET_NS)

    def _next_batch(self, now_ns: int) -> Batch:
        if self._batch is None:
            batch = Batch([], 0)
            while self._waiting and batch.size < BATCH_BYTES_MAX and len(batch.items) < BATCH_ITEMS_MAX:
                item, size = self._waiting.popleft()
                batch.items.append(item)
                batch.size += size
            if self._urgent > self._settled:
                batch.priority = Priority.CRITICAL
            self._waiting_bytes -= batch.size
            self._first_ns = now_ns
            self._batch = batch
        return self._batch

    def _note_peaks(self) -> None:
        self._counters.peak_items = max(self._counters.peak_items, self.depth)
        self._counters.peak_bytes = max(self._counters.peak_bytes, self._bytes)
