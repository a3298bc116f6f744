"""The contract of a transport, kept by the real one, the one in memory and the asyncio one alike."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest

from reeld_client.aio_transport import AsyncZmqTransport
from reeld_client.transport import Subscription, Transport, path_of, probe
from reeld_client.zmq_transport import ZmqTransport
from reeld_proto.codec import pack, sequence_of, unpack
from reeld_proto.commands import AnyReply, Ping, Pong
from reeld_proto.errors import ErrorCode, RequestRejected, TransportError
from reeld_proto.events import Event, MarkerAdded, WorkerStateChanged
from reeld_proto.records import WorkerState
from tests.client.fake_reeld import FakeReeld, Server, memory, serving
from tests.support.wait import until

MARKER = MarkerAdded(session="s", at_s=1.0, text="x")
WORKER = WorkerStateChanged(name="a", pid=1, state=WorkerState.READY)


class Stage(Protocol):
    """A transport and the means to play its daemon."""

    transport: Transport

    def start(self) -> None: ...
    def die(self) -> None: ...
    def publish(self, event: Event) -> None: ...
    def await_topics(self, *topics: str) -> None: ...
    def close(self) -> None: ...


class MemoryStage:
    def __init__(self, fake: FakeReeld, _runtime: Path) -> None:
        self._fake = fake
        self.transport = memory(fake)
        self.transport.die()

    def start(self) -> None:
        self.transport.revive()

    def die(self) -> None:
        self.transport.die()

    def publish(self, event: Event) -> None:
        topic, data = self._fake.event(event)
        self.transport.publish(topic.decode(), data)

    def await_topics(self, *topics: str) -> None:
        pass

    def close(self) -> None:
        self.transport.close()


class ZmqStage:
    transport: Transport

    def __init__(self, fake: FakeReeld, runtime: Path) -> None:
        self._fake, self._runtime = fake, runtime
        self._daemon = ExitStack()
        self._server: Server | None = None
        self.transport = self._make(runtime)

    def _make(self, runtime: Path) -> Transport:
        return ZmqTransport(runtime)

    def start(self) -> None:
        self._server = self._daemon.enter_context(serving(self._fake, self._runtime))

    def die(self) -> None:
        self._daemon.close()

    def publish(self, event: Event) -> None:
        assert self._server is not None
        self._server.publish(event)

    def await_topics(self, *topics: str) -> None:
        server = self._server
        assert server is not None
        until(lambda: {topic.encode() for topic in topics} <= set(server.topics), what="subscription")

    def close(self) -> None:
        self.transport.close()
        self._daemon.close()


class Awaited:
    """An asyncio transport or subscription, used as a synchronous one."""

    def __init__(self, wrapped: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._wrapped, self._loop = wrapped, loop

    def connect(self) -> None:
        self._loop.run_until_complete(self._wrapped.connect())

    def send(self, data: bytes) -> None:
        self._loop.run_until_complete(self._wrapped.send(data))

    def receive(self, timeout_s: float) -> bytes | None:
        received: bytes | None = self._loop.run_until_complete(self._wrapped.receive(timeout_s))
        return received

    def subscribe(self, topics: tuple[str, ...] = ()) -> Subscription:
        return Awaited(self._loop.run_until_complete(self._wrapped.subscribe(topics)), self._loop)

    def close(self) -> None:
        async def close() -> None:
            self._wrapped.close()

        self._loop.run_until_complete(close())


class AsyncStage(ZmqStage):
    def _make(self, runtime: Path) -> Transport:
        self._loop = asyncio.new_event_loop()
        return Awaited(AsyncZmqTransport(runtime), self._loop)

    def close(self) -> None:
        super().close()
        self._loop.close()


@pytest.fixture(params=[MemoryStage, ZmqStage, AsyncStage], ids=["memory", "zmq", "asyncio"])
def stage(request: pytest.FixtureRequest, fake: FakeReeld, runtime: Path, no_leaks: None) -> Iterator[Stage]:
    one = request.param(fake, runtime)
    yield one
    one.close()


def received(source: Transport | Subscription) -> bytes:
    data = source.receive(5.0)
    assert data is not None
    return data


def test_questions_are_answered(stage: Stage) -> None:
    stage.start()
    stage.transport.connect()
    stage.transport.send(pack(Ping(), id="1"))
    stage.transport.send(pack(Ping(), id="2"))
    answers = [unpack(received(stage.transport), AnyReply) for _ in range(2)]
    assert [(answer.id, answer.body) for answer in answers] == [("1", Pong()), ("2", Pong())]


def test_silence_is_none_after_the_time_given(stage: Stage) -> None:
    stage.start()
    stage.transport.connect()
    assert stage.transport.receive(0.0) is None
    assert stage.transport.receive(0.05) is None


def test_no_daemon_is_known_at_once(stage: Stage) -> None:
    """A person who forgot to start it must not wait for a time-out."""
    begun = time.monotonic()
    with pytest.raises(TransportError) as caught:
        stage.transport.connect()
    with pytest.raises(TransportError):
        stage.transport.subscribe()
    assert time.monotonic() - begun < 0.3
    assert caught.value.code is ErrorCode.NO_DAEMON
    assert "reeld" in caught.value.remedy


def test_a_daemon_that_left_its_socket_behind_is_no_daemon(stage: Stage) -> None:
    stage.start()
    stage.die()
    begun = time.monotonic()
    with pytest.raises(TransportError):
        stage.transport.connect()
    assert time.monotonic() - begun < 0.3


def test_a_daemon_that_goes_away_is_noticed_while_waiting(stage: Stage) -> None:
    stage.start()
    stage.transport.connect()
    stage.die()
    with pytest.raises(TransportError, match="went away"):
        until(lambda: stage.transport.receive(0.5))


def test_the_answer_sent_before_the_daemon_left_is_delivered(stage: Stage) -> None:
    """`stop` answers with its last breath when the daemon is told to leave."""
    stage.start()
    stage.transport.connect()
    subscription = stage.transport.subscribe()
    stage.await_topics("")
    stage.publish(MARKER)
    stage.transport.send(pack(Ping(), id="1"))
    assert unpack(received(stage.transport), AnyReply).body == Pong()
    stage.die()
    assert sequence_of(received(subscription)) == 1
    with pytest.raises(TransportError):
        until(lambda: subscription.receive(0.5))


def test_the_next_daemon_is_reached_and_old_questions_are_not_put_to_it(stage: Stage, fake: FakeReeld) -> None:
    """A `session.start` from before the crash must not start a recording by itself."""
    stage.start()
    stage.transport.connect()
    stage.die()
    with suppress(TransportError):
        stage.transport.send(pack(Ping(), id="old"))
    with pytest.raises(TransportError):
        until(lambda: stage.transport.receive(0.5))
    heard = len(fake.heard)
    stage.start()
    stage.transport.connect()
    stage.transport.send(pack(Ping(), id="new"))
    assert unpack(received(stage.transport), AnyReply).id == "new"
    assert len(fake.heard) == heard + 1


def test_a_subscriber_hears_every_topic_in_order(stage: Stage) -> None:
    stage.start()
    subscription = stage.transport.subscribe()
    stage.await_topics("")
    for event in (MARKER, WORKER, MARKER):
        stage.publish(event)
    assert [sequence_of(received(subscription)) for _ in range(3)] == [1, 2, 3]
    assert subscription.receive(0.0) is None


def test_a_subscriber_of_chosen_topics_hears_only_these(stage: Stage) -> None:
    """The daemon collects counters only while somebody wants them."""
    stage.start()
    subscription = stage.transport.subscribe(("worker", "export"))
    stage.await_topics("worker", "export")
    for event in (MARKER, WORKER, MARKER, WORKER):
        stage.publish(event)
    assert [sequence_of(received(subscription)) for _ in range(2)] == [2, 4]


def test_a_closed_subscription_is_given_up(stage: Stage) -> None:
    stage.start()
    subscription = stage.transport.subscribe()
    subscription.close()
    subscription.close()
    stage.publish(MARKER)


def test_nothing_can_be_sent_before_connecting(stage: Stage) -> None:
    stage.start()
    with pytest.raises(TransportError):
        stage.transport.send(pack(Ping()))
    with pytest.raises(TransportError):
        stage.transport.receive(0.0)


def test_closing_twice_is_harmless_and_connecting_again_works(stage: Stage) -> None:
    stage.start()
    stage.transport.connect()
    stage.transport.close()
    stage.transport.close()
    stage.transport.connect()
    stage.transport.send(pack(Ping(), id="1"))
    assert unpack(received(stage.transport), AnyReply).id == "1"


def test_a_socket_of_another_user_is_refused(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a shared temporary folder anybody may put one there to hear what we record."""
    path = runtime / "control.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.fsencode(path))
        other.listen()
        probe(path)
        mine = os.getuid()
        os.chown(path, mine + 1234, -1) if mine == 0 else monkeypatch.setattr(os, "getuid", lambda: mine + 1)
        with pytest.raises(RequestRejected, match="another user") as caught:
            probe(path)
        assert caught.value.code is ErrorCode.DENIED


def test_a_file_in_place_of_the_socket_is_no_daemon(runtime: Path) -> None:
    (runtime / "control.sock").write_text("not a socket")
    with pytest.raises(TransportError):
        probe(runtime / "control.sock")


def test_addresses_are_paths() -> None:
    assert path_of("ipc:///run/x/control.sock") == Path("/run/x/control.sock")
