"""Harm guarded against: an order that waits behind chunks, a message acknowledged before an older one of its producer
is durable, memory that grows while the disk stands still."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reeld.store.api import IngestItem
from reeld.store.queue import (
    BACKOFF_NS,
    BATCH_BYTES_MAX,
    BATCH_ITEMS_MAX,
    LOW_WAIT_NS_MAX,
    QUIET_NS,
    RETRIES,
    WINDOW_NS,
    Batch,
    Job,
    PersistQueue,
    Priority,
    Work,
    priority_of,
)
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import CollectChunks, RecordMarker
from tests.daemon.store.builders import NS, SESSION, chunk, finish, gap

MARK = RecordMarker(session=SESSION, media_ns=1, text="x")
GC = CollectChunks()
MS = NS_PER_MS


def item(number: int) -> IngestItem:
    return chunk(number * NS, (number + 1) * NS, seq=number)


def filled(count: int, now_ns: int = 0, size: int = 100) -> PersistQueue:
    queue = PersistQueue()
    for number in range(count):
        queue.add_item(item(number + 1), size, now_ns)
    return queue


def seqs(work: Work | None) -> list[int]:
    assert isinstance(work, Batch)
    return [each.seq for each in work.items]


def ticket(work: Work | None) -> int:
    assert isinstance(work, Job)
    return work.ticket


def test_nothing_waits_and_nothing_wakes_anybody() -> None:
    queue = PersistQueue()
    assert queue.next(5) is None
    assert queue.next_ns(5) is None
    assert (queue.depth, queue.full) == (0, False)


def test_chunks_that_come_together_land_together() -> None:
    queue = filled(1)
    queue.add_item(item(2), 100, 3 * MS)
    assert queue.next(3 * MS) is None
    due_ns = queue.next_ns(3 * MS)
    assert due_ns == 3 * MS + QUIET_NS
    assert seqs(queue.next(due_ns)) == [1, 2]


def test_a_trickle_of_chunks_does_not_put_the_batch_off_for_ever() -> None:
    queue = PersistQueue()
    for number in range(200):
        now_ns = number * MS
        queue.add_item(item(number + 1), 10, now_ns)
        if queue.next(now_ns) is not None:
            break
    assert now_ns <= WINDOW_NS


def test_a_full_batch_waits_for_nothing() -> None:
    assert len(seqs(filled(BATCH_ITEMS_MAX).next(0))) == BATCH_ITEMS_MAX
    assert len(seqs(filled(5, size=BATCH_BYTES_MAX // 4).next(0))) == 4


def test_an_order_goes_before_every_chunk_that_waits() -> None:
    queue = filled(BATCH_ITEMS_MAX)
    queue.add_order(7, MARK, 0)
    assert ticket(queue.next(0)) == 7


def test_orders_are_carried_out_in_the_order_they_were_given() -> None:
    queue = PersistQueue()
    for number in (1, 2):
        queue.add_order(number, MARK, 0)
    first = queue.next(0)
    assert first is not None
    assert queue.repeat(first, 0)
    assert queue.next(0) is None, "the second order may depend on the first"
    assert queue.next(BACKOFF_NS[Priority.CRITICAL]) is first


def test_a_gap_takes_the_chunks_before_it_along_at_once() -> None:
    # Alone it would acknowledge chunks of its producer that are not durable yet.
    queue = filled(2)
    queue.add_item(gap(3 * NS, 4 * NS, seq=3), 50, 0)
    work = queue.next(0)
    assert seqs(work) == [1, 2, 3]
    assert work is not None
    assert work.priority is Priority.CRITICAL


def test_the_end_of_a_session_comes_after_all_that_arrived_and_waits_for_no_window() -> None:
    queue = filled(2)
    queue.add_order(1, finish(5 * NS), 0)
    batch = queue.next(0)
    assert seqs(batch) == [1, 2]
    assert batch is not None
    queue.add_item(item(9), 10, 0)
    queue.settle(batch)
    assert ticket(queue.next(0)) == 1


def test_an_end_whose_chunks_were_thrown_away_is_still_written() -> None:
    queue = filled(2)
    queue.add_order(1, finish(5 * NS), 0)
    assert len(queue.drop_items()) == 2
    assert ticket(queue.next(0)) == 1


def test_derived_work_waits_for_the_recording_but_not_for_ever() -> None:
    assert priority_of(GC) is Priority.LOW
    queue = filled(BATCH_ITEMS_MAX)
    queue.add_order(1, GC, 0)
    assert isinstance(queue.next(0), Batch)
    queue = filled(BATCH_ITEMS_MAX, now_ns=LOW_WAIT_NS_MAX)
    queue.add_order(1, GC, 0)
    assert ticket(queue.next(LOW_WAIT_NS_MAX + 1)) == 1
    idle = filled(1)
    idle.add_order(1, GC, 0)
    assert ticket(idle.next(0)) == 1, "the batch is not due yet"


def test_retries_are_one_three_and_five_each_later_than_the_last() -> None:
    assert [RETRIES[each] for each in (Priority.LOW, Priority.NORMAL, Priority.CRITICAL)] == [1, 3, 5]
    for order, priority in ((MARK, Priority.CRITICAL), (GC, Priority.LOW)):
        queue = PersistQueue()
        queue.add_order(1, order, 0)
        now_ns, waits = 0, []
        while (work := queue.next(now_ns)) is not None and queue.repeat(work, now_ns):
            due_ns = queue.next_ns(now_ns)
            assert due_ns is not None
            assert queue.next(due_ns - 1) is None
            waits.append(due_ns - now_ns)
            now_ns = due_ns
        assert len(waits) == RETRIES[priority]
        assert all(later == 2 * sooner for sooner, later in pairwise(waits))
        assert queue.statistics()[0].retries == RETRIES[priority]


def test_a_failed_batch_comes_again_whole_and_before_newer_chunks() -> None:
    queue = filled(2)
    batch = queue.next(QUIET_NS)
    assert batch is not None
    queue.repeat(batch, 0)
    queue.add_item(item(3), 10, 0)
    assert queue.next(BACKOFF_NS[Priority.NORMAL]) is batch


def test_the_bound_counts_what_is_being_written_too() -> None:
    queue = PersistQueue(items_max=3, bytes_max=1000)
    queue.add_item(item(1), 1000, 0)
    states = [queue.full]
    batch = queue.next(0)
    assert batch is not None, "a full queue is written at once"
    states.append(queue.full)
    queue.settle(batch)
    states.append(queue.full)
    for number in range(3):
        queue.add_item(item(number), 1, 0)
    states.append(queue.full)
    assert states == [True, True, False, True], "what is being written is still in memory"
    messages, size = queue.statistics()
    assert (messages.depth, messages.peak, size.peak, size.limit) == (3, 3, 1000, 1000)


def test_what_waits_when_the_process_leaves_is_due_now() -> None:
    queue = filled(1)
    queue.hurry()
    assert seqs(queue.next(0)) == [1]


@given(st.lists(st.sampled_from(["chunk", "gap"]), min_size=1, max_size=250), st.integers(1, 3_000_000))
def test_every_message_comes_out_once_and_in_order(kinds: list[str], size: int) -> None:
    queue = PersistQueue(items_max=1000, bytes_max=1 << 40)
    for number, kind in enumerate(kinds):
        made = item(number) if kind == "chunk" else gap(number, number + 1, seq=number)
        queue.add_item(made, size, 0)
    found: list[int] = []
    while (work := queue.next(WINDOW_NS)) is not None:
        assert isinstance(work, Batch)
        assert len(work.items) <= BATCH_ITEMS_MAX
        found += [each.seq for each in work.items]
        queue.settle(work)
    assert found == list(range(len(kinds)))
    assert queue.depth == 0


class AnyLoad(RuleBasedStateMachine):
    """Whatever arrives and fails in whatever order: bounds hold, nothing is lost or doubled, orders never wait."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PersistQueue(items_max=20, bytes_max=5000)
        self.now_ns = 0
        self.number = 0
        self.arrived: list[int] = []
        self.gone: list[int] = []
        self.orders: list[int] = []
        self.answered: list[int] = []

    @precondition(lambda self: not self.queue.full)
    @rule(size=st.integers(1, 3000), is_gap=st.booleans())
    def arrive(self, size: int, is_gap: bool) -> None:
        self.number += 1
        made = gap(self.number, self.number + 1, seq=self.number) if is_gap else item(self.number)
        self.queue.add_item(made, size, self.now_ns)
        self.arrived.append(self.number)

    @rule(order=st.sampled_from([MARK, GC, finish(NS)]))
    def order(self, order: RecordMarker | CollectChunks) -> None:
        self.number += 1
        self.queue.add_order(self.number, order, self.now_ns)
        self.orders.append(self.number)

    @rule(ms=st.integers(0, 300))
    def time_passes(self, ms: int) -> None:
        self.now_ns += ms * MS

    @rule(fails=st.booleans())
    def work(self, fails: bool) -> None:
        work = self.queue.next(self.now_ns)
        if work is None or (fails and self.queue.repeat(work, self.now_ns)):
            return
        if isinstance(work, Job):
            self.answered.append(work.ticket)
        else:
            self.gone += [each.seq for each in work.items]
        self.queue.settle(work)

    @rule()
    def commits_fail_for_good(self) -> None:
        self.gone += [each.seq for each in self.queue.drop_items()]

    @invariant()
    def nothing_is_lost_doubled_or_out_of_order(self) -> None:
        assert self.gone == self.arrived[: len(self.gone)]
        assert self.queue.depth == len(self.arrived) - len(self.gone) + len(self.orders) - len(self.answered)
        assert len(set(self.answered)) == len(self.answered)

    @invariant()
    def what_waits_has_an_hour(self) -> None:
        assert (self.queue.next_ns(self.now_ns) is None) == (self.queue.depth == 0)

    @invariant()
    def memory_is_bounded(self) -> None:
        size = self.queue.statistics()[1]
        assert size.depth < 5000 + 3000

    def teardown(self) -> None:
        for _ in range(10_000):
            due_ns = self.queue.next_ns(self.now_ns)
            if due_ns is None:
                break
            self.now_ns = max(self.now_ns, due_ns)
            self.work(fails=False)
        assert self.gone == self.arrived
        assert set(self.answered) == set(self.orders)


TestAnyLoad = AnyLoad.TestCase
TestAnyLoad.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
