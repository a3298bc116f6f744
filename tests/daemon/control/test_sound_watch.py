"""Levels and health of sound. Harm guarded against: work while nobody looks, levels of what no person started, and a
meter that stays dark because a worker was replaced."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.control.sound_watch import SoundWatch
from reeld.supervisor.signals import Role
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, TransportError
from reeld_proto.events import LevelsMeasured, SoundHealthReported
from reeld_proto.sound import NodeLevels, NodeStats
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    DescribeSound,
    Done,
    LevelMoment,
    LevelsTold,
    PauseTracks,
    SessionClockData,
    SoundDescribed,
    StartAudio,
    WatchLevels,
)
from tests.support.premises import eventually

LEVELS = [NodeLevels(node="mic-meter", peak_db=[-6.0], rms_db=[-20.0])]
START = StartAudio(session="s", epoch=1, clock=SessionClockData(start_ns=1), tracks=[])
NODES = [NodeStats(name="mic-in", type="microphone")]


class Stage:
    """A watch between an audience, a worker and a session."""

    def __init__(self, session: str | None = "s", health_every_s: float = 10.0) -> None:
        self.topics: set[bytes] = set()
        self.session = session
        self.given: list[AnyOrder] = []
        self.published: list[Any] = []
        self.answer: AnyReport | ReeldError = Done()
        publisher = SimpleNamespace(
            is_asked_for=lambda topic: topic in self.topics,
            has_subscriber=lambda topic: topic in self.topics,
            publish=self.published.append,
        )
        self.watch = SoundWatch(self, cast("Any", publisher), self.brief, health_every_s=health_every_s)

    def brief(self) -> Any:
        return None if self.session is None else SimpleNamespace(id=self.session)

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        assert role is Role.AUDIO
        assert timeout_s > 0
        self.given.append(order)
        if isinstance(self.answer, ReeldError):
            raise self.answer
        return self.answer

    def listen(self, *topics: bytes) -> None:
        self.topics = set(topics)
        self.watch.subscriptions_changed()


def on_stage(play: Callable[[Stage], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def live() -> None:
        stage = Stage(**options)
        await play(stage)
        await stage.watch.close()

    asyncio.run(live())


def told(session: str = "s") -> LevelsTold:
    moments = [LevelMoment(at_ns=100_000_000, levels=LEVELS), LevelMoment(at_ns=200_000_000, levels=LEVELS)]
    return LevelsTold(worker="audio-1", session=session, moments=moments)


def test_the_worker_measures_only_while_somebody_listens() -> None:
    async def play(stage: Stage) -> None:
        for topics in ((), (b"session",), (b"levels",), (b"levels", b"stats"), (b"stats",), ()):
            stage.listen(*topics)
        await stage.watch.close()
        assert stage.given == [WatchLevels(on=True), WatchLevels(on=False)]

    on_stage(play)


def test_a_worker_that_starts_meanwhile_measures_from_the_beginning() -> None:
    async def play(stage: Stage) -> None:
        assert stage.watch.dress(START) == START
        stage.listen(b"levels")
        dressed = stage.watch.dress(START)
        assert isinstance(dressed, StartAudio)
        assert dressed.levels
        pause = PauseTracks(at_ns=1)
        assert stage.watch.dress(pause) is pause

    on_stage(play)


def test_each_hundred_milliseconds_are_an_event_of_the_session() -> None:
    async def play(stage: Stage) -> None:
        stage.listen(b"levels")
        stage.watch.told(told())
        assert stage.published == [
            LevelsMeasured(session="s", at_s=0.1, levels=LEVELS),
            LevelsMeasured(session="s", at_s=0.2, levels=LEVELS),
        ]

    on_stage(play)


@pytest.mark.parametrize(("session", "topics"), [("s", ()), (None, (b"levels",)), ("other", (b"levels",))])
def test_what_nobody_may_or_wants_to_see_is_not_published(session: str | None, topics: tuple[bytes, ...]) -> None:
    async def play(stage: Stage) -> None:
        stage.listen(*topics)
        stage.watch.told(told())
        assert stage.published == []

    on_stage(play, session=session)


@pytest.mark.parametrize(
    "error",
    [
        InternalError("no audio worker is recording", code=ErrorCode.WORKER_LOST),
        TransportError("busy", code=ErrorCode.TIMEOUT),
    ],
)
def test_a_worker_that_is_not_there_or_busy_ends_nothing(error: ReeldError) -> None:
    async def play(stage: Stage) -> None:
        stage.answer = error
        stage.listen(b"levels")
        await stage.watch.close()
        assert await stage.watch.describe() is None

    on_stage(play)


def test_a_description_is_of_the_session_or_none() -> None:
    async def play(stage: Stage) -> None:
        stage.answer = SoundDescribed(session="s", nodes=NODES)
        assert await stage.watch.describe() == stage.answer
        stage.answer = SoundDescribed(session="tape", nodes=NODES)
        assert await stage.watch.describe() is None
        stage.answer = Done()
        assert await stage.watch.describe() is None
        asked = len(stage.given)
        stage.session = None
        assert await stage.watch.describe() is None
        assert len(stage.given) == asked

    on_stage(play)


def test_health_is_reported_now_and_then_while_somebody_listens_to_sound() -> None:
    async def play(stage: Stage) -> None:
        stage.answer = SoundDescribed(session="s", nodes=NODES)
        serving = asyncio.ensure_future(stage.watch.serve())
        try:
            stage.topics = {b"audio"}
            await eventually(lambda: len(stage.published) >= 2)
            assert stage.published[0] == SoundHealthReported(session="s", nodes=NODES, edges=[])
            assert set(map(type, stage.given)) == {DescribeSound}
            stage.answer = SoundDescribed(session="s")  # hidden: nothing is at work
            asked = len(stage.given)
            await eventually(lambda: len(stage.given) > asked + 1)
            known = len(stage.published)
            stage.topics = set()
            await eventually(lambda: len(stage.published) == known)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    on_stage(play, health_every_s=0.005)


def test_nobody_is_asked_how_the_sound_does_while_nobody_listens() -> None:
    async def play(stage: Stage) -> None:
        serving = asyncio.ensure_future(stage.watch.serve())
        looked = 0

        def look(_topic: bytes) -> bool:
            nonlocal looked
            looked += 1
            return False

        cast("Any", stage.watch._publisher).has_subscriber = look
        try:
            await eventually(lambda: looked > 3)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        assert stage.given == []

    on_stage(play, health_every_s=0.002)
