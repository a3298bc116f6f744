"""The thread that writes: takes what is due from the queue, one transaction at a time, and tells what became of it.

DESIGN: a commit ends when the disk says so, which may take seconds. Only this thread waits for it; the process's main
thread goes on reading (while there is room), answering, and showing that it is alive. A write transaction of LMDB
belongs to one thread from begin to commit, so after `start` this thread alone touches the environment.

When a commit fails for good (disk full, or repeated in vain), every message in the queue is thrown away
unacknowledged: its producers still hold it. Nothing is taken until a probe succeeds.
"""

import contextlib
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.store import orders
from reeld.store.acks import Acknowledger, AckPlan
from reeld.store.api import Circumstances, Fate, IngestItem, Landing
from reeld.store.environment import StoreEnvironment
from reeld.store.housekeeping import Housekeeping
from reeld.store.ingest import Batch as LandingBatch
from reeld.store.keys import name_key
from reeld.store.queue import Batch, Job, PersistQueue, Work
from reeld.store.reader_watch import ReaderWatch
from reeld.store.records import Position
from reeld.store.spare import Spare
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyOrder, AnyReport

FREE_BYTES_TO_RETRY = 16 * 1024 * 1024
RETRY_S = 2.0
"""After a failed commit, try again every so often."""

_WORTH_REPEATING = frozenset({ErrorCode.DISK_FAILED})
"""Disks and networks have passing faults. A full disk is not repeated: it has a way of its own."""


@dataclass(frozen=True, slots=True)
class Landed:
    """A batch is durable. acknowledge: newest number by producer; refused: (producer, number, reason)."""

    acknowledge: dict[str, int]
    refused: list[tuple[str, int, str]]
    session: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An order was carried out, or why not."""

    ticket: int
    outcome: AnyReport | Exception


@dataclass(frozen=True, slots=True)
class Failed:
    """Commits fail from now on."""

    code: ErrorCode
    reason: str


@dataclass(frozen=True, slots=True)
class WritesAgain:
    """Commits succeed again; producers shall send again what is not acknowledged."""


@dataclass(frozen=True, slots=True)
class OldReader:
    """Process `pid` has been reading one state of the store for `age_s`; freed pages cannot be used again meanwhile."""

    pid: int
    age_s: float


_Poison = dict[tuple[str, int], str]
"""Messages (producer, number) that make landing fail through a fault of ours, and how."""


class _PoisonedError(Exception):
    """Landing failed through one message; once more without it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The writer's thread has ended through a fault of ours; nothing will be written any more."""

    error: Exception


Outcome = Landed | Answered | Failed | WritesAgain | OldReader | Broken


