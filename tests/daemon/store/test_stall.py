"""Harm guarded against: a recorder that loses frames because a disk takes its time, or one that is killed for it."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld_proto.errors import ErrorCode
from reeld_proto.workers import Done, Progress, RecordMarker, Trouble
from tests.bench.measure import percentile
from tests.bench.queue_stall import Stall, frozen, measure_stall, senders
from tests.daemon.store.builders import SESSION, creation
from tests.daemon.store.harness import Bench, bench
from tests.support import slow_disk
from tests.support.slow_disk import SlowDisk
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.alone]
needs_compiler = pytest.mark.skipif(not slow_disk.available, reason="the shim below LMDB needs Linux and a C compiler")

STALL_S = 5.0
ENQUEUE_P99_MS = 1.0


@pytest.fixture
def disk(tmp_path: Path) -> SlowDisk:
    return SlowDisk(tmp_path)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="rt-") as runtime, bench(Path(runtime), tmp_path / "store") as made:
        yield made


def check(stall: Stall) -> None:
    print(stall)
    assert (stall.lost, stall.doubled, stall.refused, stall.clean) == (0, 0, 0, True)
    assert len(stall.sent_ms) >= 100
    assert percentile(stall.sent_ms, 0.99) <= ENQUEUE_P99_MS


@pytest.mark.long
def test_a_frozen_store_holds_no_producer_up_and_costs_nothing(running: Bench) -> None:
    running.start()
    assert running.order(creation()) == Done()
    check(measure_stall(running, lambda: frozen(running), STALL_S))


@pytest.mark.long
@needs_compiler
def test_a_stalled_disk_holds_no_producer_up_and_costs_nothing(running: Bench, disk: SlowDisk) -> None:
    running.start(**disk.environment)
    assert running.order(creation()) == Done()
    check(measure_stall(running, disk.stalled, STALL_S))
    troubles = running.heard(Trouble)
    assert [each.code for each in troubles] == [ErrorCode.DISK_SLOW], "told once, not twice a second"


@needs_compiler
def test_a_store_that_waits_for_its_disk_goes_on_showing_that_it_lives(running: Bench, disk: SlowDisk) -> None:
    # The supervisor kills what is silent for 5 s; killed again and again the store would never write anything.
    running.start(**disk.environment)
    assert running.order(creation()) == Done()
    with senders(running) as made:
        until(lambda: all(len(sender.payloads) > 5 for sender in made))
        with disk.stalled():
            until(lambda: running.heard(Trouble), 5)
            running.send(RecordMarker(session=SESSION, media_ns=1, text="meanwhile"))
            before = len(running.heard(Progress))
            threading.Event().wait(2.5)
            beats = running.heard(Progress)[before:]
            assert len(beats) >= 2
            depth = {queue.name: queue for queue in beats[-1].queues}
            assert depth["persist"].depth > 10
            assert depth["persist-bytes"].depth <= depth["persist-bytes"].limit + 200_300
            assert not running._router.poll(0), "the order is answered when it is durable, not before"
        assert running._receive() == Done()
        for sender in made:
            sender.stop()
        assert all(sender.producer.wait_drained(20) for sender in made)


@needs_compiler
def test_a_store_told_to_leave_in_a_stall_writes_everything_first(running: Bench, disk: SlowDisk) -> None:
    running.start(**disk.environment)
    assert running.order(creation()) == Done()
    with senders(running) as made:
        until(lambda: all(len(sender.payloads) > 5 for sender in made))
        with disk.stalled():
            threading.Event().wait(0.5)
            for sender in made:
                sender.stop()
            assert running.process is not None
            process = running.process
            process.terminate()
            threading.Event().wait(0.5)
            assert process.poll() is None
        until(lambda: process.poll() is not None, 10)
        assert all(sender.producer.wait_drained(5) for sender in made), "acknowledged before it left"
