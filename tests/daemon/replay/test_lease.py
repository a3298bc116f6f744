"""Sharing workers. Harms guarded against: a person's start that waits for the buffer, an order of the buffer that ends
a person's recording, workers that nobody lets go."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reeld.replay.lease import BufferWorkers, SharedWorkers
from reeld.supervisor.signals import Role
from reeld_proto.errors import ErrorCode, InternalError
from reeld_proto.workers import CutTracks, Done, StopTracks
from tests.daemon.replay.house import House

STOP = StopTracks(at_ns=1)


def play(scene: Callable[[House, BufferWorkers], Coroutine[Any, Any, None]]) -> None:
    house = House()
    asyncio.run(scene(house, BufferWorkers(house, house.live.append)))


def test_before_it_steps_aside_its_workers_are_those_of_the_roles() -> None:
    async def scene(house: House, workers: BufferWorkers) -> None:
        assert await workers.claim(Role.CAPTURE, 1) == "capture-1"
        assert await workers.ask_active(Role.CAPTURE, CutTracks(), 1) == Done()
        workers.expect_progress(Role.CAPTURE, recording=True)
        workers.distrust(Role.CAPTURE, "mute")
        workers.set_live_session("s")
        workers.release(Role.CAPTURE)
        assert house.orders == [("capture-1", CutTracks())]
        assert (house.expected, house.distrusted, house.live) == ([(Role.CAPTURE, True)], [Role.CAPTURE], ["s"])
        assert house.gone == ["capture-1"]

    play(scene)


def test_aside_its_last_orders_reach_its_old_workers_and_nobody_elses() -> None:
    async def scene(house: House, workers: BufferWorkers) -> None:
        await workers.claim(Role.CAPTURE, 1)
        workers.step_aside()
        workers.step_aside()
        assert await house.claim(Role.CAPTURE, 1) == "capture-2"
        await workers.ask_active(Role.CAPTURE, STOP, 1)
        assert house.orders == [("capture-1", STOP)]
        workers.distrust(Role.CAPTURE, "mute")
        workers.expect_progress(Role.CAPTURE, recording=False)
        assert not house.distrusted
        assert not house.expected
        workers.release(Role.CAPTURE)
        workers.release(Role.CAPTURE)
        assert house.gone == ["capture-1"]
        assert house.serving[Role.CAPTURE] == "capture-2"

    play(scene)


def test_aside_it_gets_no_worker_any_more() -> None:
    async def scene(house: House, workers: BufferWorkers) -> None:
        claiming = asyncio.ensure_future(workers.claim(Role.CAPTURE, 1))
        await asyncio.sleep(0)  # it waits for a worker
        workers.step_aside()
        for work in (claiming, workers.claim(Role.AUDIO, 1), workers.ask_active(Role.AUDIO, STOP, 1)):
            with pytest.raises(InternalError) as caught:
                await work
            assert caught.value.code is ErrorCode.WORKER_LOST
        workers.release(Role.AUDIO)
        assert not house.orders

    play(scene)


def test_a_persons_workers_are_those_of_the_house_and_its_session_is_announced_first() -> None:
    async def scene(house: House, _workers: BufferWorkers) -> None:
        live: list[str | None] = []
        shared = SharedWorkers(house, live.append)
        shared.set_live_session("mine")
        assert await shared.claim(Role.AUDIO, 1) == "audio-1"
        await shared.ask_active(Role.AUDIO, STOP, 1)
        await shared.ask_store(STOP, 1)
        await shared.ask_any(Role.AUDIO, STOP, 1, ready_s=1)
        shared.expect_progress(Role.AUDIO, recording=True)
        shared.distrust(Role.AUDIO, "mute")
        shared.release(Role.AUDIO)
        assert [name for name, _ in house.orders] == ["audio-1", "store", "audio"]
        assert (live, house.live) == (["mine"], [])
        assert (house.expected, house.distrusted, house.gone) == ([(Role.AUDIO, True)], [Role.AUDIO], ["audio-1"])

    play(scene)
