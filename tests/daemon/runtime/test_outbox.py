"""Harm guarded against: media that is neither in the store nor waiting to be sent again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from reeld.runtime.outbox import Outbox, Parcel, Producer
from reeld_proto import codec
from reeld_proto.endpoints import Endpoints
from reeld_proto.records import GapReason
from reeld_proto.workers import (
    COMMITS_FOR_ALL,
    AnyIngest,
    ChunkCaptured,
    Committed,
    GapFound,
    IngestRefused,
    StoreStarted,
)
from tests.support.wait import until


def parcel(seq: int, size: int = 10) -> Parcel:
    return Parcel(seq, (b"x" * size,))


def test_what_is_not_acknowledged_is_sent_again_in_order() -> None:
    box = Outbox()
    for seq in (1, 2, 3, 4):
        box.add(parcel(seq))
    box.committed(2)
    assert [p.seq for p in box.store_started("second")] == [3, 4]


def test_the_same_store_announced_twice_causes_no_flood() -> None:
    box = Outbox()
    box.add(parcel(1))
    box.store_started("one")
    assert box.store_started("one") == []


def test_an_acknowledgement_missed_before_the_subscription_is_asked_for_again() -> None:
    box = Outbox()
    box.add(parcel(1))
    assert [p.seq for p in box.store_started("one")] == [1]


def test_memory_stays_bounded_and_the_loss_is_counted() -> None:
    box = Outbox(limit_bytes=25)
    assert box.add(parcel(1))
    assert box.add(parcel(2))
    assert not box.add(parcel(3))
    assert (box.dropped, box.depth_bytes) == (1, 20)


def test_a_chunk_larger_than_the_limit_still_gets_through_alone() -> None:
    assert Outbox(limit_bytes=5).add(parcel(1, 50))


def test_a_refused_message_does_not_block_those_behind_it() -> None:
    box = Outbox()
    for seq in (1, 2, 3):
        box.add(parcel(seq))
    assert box.refused(2)
    assert not box.refused(2), "what was sent twice is refused twice, and told once"
    assert [p.seq for p in box.store_started("x")] == [1, 3]
    assert box.depth_bytes == 20


@given(
    st.lists(st.one_of(st.tuples(st.just("add"), st.integers(0, 50)), st.tuples(st.just("ack"), st.integers(0, 30))))
)
def test_the_outbox_holds_exactly_what_is_sent_and_not_acknowledged(steps: list[tuple[str, int]]) -> None:
    box, model, seq = Outbox(limit_bytes=200), [], 0
    for kind, value in steps:
        if kind == "add":
            seq += 1
            if box.add(parcel(seq, value)):
                model.append((seq, value))
        else:
            box.committed(value)
            model = [(s, v) for s, v in model if s > value]
        assert len(box) == len(model)
        assert box.depth_bytes == sum(v for _, v in model)
    assert [p.seq for p in box.store_started("new")] == [s for s, _ in model]


CHUNK = ChunkCaptured(
    session="s", track="video-1", epoch=1, start_ns=0, end_ns=10, frames=1, keyframe=True, codec="h264"
)
GAP = GapFound(session="s", track="video-1", epoch=1, start_ns=0, end_ns=1, reason=GapReason.DROPPED)


class StoreEnd:
    """The store's end of both sockets, played by the test."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Endpoints) -> None:
        self.pull = context.socket(zmq.PULL)
        self.pull.bind(endpoints.ingest)
        self.pub = context.socket(zmq.XPUB)
        self.pub.bind(endpoints.commits)

    def receive(self) -> list[bytes]:
        assert self.pull.poll(5000), "nothing arrived"
        return self.pull.recv_multipart()

    def seq(self) -> int:
        return int(codec.unpack(self.receive()[0], AnyIngest).seq)

    def wait_subscribed(self, topics: int) -> None:
        for _ in range(topics):
            assert self.pub.poll(5000)
            self.pub.recv()

    def announce(self, instance: str) -> None:
        self.pub.send_multipart([COMMITS_FOR_ALL, codec.pack(StoreStarted(instance=instance))])

    def commit(self, producer: str, seq: int) -> None:
        self.pub.send_multipart([producer.encode(), codec.pack(Committed(producer=producer, seq=seq))])

    def close(self) -> None:
        self.pull.close(linger=0)
        self.pub.close(linger=0)


