"""Harm guarded against: a process that hangs with its disk, memory that fills meanwhile, and anything lost by it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reeld.store import ingest as ingest_module
from reeld.store import orders, queue, reader_watch, sessions, writer
from reeld.store.acks import Acknowledger
from reeld.store.api import IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Transaction
from reeld.store.verify import verify
from reeld.store.writer import Answered, Broken, Failed, Landed, OldReader, Outcome, Writer, WritesAgain
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.workers import Done, RecordMarker
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, new_store
from tests.support.wait import until

pytestmark = pytest.mark.usefixtures("no_leaks")


class Disk:
    """Stands between the store and its commits: holds them back, or fails them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flows = threading.Event()
        self.flows.set()
        self.failures: list[ReeldError] = []
        self.reached = 0
        original = StoreEnvironment.write
        disk = self

        def write(store: StoreEnvironment) -> AbstractContextManager[Transaction]:
            @contextmanager
            def transaction() -> Iterator[Transaction]:
                with original(store) as txn:
                    yield txn
                    disk.reached += 1
                    assert disk.flows.wait(20)
                    if disk.failures:
                        raise disk.failures.pop(0)

            return transaction()

        monkeypatch.setattr(StoreEnvironment, "write", write)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


class Desk:
    """The main thread's side of a writer."""

    def __init__(self, folder: Path) -> None:
        self.writer = Writer(StoreEnvironment.open_write(folder), Acknowledger({}), self.wake)
        self.outcomes: list[Outcome] = []
        self.woken = 0

    def send(self, *numbers: int, size: int = 100) -> None:
        for number in numbers:
            self.writer.submit(item(number), size)

    def heard(self, kind: type[Any]) -> list[Any]:
        self.outcomes += self.writer.take()
        return [each for each in self.outcomes if isinstance(each, kind)]

    def wait_for(self, kind: type[Any], count: int = 1) -> Any:
        return until(lambda: self.heard(kind)[count - 1 : count], 10, what=kind.__name__)[0]

    def acknowledged(self) -> int:
        return max((each.acknowledge.get("capture-1", 0) for each in self.heard(Landed)), default=0)

    def wake(self) -> None:
        self.woken += 1


