"""Real processes under the supervisor. Harm guarded against: a recording that stops because one process did."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
import zmq.asyncio

from reeld.supervisor import Limits, Listeners, Premises, Role, Supervisor
from reeld_proto import codec
from reeld_proto.commands import Sources
from reeld_proto.errors import DeviceTrouble, ErrorCode, InternalError, StoreCorrupt, TransportError
from reeld_proto.events import Event, TroubleReported, WorkerStateChanged
from reeld_proto.records import SessionState, WorkerState
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import (
    AudioTrackSpec,
    Done,
    ListWorkerSources,
    RecordState,
    SessionClockData,
    StartAudio,
    StopTracks,
    TracksStarted,
    Trouble,
)
from tests.support.premises import eventually, premises

pytestmark = pytest.mark.usefixtures("no_leaks")
MODULES = dict.fromkeys(Role, "tests.support.fake_worker")
QUICK = Limits(standby_delay_ns=NS_PER_S // 20, stall_ns=NS_PER_S, leave_ns=NS_PER_S // 2)
RECORD = RecordState(session="s1", state=SessionState.ACTIVE)


class House:
    """A supervisor with fake workers, and everything it told."""

    def __init__(self, context: zmq.asyncio.Context, place: Premises, limits: Limits) -> None:
        self.place = place
        self.events: list[Event] = []
        self.lost: list[tuple[Role, str]] = []
        self.failed: list[tuple[Role, str]] = []
        listeners = Listeners(
            self.events.append,
            on_lost=lambda role, reason: self.lost.append((role, reason)),
            on_failed=lambda role, reason: self.failed.append((role, reason)),
        )
        self.supervisor = Supervisor(context, place, listeners, modules=MODULES, limits=limits)

    def pids(self) -> dict[str, int]:
        return {worker.name: worker.pid for worker in self.supervisor.workers()}

    def names(self, state: WorkerState) -> set[str]:
        return {worker.name for worker in self.supervisor.workers() if worker.state == state}

    def told(self) -> list[TroubleReported]:
        return [event for event in self.events if isinstance(event, TroubleReported)]

    def orders(self) -> list[dict[str, Any]]:
        path = self.place.store_dir / "orders.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def warm(self) -> None:
        await eventually(lambda: len(self.names(WorkerState.READY)) == 2)

    async def record(self) -> None:
        """The audio role serves a session."""
        await self.supervisor.claim(Role.AUDIO, 10)
        order = StartAudio(session="s1", epoch=1, clock=SessionClockData(start_ns=time.monotonic_ns()), tracks=[])
        assert isinstance(await self.supervisor.ask_active(Role.AUDIO, order, 5), TracksStarted)


@asynccontextmanager
async def house(limits: Limits = QUICK, **habits: str) -> AsyncIterator[House]:
    with premises(**habits) as place, zmq.asyncio.Context() as context:
        building = House(context, place, limits)
        try:
            await building.supervisor.start()
            yield building
        finally:
            pids = [pid for pid in building.pids().values() if pid]
            await building.supervisor.stop()
            assert not [pid for pid in pids if psutil.pid_exists(pid)], "processes left behind"


def live(play: Callable[[House], Coroutine[Any, Any, None]], limits: Limits = QUICK, **habits: str) -> None:
    async def run() -> None:
        async with house(limits, **habits) as building:
            await play(building)

    asyncio.run(run())


def test_it_comes_up_with_a_store_and_warm_standbys_and_leaves_nothing() -> None:
    async def play(home: House) -> None:
        assert "store-1" in home.names(WorkerState.RUNNING)
        await home.warm()
        assert home.names(WorkerState.READY) == {"capture-standby-1", "audio-standby-1"}
        report = await home.supervisor.ask_any(Role.CAPTURE, ListWorkerSources(), 5, ready_s=5)
        assert isinstance(report, Sources)

    live(play)


def test_a_retired_worker_takes_orders_by_name_until_it_is_dismissed() -> None:
    async def play(home: House) -> None:
        await home.record()
        await eventually(lambda: "audio-standby-2" in home.names(WorkerState.READY))
        name = home.supervisor.retire(Role.AUDIO)
        assert name == "audio-standby-1"
        assert home.supervisor.retire(Role.CAPTURE) is None
        await home.supervisor.claim(Role.AUDIO, 1)
        assert home.names(WorkerState.RUNNING) == {"store-1", "audio-2"}
        assert await home.supervisor.ask_named(name, StopTracks(at_ns=0), 5) == Done()
        assert "audio-1" in home.names(WorkerState.STOPPING)
        home.supervisor.dismiss(name)
        await eventually(lambda: "audio-1" not in home.pids())
        assert not home.lost
        with pytest.raises(InternalError) as caught:
            await home.supervisor.ask_named(name, StopTracks(at_ns=0), 5)
        assert caught.value.code == ErrorCode.WORKER_LOST

    live(play)


def test_a_killed_worker_hands_over_to_the_standby_within_half_a_second() -> None:
    async def play(home: House) -> None:
        await home.record()
        await eventually(lambda: "audio-standby-2" in home.names(WorkerState.READY))
        killed = time.monotonic()
        os.kill(home.pids()["audio-1"], signal.SIGKILL)
        await eventually(lambda: home.lost)
        assert home.lost == [(Role.AUDIO, "killed by SIGKILL")]
        await home.record()
        assert time.monotonic() - killed < 0.5
        assert "audio-2" in home.pids()
        assert any(isinstance(event, TroubleReported) and "audio-1" in event.message for event in home.events)

    live(play)


@pytest.mark.parametrize("code", [DeviceTrouble.LOST, ErrorCode.DISK_SLOW, "a-code-of-next-year"])
def test_trouble_of_any_code_is_told_and_does_not_end_the_hearing(code: str) -> None:
    """Harm: a lost microphone deafens the daemon, which then kills healthy workers for want of progress."""

    async def play(home: House) -> None:
        await home.warm()
        with zmq.asyncio.Context() as context:
            worker = context.socket(zmq.PUSH)
            worker.connect(home.place.endpoints.telemetry)
            for message in ("one", "two"):
                await worker.send(codec.pack(Trouble(worker="audio-standby-1", code=code, message=message)))
            await eventually(lambda: len(home.told()) == 2)
            worker.close()
        assert [(trouble.code, trouble.message) for trouble in home.told()] == [(code, "one"), (code, "two")]

    live(play)


def test_a_frozen_worker_is_noticed_by_its_lack_of_progress() -> None:
    async def play(home: House) -> None:
        await home.record()
        home.supervisor.expect_progress(Role.AUDIO, recording=True)
        os.kill(home.pids()["audio-1"], signal.SIGSTOP)
        await eventually(lambda: home.lost)
        assert "no progress" in home.lost[0][1]

    live(play)


def test_an_order_to_a_store_that_is_killed_reaches_the_next_one() -> None:
    """Harm: a session whose end is never written, because the store died at the wrong moment."""

    async def play(home: House) -> None:
        home.supervisor.set_live_session("s1")
        os.kill(home.pids()["store-1"], signal.SIGSTOP)
        waiting = asyncio.ensure_future(home.supervisor.ask_store(RECORD, 15))
        await eventually(lambda: home.supervisor.link._waiting)
        os.kill(home.pids()["store-1"], signal.SIGKILL)
        assert isinstance(await waiting, Done)
        (order,) = home.orders()
        assert (order["worker"], order["live"]) == ("store-2", "s1")

    live(play)


def test_an_order_right_after_the_store_died_waits_for_the_next_one() -> None:
    async def play(home: House) -> None:
        for number in (1, 2, 3):
            os.kill(home.pids()[f"store-{number}"], signal.SIGKILL)
            assert isinstance(await home.supervisor.ask_store(RECORD, 15), Done)
        assert home.supervisor.restarts(Role.STORE) == 3

    live(play)


def test_after_a_release_the_used_worker_leaves_and_the_next_stands_by() -> None:
    async def play(home: House) -> None:
        await home.record()
        pid = home.pids()["audio-1"]
        home.supervisor.release(Role.AUDIO)
        await eventually(lambda: not psutil.pid_exists(pid))
        await eventually(lambda: "audio-standby-2" in home.names(WorkerState.READY))
        assert not home.lost
        with pytest.raises(InternalError):
            await home.supervisor.ask_active(Role.AUDIO, ListWorkerSources(), 1)

    live(play)


def test_a_worker_that_ignores_every_request_to_leave_is_killed() -> None:
    async def play(home: House) -> None:
        await home.warm()

    began = time.monotonic()
    live(play, FAKE_AUDIO="ignore-sigterm")
    assert time.monotonic() - began < 10


def test_a_worker_that_never_gets_ready_is_replaced() -> None:
    async def play(home: House) -> None:
        await eventually(lambda: "audio-standby-2" in home.names(WorkerState.READY))
        reasons = [event.reason for event in home.events if isinstance(event, WorkerStateChanged)]
        assert "did not become ready in time" in reasons

    # Time enough for the others, which start on a loaded machine.
    live(play, Limits(ready_ns=4 * NS_PER_S), FAKE_AUDIO="hang:1")


def test_a_role_that_dies_at_once_is_given_up_and_tried_again_when_asked() -> None:
    async def play(home: House) -> None:
        with pytest.raises(InternalError, match="keeps failing") as caught:
            await home.supervisor.claim(Role.AUDIO, 60)
        assert caught.value.code == ErrorCode.WORKER_LOST
        assert [role for role, _ in home.failed] == [Role.AUDIO]
        assert "audio" in home.names(WorkerState.FAILED)
        await home.supervisor.claim(Role.CAPTURE, 10)
        del os.environ["FAKE_AUDIO"]
        report = await home.supervisor.ask_any(Role.AUDIO, ListWorkerSources(), 5, ready_s=10)
        assert isinstance(report, Sources)
        os.environ["FAKE_AUDIO"] = ""

    live(play, FAKE_AUDIO="exit")


def test_a_mute_worker_is_a_timeout_and_can_be_distrusted() -> None:
    async def play(home: House) -> None:
        await home.supervisor.claim(Role.CAPTURE, 10)
        with pytest.raises(TransportError):
            await home.supervisor.ask_active(Role.CAPTURE, ListWorkerSources(), 0.1)
        home.supervisor.distrust(Role.CAPTURE, "no answer")
        await eventually(lambda: home.lost)
        assert home.lost == [(Role.CAPTURE, "no answer")]

    live(play, FAKE_CAPTURE="mute:1")


def test_counters_are_kept_under_public_names_while_their_worker_lives() -> None:
    async def play(home: House) -> None:
        await home.supervisor.claim(Role.AUDIO, 10)
        spec = AudioTrackSpec(track="mic", label="mic", role="mic", source="virtual_mic")
        order = StartAudio(session="s1", epoch=1, clock=SessionClockData(start_ns=0), tracks=[spec])
        await home.supervisor.ask_active(Role.AUDIO, order, 5)
        await eventually(lambda: "audio-1" in home.supervisor.progress())
        home.supervisor.release(Role.AUDIO)
        await eventually(lambda: not home.supervisor.progress())

    live(play)


def test_without_a_store_the_start_fails_and_everything_ends() -> None:
    async def run() -> None:
        with pytest.raises(InternalError, match="store worker keeps failing"):
            async with house(FAKE_STORE="exit"):
                raise AssertionError("it must not start")

    asyncio.run(run())


def test_a_start_that_fails_says_what_the_store_said_of_it() -> None:
    # "The store worker keeps failing" tells nobody what to do.
    async def run() -> None:
        with pytest.raises(StoreCorrupt, match=r"nothing can be read of the store Bring it back\."):
            async with house(FAKE_STORE="corrupt"):
                raise AssertionError("it must not start")

    asyncio.run(run())
