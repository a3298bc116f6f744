"""The keeper of the buffer. Harms guarded against: a person's pause in which something is recorded all the same, a
buffer that never comes back, a missing device that fills the log, old media that stays."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeld.config import Config, ReplayConfig
from reeld.replay import keeper as module
from reeld.replay.keeper import ReplayKeeper
from reeld.sessions import SessionService
from reeld.supervisor.signals import Role
from reeld_proto.commands import ErrorReply, SessionChanged, SessionStarted, SessionStopped, StartSession
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import SessionInfo
from reeld_proto.replay_orders import BufferTrimmed, FillKept, TrimBuffer
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import CreateSession, CutTracks, FinishSession, ListWorkerSources, StartVideo, StopTracks
from tests.daemon.replay.house import House
from tests.daemon.sessions.conversation import finished
from tests.support.premises import eventually

pytestmark = pytest.mark.usefixtures("no_leaks", "quick")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIM_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S_MIN", 0.01)
    monkeypatch.setattr(module, "RETRY_S_MAX", 0.05)


class Scene:
    """A keeper and a person's session over the same house."""

    def __init__(self, minutes: float | None = 1) -> None:
        self.house = House()
        config = Config(replay=ReplayConfig(minutes=minutes))
        self.keeper = ReplayKeeper(self.house, config, free_bytes=lambda: 10**12, collect=self.house.collect)
        self.person = SessionService(
            self.keeper.workers(),
            config,
            read_session=self._read,
            free_bytes=lambda: 10**12,
            publish=lambda _event: None,
        )

    async def _read(self, session: str) -> SessionInfo:
        return finished(session)

    @property
    def recording(self) -> bool:
        brief = self.keeper.brief()
        return brief is not None and brief.recording

    def tapes(self) -> list[CreateSession]:
        return [order for order in self.house.ordered(CreateSession) if order.buffer]

    async def close(self) -> None:
        await self.person.close("test")
        await self.keeper.close()


def play(part: Callable[[Scene], Coroutine[Any, Any, None]], minutes: float | None = 1) -> None:
    async def run() -> None:
        scene = Scene(minutes)
        scene.keeper.begin()
        try:
            await part(scene)
        finally:
            await scene.close()
        assert not any(scene.house.serving.values())

    asyncio.run(run())


def test_it_records_from_the_beginning_and_ends_cleanly() -> None:
    async def part(scene: Scene) -> None:
        await eventually(lambda: scene.recording and scene.house.ordered(StartVideo))
        (tape,) = scene.tapes()
        assert scene.house.live[-1] == tape.session
        assert scene.keeper.moment().live == tape.session
        assert scene.person.brief() is None
        await scene.close()
        assert [order.session for order in scene.house.ordered(FinishSession)] == [tape.session]

    play(part)


def test_a_persons_session_takes_over_and_the_buffer_comes_back_after_it() -> None:
    async def part(scene: Scene) -> None:
        await eventually(lambda: scene.recording and scene.house.ordered(StartVideo))
        scene.house.delay[StopTracks] = asyncio.Event()  # the buffer's workers take their time
        started = await asyncio.wait_for(scene.person.start(StartSession(), 1), 5)
        assert isinstance(started, SessionStarted)
        assert not scene.recording
        assert scene.house.live[-1] == started.session
        scene.house.delay.pop(StopTracks).set()
        await eventually(lambda: len(scene.house.ordered(FinishSession)) == 1)
        assert scene.house.live[-1] == started.session  # the end of the buffer's session is not that of the person's
        assert isinstance(await scene.person.pause(), SessionChanged)
        await asyncio.sleep(0.05)
        assert len(scene.tapes()) == 1  # nothing is recorded in a pause
        assert isinstance(await scene.person.stop(), SessionStopped)
        await eventually(lambda: len(scene.tapes()) == 2 and scene.recording)

    play(part)


def test_a_start_that_is_refused_does_not_interrupt_the_buffer() -> None:
    async def part(scene: Scene) -> None:
        await eventually(lambda: scene.recording and scene.house.ordered(StartVideo))
        assert isinstance(await scene.person.start(StartSession(displays=["no such"]), 1), ErrorReply)
        assert scene.recording
        assert len(scene.tapes()) == 1

    play(part)


def test_a_person_who_starts_while_the_buffer_does_comes_first() -> None:
    async def part(scene: Scene) -> None:
        scene.house.delay[CreateSession] = asyncio.Event()
        await eventually(lambda: scene.house.ordered(CreateSession))
        starting = asyncio.ensure_future(scene.person.start(StartSession(), 1))
        await eventually(lambda: len(scene.house.ordered(CreateSession)) == 2)
        scene.house.delay.pop(CreateSession).set()
        assert isinstance(await asyncio.wait_for(starting, 5), SessionStarted)
        await asyncio.sleep(0.05)
        assert not scene.recording
        assert len(scene.tapes()) == 1

    play(part)


