"""Orders and answers. Harm guarded against: somebody who waits for ever for a worker that is gone."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import zmq
import zmq.asyncio

from reeld.supervisor.link import WorkerLink
from reeld_proto import codec
from reeld_proto.commands import ErrorReply
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError
from reeld_proto.workers import AnyOrder, AnyTelemetry, Done, PauseTracks, Progress, Trouble, WorkerReady
from tests.support.premises import eventually, premises

pytestmark = pytest.mark.usefixtures("no_leaks")


class Stage:
    """A link, and a worker's sockets played by hand."""

    def __init__(self, context: zmq.asyncio.Context, endpoints: Any) -> None:
        self.ready: list[WorkerReady] = []
        self.telemetry: list[AnyTelemetry] = []
        self.link = WorkerLink(context, endpoints, on_ready=self.ready.append, on_telemetry=self.telemetry.append)
        self.dealer = context.socket(zmq.DEALER)
        self.dealer.setsockopt(zmq.IDENTITY, b"w-1")
        self.push = context.socket(zmq.PUSH)
        for socket, address in ((self.dealer, endpoints.workers), (self.push, endpoints.telemetry)):
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address)

    async def connect(self) -> None:
        await self.dealer.send(codec.pack(WorkerReady(name="w-1", pid=1)))
        await eventually(lambda: self.ready)

    async def order(self) -> codec.Envelope[Any]:
        return codec.unpack(await self.dealer.recv(), AnyOrder)


def on_stage(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def live() -> None:
        with premises() as place, zmq.asyncio.Context() as context:
            stage = Stage(context, place.endpoints)
            loops = [asyncio.ensure_future(work) for work in stage.link.tasks()]
            try:
                await stage.connect()
                await play(stage)
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
                stage.link.close()
                stage.dealer.close()
                stage.push.close()

    asyncio.run(live())


def test_an_order_is_answered_by_its_own_report() -> None:
    async def play(stage: Stage) -> None:
        first = asyncio.ensure_future(stage.link.ask("w-1", PauseTracks(at_ns=1), 5))
        second = asyncio.ensure_future(stage.link.ask("w-1", PauseTracks(at_ns=2), 5))
        orders = [await stage.order(), await stage.order()]
        refusal = ErrorReply(code=ErrorCode.WRONG_STATE, message="not recording", remedy="Record.", faults=["x"])
        await stage.dealer.send(codec.pack(refusal, id=orders[1].id))
        await stage.dealer.send(codec.pack(Done(), id=orders[0].id))
        assert await first == Done()
        with pytest.raises(RequestRejected, match="not recording") as caught:
            await second
        assert (caught.value.code, caught.value.remedy, caught.value.faults) == ("wrong-state", "Record.", ("x",))

    on_stage(play)


def test_a_worker_that_is_silent_is_a_timeout_and_its_late_answer_harmless() -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(TransportError) as caught:
            await stage.link.ask("w-1", PauseTracks(at_ns=1), 0.05)
        assert caught.value.code == ErrorCode.TIMEOUT
        late = await stage.order()
        await stage.dealer.send(codec.pack(Done(), id=late.id))
        again = asyncio.ensure_future(stage.link.ask("w-1", PauseTracks(at_ns=2), 5))
        await stage.dealer.send(codec.pack(Done(), id=(await stage.order()).id))
        assert await again == Done()

    on_stage(play)


def test_whoever_waits_for_a_worker_that_ends_is_told() -> None:
    async def play(stage: Stage) -> None:
        waiting = asyncio.ensure_future(stage.link.ask("w-1", PauseTracks(at_ns=1), None))
        await stage.order()
        stage.link.forget("w-2")
        stage.link.forget("w-1")
        with pytest.raises(InternalError) as caught:
            await waiting
        assert caught.value.code == ErrorCode.WORKER_LOST

    on_stage(play)


def test_an_order_to_nobody_fails_at_once() -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(InternalError) as caught:
            await stage.link.ask("nobody", PauseTracks(at_ns=1), 60)
        assert caught.value.code == ErrorCode.WORKER_LOST

    on_stage(play)


def test_what_cannot_be_read_is_logged_and_dropped() -> None:
    async def play(stage: Stage) -> None:
        await stage.push.send(b"\xc1 not a message")
        await stage.dealer.send(b"")
        trouble = Trouble(worker="w-1", code="x", message="y")
        await stage.push.send(codec.pack(trouble))
        await stage.push.send(codec.pack(Progress(worker="w-1", session="s")))
        await eventually(lambda: len(stage.telemetry) == 2)
        assert stage.telemetry[0] == trouble
        waiting = asyncio.ensure_future(stage.link.ask("w-1", PauseTracks(at_ns=1), 5))
        await stage.dealer.send(codec.pack(Done(), id=(await stage.order()).id))
        assert await waiting == Done()

    on_stage(play)