@pytest.fixture
def context(no_leaks: None) -> "Iterator[zmq.Context[zmq.Socket[bytes]]]":
    with zmq.Context[zmq.Socket[bytes]]() as context:
        yield context


@pytest.fixture
def endpoints(tmp_path: Path) -> Endpoints:
    return Endpoints(tmp_path)


@pytest.fixture
def store(context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Endpoints) -> Iterator[StoreEnd]:
    end = StoreEnd(context, endpoints)
    yield end
    end.close()


@pytest.fixture
def producer(context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Endpoints) -> Iterator[Producer]:
    producer = Producer(context, name="capture-1", ingest=endpoints.ingest, commits=endpoints.commits)
    yield producer
    producer.close()


def test_a_chunk_travels_with_its_bytes_and_its_init_segment(producer: Producer, store: StoreEnd) -> None:
    assert producer.send(CHUNK, b"media", b"init")
    envelope, payload, init = store.receive()
    assert codec.unpack(envelope, AnyIngest).body == CHUNK
    assert (payload, init) == (b"media", b"init")


def test_drained_only_after_the_store_said_durable(producer: Producer, store: StoreEnd) -> None:
    store.wait_subscribed(2)
    producer.send(CHUNK, b"media", b"init")
    assert store.seq() == 1
    assert not producer.wait_drained(0.05)
    store.commit("another-producer", 1)
    assert not producer.wait_drained(0.05)
    store.commit("capture-1", 1)
    assert producer.wait_drained(5)
    assert producer.statistics().depth == 0


def test_a_killed_store_gets_everything_unacknowledged_again(
    producer: Producer, store: StoreEnd, context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Endpoints
) -> None:
    store.wait_subscribed(2)
    for _ in range(3):
        producer.send(GAP)
    assert [store.seq() for _ in range(3)] == [1, 2, 3]
    store.commit("capture-1", 1)
    until(lambda: producer.statistics().depth > 0, what="one acknowledged")
    store.close()
    second = StoreEnd(context, endpoints)
    try:
        second.wait_subscribed(2)
        second.announce("second")
        got = [second.seq(), second.seq()]
        assert got == [2, 3]
        second.commit("capture-1", 3)
        assert producer.wait_drained(5)
    finally:
        second.close()


def test_a_refused_message_is_reported_and_forgotten(
    context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Endpoints, store: StoreEnd
) -> None:
    told: list[tuple[int, str]] = []
    producer = Producer(
        context,
        name="audio-1",
        ingest=endpoints.ingest,
        commits=endpoints.commits,
        on_refused=lambda seq, reason: told.append((seq, reason)),
    )
    try:
        store.wait_subscribed(2)
        producer.send(GAP)
        store.receive()
        note = IngestRefused(producer="audio-1", seq=1, reason="no such session")
        store.pub.send_multipart([b"audio-1", codec.pack(note)])
        assert producer.wait_drained(5)
        until(lambda: told == [(1, "no such session")], 5)
    finally:
        producer.close()


def test_junk_on_the_commit_channel_does_not_end_the_producer(producer: Producer, store: StoreEnd) -> None:
    store.wait_subscribed(2)
    store.pub.send_multipart([b"capture-1", b"\xc1junk"])
    producer.send(GAP)
    assert store.seq() == 1
    store.commit("capture-1", 1)
    assert producer.wait_drained(5)


def test_sending_after_close_is_refused_not_lost_in_silence(producer: Producer) -> None:
    producer.close()
    producer.close()
    assert not producer.send(GAP)


def test_a_full_outbox_never_blocks_the_capture_thread(
    context: "zmq.Context[zmq.Socket[bytes]]", endpoints: Endpoints
) -> None:
    producer = Producer(context, name="capture-9", ingest=endpoints.ingest, commits=endpoints.commits, limit_bytes=1000)
    try:
        sent = [producer.send(CHUNK, b"m" * 400, b"i") for _ in range(5)]
        assert sent[0]
        assert not sent[-1]
        assert producer.statistics().dropped == sent.count(False)
    finally:
        producer.close()