class Writer:
    """Owns the environment from `start` to `close`. Methods are called in the main thread.

    on_outcome: called in the writer's thread when `take` has something; it must not block.
    """

    def __init__(self, store: StoreEnvironment, acks: Acknowledger, on_outcome: Callable[[], None]) -> None:
        self._store = store
        self._acks = acks
        self._on_outcome = on_outcome
        self._queue = PersistQueue()
        self._changed = threading.Condition()
        self._outcomes: deque[Outcome] = deque()
        self._starved: set[str] = set()
        self._failing: ErrorCode | None = None
        self._closing = False
        self._busy_since_ns = 0
        self._watch = ReaderWatch()
        self._housekeeping = Housekeeping()
        self._spare = Spare(store.path)
        self._spare.keep()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def submit(self, item: IngestItem, size: int) -> None:
        """A producer's message; `size` bytes of memory. Never blocks; the caller minds `full`."""
        with self._changed:
            if self._failing is not None:
                self._throw_away([item])
                return
            self._queue.add_item(item, size, monotonic_ns())
            self._changed.notify()

    def order(self, ticket: int, order: AnyOrder) -> None:
        """An order of the daemon; `Answered` with this ticket follows. Never blocks."""
        with self._changed:
            self._queue.add_order(ticket, order, monotonic_ns())
            self._changed.notify()

    @property
    def full(self) -> bool:
        """Whether no message is to be submitted until the next outcome."""
        with self._changed:
            return self._queue.full

    @property
    def busy_s(self) -> float:
        """How long the transaction that is being written has taken so far; 0 if there is none."""
        since_ns = self._busy_since_ns
        return (monotonic_ns() - since_ns) / NS_PER_S if since_ns else 0.0

    def statistics(self) -> list[QueueStats]:
        """The queue in messages and bytes."""
        with self._changed:
            return self._queue.statistics()

    def take(self) -> list[Outcome]:
        """What happened since the last call, in order."""
        taken = []
        while self._outcomes:
            taken.append(self._outcomes.popleft())
        return taken

    def close(self) -> None:
        """Write what waits, then close the store. Waits for the disk. May be called twice, and without `start`."""
        with self._changed:
            self._closing = True
            self._queue.hurry()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._housekeeping.close()
        self._store.close()

    # -- the writer's thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the process must not live on without its writer
            self._tell(Broken(error))

    def _work(self) -> None:
        while (work := self._wait()) is not None:
            self._busy_since_ns = monotonic_ns()
            try:
                if isinstance(work, Job):
                    self._carry_out(work)
                else:
                    self._land(work)
            finally:
                self._busy_since_ns = 0
            self._look_at_readers()

    def _wait(self) -> Work | None:
        """The next work, as soon as there is some; None when the writer is to leave."""
        probe_ns = 0
        while True:
            with self._changed:
                now_ns = monotonic_ns()
                work = self._queue.next(now_ns)
                if work is not None:
                    return work
                if self._closing:
                    return None
                due_ns = self._queue.next_ns(now_ns)
                if self._failing is not None:
                    probe_ns = probe_ns or now_ns + int(RETRY_S * NS_PER_S)
                    due_ns = probe_ns if due_ns is None else min(due_ns, probe_ns)
                if due_ns is None or due_ns > now_ns:
                    self._changed.wait(None if due_ns is None else (due_ns - now_ns) / NS_PER_S)
            if self._failing is not None and probe_ns and monotonic_ns() >= probe_ns:
                probe_ns = 0
                self._probe()

    def _tell(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._on_outcome()

    def _settle(self, work: Work) -> None:
        with self._changed:
            self._queue.settle(work)

    def _comes_again(self, work: Work, error: Exception) -> bool:
        if not isinstance(error, ReeldError) or error.code not in _WORTH_REPEATING or self._closing:
            return False
        with self._changed:
            again = self._queue.repeat(work, monotonic_ns())
        if again:
            get_logger().warning("store.commit_repeated", tries=work.tries, reason=str(error))
        return again

    # -- orders ------------------------------------------------------------------------------------------------------

    def _carry_out(self, job: Job) -> None:
        outcome: AnyReport | Exception
        try:
            try:
                outcome = self._obey(job.order)
            except RequestRejected as error:
                if error.code is not ErrorCode.DISK_FULL or not self._spare.give():
                    raise
                get_logger().warning("store.spare_given", order=type(job.order).__name__)
                outcome = self._obey(job.order)
        except Exception as error:  # noqa: BLE001 - whoever gave the order is told; a bad one must not end a recording
            if self._comes_again(job, error):
                return
            outcome = error
        self._settle(job)
        self._tell(Answered(job.ticket, outcome))

    def _obey(self, order: AnyOrder) -> AnyReport:
        if (about_the_file := self._housekeeping.work_for(order)) is not None:
            return about_the_file(self._store)
        with self._store.write() as txn:
            return orders.carry_out(txn, order, Circumstances(self._store.path, self._starved))

    # -- messages ----------------------------------------------------------------------------------------------------

    def _land(self, batch: Batch) -> None:
        plan = self._acks.plan(((item.producer, item.seq) for item in batch.items), monotonic_ns())
        landings: list[Landing] | None = None
        poison: _Poison = {}
        try:
            while landings is None:
                with contextlib.suppress(_PoisonedError), self._store.write() as txn:
                    landings = self._land_in(txn, batch.items, poison)
                    _keep_positions(txn, plan)
        except Exception as error:  # noqa: BLE001 - a fault of ours in one batch must not end the thread
            if not self._comes_again(batch, error):
                self._give_up(error)
            return
        self._acks.apply(plan)
        self._settle(batch)
        refused = [
            (item.producer, item.seq, landing.reason)
            for item, landing in zip(batch.items, landings, strict=True)
            if landing.fate is Fate.REFUSED
        ]
        self._tell(Landed(plan.acknowledge, refused, batch.items[-1].message.session))

    def _land_in(self, txn: Transaction, items: list[IngestItem], poison: _Poison) -> list[Landing]:
        landing = LandingBatch(txn, disk_was_full=self._starved.__contains__)
        landings = [self._land_one(landing, item, poison) for item in items]
        landing.finish()
        return landings

    @staticmethod
    def _land_one(landing: LandingBatch, item: IngestItem, poison: _Poison) -> Landing:
        name = (item.producer, item.seq)
        if name in poison:
            return Landing(Fate.REFUSED, poison[name])
        try:
            return landing.land(item)
        except ReeldError:
            raise
        except Exception as error:
            # A fault of ours. Its producer would send it again and again, and nothing else would ever land.
            get_logger().exception("ingest.failed", producer=item.producer, seq=item.seq)
            poison[name] = f"{type(error).__name__}: {error}"
            raise _PoisonedError from error

    def _give_up(self, error: Exception) -> None:
        known = error if isinstance(error, ReeldError) else InternalError(f"{type(error).__name__}: {error}")
        details = {} if known is error else {"exc_info": error}
        get_logger().error("store.commit_failed", code=known.code, reason=str(known), **details)
        with self._changed:
            self._failing = known.code
            self._throw_away(self._queue.drop_items())
        self._tell(Failed(known.code, str(known)))

    def _throw_away(self, items: list[IngestItem]) -> None:
        if self._failing is ErrorCode.DISK_FULL:
            self._starved.update(item.message.session for item in items)
        self._acks.expect_repetition()

    def _probe(self) -> None:
        if self._failing is ErrorCode.DISK_FULL and self._room_bytes() < FREE_BYTES_TO_RETRY:
            return
        self._busy_since_ns = monotonic_ns()
        try:
            if self._failing is not ErrorCode.DISK_FULL:
                # lmdb refuses everything after it could not write a meta page, until the environment is opened anew.
                self._housekeeping.close()
                self._store.let_go()
            with self._store.write() as txn:
                txn.put(Table.META, b"probe", uuid.uuid4().bytes)
        except ReeldError:
            return
        finally:
            self._busy_since_ns = 0
        get_logger().warning("store.writes_again")
        self._spare.keep()
        with self._changed:
            self._failing = None
        self._tell(WritesAgain())

    def _room_bytes(self) -> int:
        """Free disk, and pages of the file that are free because something was dropped."""
        room = shutil.disk_usage(self._store.path).free
        with contextlib.suppress(ReeldError):  # an environment that failed badly may not be read
            room += self._store.reusable_bytes()
        return room

    def _look_at_readers(self) -> None:
        now_ns = monotonic_ns()
        if not self._watch.is_due(now_ns):
            return
        self._spare.keep()
        with contextlib.suppress(ReeldError):
            self._store.forget_dead_readers()
            for pid, age_s in self._watch.look(self._store.readers(), now_ns):
                get_logger().warning("store.reader_old", pid=pid, age_s=age_s)
                self._tell(OldReader(pid, age_s))


def _keep_positions(txn: Transaction, plan: AckPlan) -> None:
    for producer, seq in plan.acknowledge.items():
        txn.put_record(Table.PRODUCERS, name_key(producer), Position(seq))