def item(number: int) -> IngestItem:
    return chunk((number - 1) * NS, number * NS, seq=number)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A writer on a store with one session; closed afterwards."""
    with new_store(tmp_path / "store", creation()):
        pass
    made = Desk(tmp_path / "store")
    made.writer.start()
    yield made
    made.writer.close()
    made.writer.close()


def stored(desk: Desk) -> int:
    """Close the writer; how many chunks are in the store, which must be sound."""
    path = desk.writer._store.path
    desk.writer.close()
    store = StoreEnvironment.open_read(path)
    try:
        assert verify(store, None).ok
        with store.read() as txn:
            return sessions.load(txn, SESSION).tracks[0].chunks
    finally:
        store.close()


MARK = RecordMarker(session=SESSION, media_ns=1, text="here")


def test_chunks_are_acknowledged_when_they_are_durable_and_not_before(desk: Desk, disk: Disk) -> None:
    disk.flows.clear()
    desk.send(1, 2)
    until(lambda: disk.reached)
    assert desk.heard(Landed) == []
    disk.flows.set()
    assert desk.wait_for(Landed).acknowledge == {"capture-1": 2}
    assert desk.woken > 0


def test_nobody_waits_for_a_disk_that_stands_still_and_memory_stays_bounded(desk: Desk, disk: Disk) -> None:
    disk.flows.clear()
    desk.send(1)
    until(lambda: desk.writer.busy_s > 0.05)
    sent = 1
    while not desk.writer.full:
        sent += 1
        desk.send(sent, size=1_000_000)
    assert sent - 1 <= queue.BYTES_MAX // 1_000_000 + 1
    messages, size = desk.writer.statistics()
    assert messages.depth == sent
    assert size.depth <= queue.BYTES_MAX + 1_000_000
    disk.flows.set()
    until(lambda: desk.acknowledged() == sent)
    assert desk.writer.busy_s < 1
    assert stored(desk) == sent


def test_an_order_does_not_wait_for_the_window_of_a_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "QUIET_NS", 60 * NS)
    monkeypatch.setattr(queue, "WINDOW_NS", 60 * NS)
    desk.send(1)
    desk.writer.order(5, MARK)
    assert desk.wait_for(Answered) == Answered(5, Done())
    assert desk.heard(Landed) == []
    desk.writer.order(6, finish(NS))
    assert desk.wait_for(Answered, 2) == Answered(6, Done())
    assert len(desk.heard(Landed)) == 1, "the end takes what arrived before it along"


def broken() -> ReeldError:
    return RequestRejected("the disk failed", code=ErrorCode.DISK_FAILED)


def full() -> ReeldError:
    return RequestRejected("no room", code=ErrorCode.DISK_FULL)


def test_a_passing_fault_of_the_disk_costs_a_repetition_and_nothing_else(desk: Desk, disk: Disk) -> None:
    disk.failures = [broken(), broken(), broken()]
    desk.send(1, 2)
    until(lambda: desk.acknowledged() == 2)
    assert desk.heard(Failed) == []
    assert desk.writer.statistics()[0].retries == 3
    assert stored(desk) == 2


def test_a_lasting_fault_is_told_once_and_what_waits_is_left_to_its_producers(
    desk: Desk, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    disk.failures = [broken() for _ in range(6)]
    desk.send(1, 2)
    assert desk.wait_for(Failed).code == ErrorCode.DISK_FAILED
    desk.send(3)
    assert desk.writer.statistics()[0].depth == 0
    desk.wait_for(WritesAgain)
    desk.send(1, 2, 3)
    until(lambda: desk.acknowledged() == 3)
    assert desk.writer.statistics()[0].dropped == 2
    assert stored(desk) == 3


def test_a_full_disk_is_not_hammered_and_what_it_cost_is_known(
    desk: Desk, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    monkeypatch.setattr(writer, "FREE_BYTES_TO_RETRY", 1 << 60)
    disk.failures = [full()]
    desk.send(1)
    desk.wait_for(Failed)
    reached = disk.reached
    desk.send(2)
    assert desk.heard(WritesAgain) == []
    assert disk.reached == reached
    assert desk.writer._starved == {SESSION}
    monkeypatch.setattr(writer, "FREE_BYTES_TO_RETRY", 0)
    desk.wait_for(WritesAgain)


@pytest.mark.parametrize(("failures", "code"), [(5, None), (6, ErrorCode.DISK_FAILED)])
def test_an_order_is_tried_six_times_before_the_daemon_is_told(
    desk: Desk, disk: Disk, failures: int, code: ErrorCode | None
) -> None:
    disk.failures = [broken() for _ in range(failures)]
    desk.writer.order(1, MARK)
    outcome = desk.wait_for(Answered).outcome
    assert (outcome == Done()) if code is None else (isinstance(outcome, ReeldError) and outcome.code == code)


def test_an_order_that_is_wrong_is_answered_at_once(desk: Desk) -> None:
    desk.writer.order(1, RecordMarker(session="none", media_ns=1, text="x"))
    outcome = desk.wait_for(Answered).outcome
    assert isinstance(outcome, RequestRejected)
    assert desk.writer.statistics()[0].retries == 0


def test_a_message_that_trips_a_fault_of_ours_does_not_block_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Thrown away unacknowledged it would come again for ever, and with it everything behind it.
    land: Callable[..., Any] = ingest_module.Batch.land

    def trip(batch: ingest_module.Batch, message: IngestItem) -> Any:
        if message.seq == 2:
            raise ZeroDivisionError("oops")
        return land(batch, message)

    monkeypatch.setattr(ingest_module.Batch, "land", trip)
    desk.send(1, 2, 3)
    until(lambda: desk.acknowledged() == 3)
    refused = [each for landed in desk.heard(Landed) for each in landed.refused]
    assert refused == [("capture-1", 2, "ZeroDivisionError: oops")]
    assert stored(desk) == 2


def test_a_fault_of_ours_in_a_batch_is_told_and_the_thread_lives_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    with monkeypatch.context() as patched:
        patched.setattr(writer, "RETRY_S", 0.02)
        patched.setattr(ingest_module.Batch, "finish", trip)
        desk.send(1)
        assert desk.wait_for(Failed).code == ErrorCode.INTERNAL
    desk.wait_for(WritesAgain)
    desk.send(1)
    until(lambda: desk.acknowledged() == 1)


def test_a_writer_that_ends_takes_its_process_with_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(reader_watch.ReaderWatch, "is_due", trip)
    desk.send(1)
    assert isinstance(desk.wait_for(Broken).error, ZeroDivisionError)


def test_a_fault_of_ours_in_an_order_is_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(orders, "carry_out", trip)
    desk.writer.order(1, MARK)
    assert isinstance(desk.wait_for(Answered).outcome, ZeroDivisionError)


def test_what_waits_is_written_before_the_process_leaves(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "QUIET_NS", 60 * NS)
    desk.send(*range(1, 151))
    assert stored(desk) == 150
    assert desk.acknowledged() == 150


def test_an_idle_writer_sleeps(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send(1)
    desk.wait_for(Landed)
    looked: list[int] = []
    original = queue.PersistQueue.next

    def counted(self: queue.PersistQueue, now_ns: int) -> queue.Work | None:
        looked.append(now_ns)
        return original(self, now_ns)

    monkeypatch.setattr(queue.PersistQueue, "next", counted)
    threading.Event().wait(0.5)
    assert len(looked) <= 1


def test_a_reader_that_never_ends_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_watch, "OLD_NS", 0)
    desk.send(1)
    desk.wait_for(Landed)
    with desk.writer._store.read():
        monkeypatch.setattr(reader_watch.ReaderWatch, "is_due", lambda *_: True)
        desk.send(2)
        assert desk.wait_for(OldReader).pid > 0