def test_missing_devices_are_tried_again_and_told_once() -> None:
    async def part(scene: Scene) -> None:
        scene.house.fail[ListWorkerSources] = RequestRejected("no screen", code=ErrorCode.NO_DISPLAY)
        with capture_logs() as logs:
            await eventually(lambda: len(scene.house.ordered(ListWorkerSources)) > 8)
            assert [entry["event"] for entry in logs].count("replay.unavailable") == 1
        assert not scene.tapes()
        del scene.house.fail[ListWorkerSources]
        await eventually(lambda: scene.recording)

    play(part)


def test_without_minutes_nothing_is_recorded_and_what_an_earlier_buffer_left_goes() -> None:
    async def part(scene: Scene) -> None:
        scene.house.trimmed = BufferTrimmed(held_ns=0, bytes=0, dropped=3)
        await eventually(lambda: scene.house.collected)
        (trim,) = scene.house.ordered(TrimBuffer)
        assert trim.keep_ns == 0
        assert scene.keeper.brief() is None
        assert not scene.house.ordered(ListWorkerSources)

    play(part, minutes=None)


def test_what_is_too_old_is_dropped_in_steps_and_its_bytes_collected() -> None:
    async def part(scene: Scene) -> None:
        scene.house.trimmed = BufferTrimmed(held_ns=1, bytes=1, dropped=5, complete=False)
        await eventually(lambda: len(scene.house.ordered(TrimBuffer)) > 3)
        assert not scene.house.collected
        scene.house.trimmed = BufferTrimmed(held_ns=7 * NS_PER_S, bytes=1, dropped=5)
        await eventually(lambda: scene.house.collected)
        assert scene.house.ordered(TrimBuffer)[0].keep_ns == 60 * NS_PER_S
        brief = scene.keeper.brief()
        assert brief is not None
        assert brief.minutes == 1
        assert 7 <= brief.held_s < 60

    play(part)


def test_a_store_that_fails_is_asked_again() -> None:
    async def part(scene: Scene) -> None:
        scene.house.fail[TrimBuffer] = InternalError("it fell over", code=ErrorCode.WORKER_LOST)
        with capture_logs() as logs:
            await eventually(lambda: len(scene.house.ordered(TrimBuffer)) > 2)
            assert "replay.recycle_failed" in [entry["event"] for entry in logs]

    play(part)


def test_pictures_get_key_frames_also_while_nothing_moves() -> None:
    async def part(scene: Scene) -> None:
        await eventually(lambda: scene.house.ordered(CutTracks, "capture"))
        assert scene.house.ordered(CutTracks)[0].keyframe_after_s == pytest.approx(0.1 * 60 / 4 / 2)

    play(part, minutes=0.1)


def test_a_cut_asks_all_who_record_and_minds_nobody_who_does_not_answer() -> None:
    async def part(scene: Scene) -> None:
        await scene.keeper.cut()
        await eventually(lambda: scene.recording and scene.house.ordered(StartVideo))

        def cuts() -> int:
            """Not those that only ask for a key frame, and wait for nothing."""
            return len([order for order in scene.house.ordered(CutTracks) if order.wait_s])

        before = cuts()
        scene.house.fail[CutTracks] = InternalError("gone", code=ErrorCode.WORKER_LOST)
        await scene.keeper.cut()
        assert cuts() == before + 2

    play(part)


def test_what_is_not_filled_in_is_filled_before_anybody_reads_it() -> None:
    async def part(scene: Scene) -> None:
        await scene.keeper.until_filled("other")
        scene.house.waiting = [["a", "b"], ["b"], ["b"], []]
        before = len(scene.house.ordered(FillKept))
        scene.keeper.fill("b")
        scene.keeper.fill("b")
        await asyncio.wait_for(scene.keeper.until_filled("b"), 5)
        assert len(scene.house.ordered(FillKept)) >= before + 4

    play(part)


def test_a_store_that_cannot_fill_in_holds_nobody_for_ever() -> None:
    async def part(scene: Scene) -> None:
        scene.house.fail[FillKept] = InternalError("it fell over", code=ErrorCode.WORKER_LOST)
        scene.keeper.fill("b")
        with capture_logs():
            await asyncio.wait_for(scene.keeper.until_filled("b"), 5)

    play(part)


def test_a_lost_worker_is_replaced_in_the_buffer_too() -> None:
    async def part(scene: Scene) -> None:
        await eventually(lambda: scene.recording and scene.house.ordered(StartVideo))
        scene.house.serving[Role.CAPTURE] = None
        scene.keeper.worker_lost(Role.CAPTURE, "killed")
        await eventually(lambda: len(scene.house.ordered(StartVideo)) == 2)
        assert scene.house.ordered(StartVideo)[1].epoch == 2

    play(part)


def test_when_the_store_is_given_up_the_tape_is_over_and_another_is_tried() -> None:
    async def part(scene: Scene) -> None:
        await eventually(lambda: scene.recording and scene.house.ordered(StartVideo))
        scene.keeper.role_failed(Role.STORE, "too often")
        await eventually(lambda: len(scene.tapes()) == 2 and scene.recording)

    play(part)
