"""Events. Harm guarded against: a subscriber that misses something without a hole in the numbers, and a slow one that
holds the daemon up."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import zmq
import zmq.asyncio

from reeld.control.publisher import EVENTS_HWM, Publisher
from reeld_proto import codec
from reeld_proto.events import AnyEvent, LevelsMeasured, MarkerAdded, TroubleReported
from tests.support.premises import eventually, premises

pytestmark = pytest.mark.usefixtures("no_leaks")
MARK = MarkerAdded(session="s", at_s=1.0, text="x")
LEVELS = LevelsMeasured(session="s", at_s=1.0, levels=[])
TROUBLE = TroubleReported(worker="w", code="c", message="m")


class Stage:
    def __init__(self, context: zmq.asyncio.Context, address: str) -> None:
        self.context, self.address = context, address
        self.changes = 0
        self.publisher = Publisher(context, address, self.changed)
        self.sockets: list[zmq.asyncio.Socket] = []

    def changed(self) -> None:
        self.changes += 1

    async def subscriber(self, topic: bytes, hwm: int = 1000) -> zmq.asyncio.Socket:
        socket = self.context.socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, hwm)
        self.sockets.append(socket)
        socket.connect(self.address)
        socket.setsockopt(zmq.SUBSCRIBE, topic)
        await eventually(lambda: self.publisher.has_subscriber(topic or b"session"))
        return socket


def on_stage(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def live() -> None:
        with premises() as place, zmq.asyncio.Context() as context:
            stage = Stage(context, place.endpoints.events)
            serving = asyncio.ensure_future(stage.publisher.serve())
            try:
                await play(stage)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                for socket in stage.sockets:
                    socket.close()
                stage.publisher.close()

    asyncio.run(live())


async def event_of(socket: zmq.asyncio.Socket) -> tuple[bytes, int, Any]:
    topic, data = await asyncio.wait_for(socket.recv_multipart(), 5)
    envelope = codec.unpack(data, AnyEvent)
    return topic, envelope.seq, envelope.body


def test_one_numbering_runs_over_all_topics() -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.subscriber(b"")
        stage.publisher.publish(MARK)
        stage.publisher.publish(TROUBLE)
        stage.publisher.publish(MARK)
        heard = [await event_of(everything) for _ in range(3)]
        assert [(topic, seq) for topic, seq, _ in heard] == [(b"session", 1), (b"worker", 2), (b"session", 3)]
        assert heard[1][2] == TROUBLE
        assert stage.publisher.seq == 3

    on_stage(play)


def test_a_topic_brings_its_own_events_alone() -> None:
    async def play(stage: Stage) -> None:
        workers = await stage.subscriber(b"worker")
        stage.publisher.publish(MARK)
        stage.publisher.publish(TROUBLE)
        assert await event_of(workers) == (b"worker", 2, TROUBLE)
        assert not stage.publisher.has_subscriber(b"stats")

    on_stage(play)


def test_somebody_who_wants_everything_wants_stats_too_until_he_leaves() -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.subscriber(b"")
        assert stage.publisher.has_subscriber(b"stats")
        everything.close()
        await eventually(lambda: not stage.publisher.has_subscriber(b"stats"))
        assert stage.changes == 2

    on_stage(play)


def test_a_subscriber_that_does_not_read_loses_events_and_nobody_waits() -> None:
    async def play(stage: Stage) -> None:
        await stage.subscriber(b"", hwm=1)
        prompt = await stage.subscriber(b"worker")
        for _ in range(3 * EVENTS_HWM):
            stage.publisher.publish(MARK)
        stage.publisher.publish(TROUBLE)
        assert (await event_of(prompt))[1] == 3 * EVENTS_HWM + 1

    on_stage(play)


def test_noise_from_a_subscriber_is_ignored() -> None:
    async def play(stage: Stage) -> None:
        noisy = stage.context.socket(zmq.XSUB)
        noisy.setsockopt(zmq.LINGER, 0)
        stage.sockets.append(noisy)
        noisy.connect(stage.address)
        for noise in (b"", b"\x07boo", b"\x01session"):
            await noisy.send(noise)
        await eventually(lambda: stage.publisher.has_subscriber(b"session"))
        assert not stage.publisher.has_subscriber(b"worker")

    on_stage(play)


def test_levels_have_no_number_so_that_who_does_not_get_them_misses_nothing() -> None:
    """Harm: whoever listens to everything fetches a snapshot ten times a second, because the numbers have holes."""

    async def play(stage: Stage) -> None:
        everything = await stage.subscriber(b"")
        stage.publisher.publish(MARK)
        stage.publisher.publish(LEVELS)
        stage.publisher.publish(MARK)
        heard = [await event_of(everything) for _ in range(3)]
        assert [(topic, seq) for topic, seq, _ in heard] == [(b"session", 1), (b"levels", 0), (b"session", 2)]
        assert stage.publisher.seq == 2

    on_stage(play)


def test_levels_are_asked_for_only_by_who_names_them() -> None:
    async def play(stage: Stage) -> None:
        await stage.subscriber(b"")
        await stage.subscriber(b"session")
        assert not stage.publisher.is_asked_for(b"levels")
        named = await stage.subscriber(b"levels")
        await eventually(lambda: stage.publisher.is_asked_for(b"levels"))
        named.close()
        await eventually(lambda: not stage.publisher.is_asked_for(b"levels"))

    on_stage(play)
