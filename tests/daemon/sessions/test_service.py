"""The session service over workers played in memory. Harm guarded against: a slow sound server that delays the picture,
an end of the daemon that leaves a session open."""

# ruff: noqa: ARG002 - the fakes ignore what they do not need

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from reeld.config import Config
from reeld.runtime.clock import wall_ns
from reeld.sessions import service as service_module
from reeld.sessions.service import SessionService, default_name, new_session_id
from reeld.supervisor.signals import Role
from reeld_proto.commands import ErrorReply, SessionChanged, SessionStarted, SessionStopped, StartSession
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError
from reeld_proto.events import Event, SessionStateChanged
from reeld_proto.records import SessionInfo, SessionState
from reeld_proto.settings import Profile
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    CreateSession,
    Done,
    FinishSession,
    ListWorkerSources,
    RecordClockJump,
    StartAudio,
    StartVideo,
    StopTracks,
    TracksStarted,
)
from tests.daemon.sessions.conversation import PICTURES, SOUNDS, finished
from tests.support.premises import eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

CONFIG = Config()
WALL_2026_NS = 1_795_369_666 * NS_PER_S


class Hands:
    """Workers that do what is ordered at once, unless `delay` or `fail` says otherwise; keeps what was ordered."""

    def __init__(self, config: Config) -> None:
        self.orders: list[AnyOrder] = []
        self.told: list[tuple[Any, ...]] = []
        self.delay: dict[type[Any], asyncio.Event] = {}
        self.fail: dict[type[Any], Exception] = {}
        self.events: list[Event] = []
        self.free_bytes = 10**12
        self.service = SessionService(
            self, config, read_session=self.read, free_bytes=lambda: self.free_bytes, publish=self.events.append
        )

    async def read(self, session: str) -> SessionInfo:
        return finished(session)

    async def _do(self, role: Role, order: AnyOrder) -> AnyReport:
        self.orders.append(order)
        if type(order) in self.delay:
            await self.delay[type(order)].wait()
        if type(order) in self.fail:
            raise self.fail[type(order)]
        match order:
            case ListWorkerSources():
                return PICTURES if role == Role.CAPTURE else SOUNDS
            case StartVideo(clock=clock):
                return TracksStarted(first_ns=clock.start_ns + 7_000_000)
            case StartAudio():
                return TracksStarted()
        return Done()

    async def ask_any(self, role: Role, order: AnyOrder, timeout_s: float, *, ready_s: float) -> AnyReport:
        return await self._do(role, order)

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        return await self._do(role, order)

    async def ask_store(self, order: AnyOrder, timeout_s: float) -> AnyReport:
        return await self._do(Role.STORE, order)

    async def claim(self, role: Role, timeout_s: float) -> str:
        self.told.append(("claim", role))
        return role

    def release(self, role: Role) -> None:
        self.told.append(("release", role))

    def distrust(self, role: Role, reason: str) -> None:
        self.told.append(("distrust", role))

    def expect_progress(self, role: Role, *, recording: bool) -> None:
        self.told.append(("expect", role, recording))

    def set_live_session(self, session: str | None) -> None:
        self.told.append(("live", session))

    def ordered(self, kind: type[Any]) -> list[Any]:
        return [order for order in self.orders if isinstance(order, kind)]

    async def start(self) -> Any:
        return await self.service.start(StartSession(), 1)


def play(scene: Callable[[Hands], Coroutine[Any, Any, None]], config: Config = CONFIG) -> None:
    async def run() -> None:
        hands = Hands(config)
        try:
            await scene(hands)
        finally:
            for event in hands.delay.values():
                event.set()
            await hands.service.close("the test ends")

    asyncio.run(run())


def test_a_session_passes_through_start_pause_resume_mark_and_stop() -> None:
    async def scene(hands: Hands) -> None:
        started = await hands.start()
        assert isinstance(started, SessionStarted)
        brief = hands.service.brief()
        assert brief is not None
        assert brief.id == started.session
        for change in (hands.service.pause(), hands.service.resume(), hands.service.mark("x")):
            assert isinstance(await change, SessionChanged)
        stopped = await hands.service.stop()
        assert isinstance(stopped, SessionStopped)
        assert hands.service.brief() is None
        assert ("release", Role.CAPTURE) in hands.told
        assert hands.told[-1] == ("live", None)

    play(scene)


def test_a_profile_decides_what_the_command_does_not_say() -> None:
    async def scene(hands: Hands) -> None:
        with pytest.raises(RequestRejected, match="quiet"):
            await hands.service.start(StartSession(profile="quite"), 1)
        assert not hands.orders
        assert isinstance(await hands.service.start(StartSession(profile="quiet"), 1), SessionStarted)
        assert not hands.ordered(StartAudio)
        assert [order.fps for order in hands.ordered(StartVideo)] == [7]

    play(scene, Config(profiles={"quiet": Profile(microphone="none", system_audio="none", fps=7)}))


def test_picture_sound_and_store_are_ordered_side_by_side() -> None:
    """Harm: a first frame that waits for a sound card or a disk."""

    async def scene(hands: Hands) -> None:
        hands.delay = {kind: asyncio.Event() for kind in (CreateSession, StartAudio, StartVideo)}
        starting = asyncio.ensure_future(hands.start())
        await eventually(lambda: all(hands.ordered(kind) for kind in hands.delay))
        assert not starting.done()
        for event in hands.delay.values():
            event.set()
        assert isinstance(await starting, SessionStarted)

    play(scene)


def test_both_lists_of_sources_are_asked_for_at_once() -> None:
    async def scene(hands: Hands) -> None:
        hands.delay = {ListWorkerSources: asyncio.Event()}
        starting = asyncio.ensure_future(hands.start())
        await eventually(lambda: len(hands.ordered(ListWorkerSources)) == 2)
        hands.delay[ListWorkerSources].set()
        await starting

    play(scene)


def test_a_full_disk_is_looked_at_before_anything_is_ordered() -> None:
    async def scene(hands: Hands) -> None:
        hands.free_bytes = 0
        reply = await hands.start()
        assert isinstance(reply, ErrorReply)
        assert reply.code == ErrorCode.DISK_FULL
        assert {type(order) for order in hands.orders} == {ListWorkerSources}

    play(scene)


def test_a_worker_that_times_out_is_distrusted() -> None:
    async def scene(hands: Hands) -> None:
        hands.fail = {StartAudio: TransportError("silent", code=ErrorCode.TIMEOUT)}
        started = await hands.start()
        assert isinstance(started, SessionStarted)
        assert started.state == SessionState.PARTIAL
        assert ("distrust", Role.AUDIO) in hands.told

    play(scene)


def test_a_lost_worker_is_claimed_again_and_told_the_next_epoch() -> None:
    async def scene(hands: Hands) -> None:
        await hands.start()
        hands.service.worker_lost(Role.CAPTURE, "killed")
        await eventually(lambda: len(hands.ordered(StartVideo)) == 2)
        assert [order.epoch for order in hands.ordered(StartVideo)] == [1, 2]
        hands.service.worker_lost(Role.STORE, "killed")
        hands.service.role_failed(Role.AUDIO, "killed")
        brief = hands.service.brief()
        assert brief is not None
        assert brief.state == SessionState.PARTIAL

    play(scene)


def test_a_store_given_up_ends_the_session() -> None:
    async def scene(hands: Hands) -> None:
        await hands.start()
        hands.service.role_failed(Role.STORE, "killed")
        assert hands.service.brief() is None
        states = [event.state for event in hands.events if isinstance(event, SessionStateChanged)]
        assert states[-1] == SessionState.ERROR

    play(scene)


def test_answers_of_the_wrong_kind_are_failures_and_not_surprises() -> None:
    async def scene(hands: Hands) -> None:
        real = hands._do

        async def odd(role: Role, order: AnyOrder) -> AnyReport:
            report = await real(role, order)
            return Done() if isinstance(order, StartAudio) else report

        hands._do = odd  # type: ignore[method-assign]
        started = await hands.start()
        assert isinstance(started, SessionStarted)
        assert started.state == SessionState.PARTIAL

    play(scene)


@pytest.mark.parametrize("busy_with", ["nothing", "starting", "active", "paused", "stopping"])
def test_the_end_of_the_daemon_finishes_the_session_whatever_it_is_doing(busy_with: str) -> None:
    async def scene(hands: Hands) -> None:
        waiting: Awaitable[Any] | None = None
        if busy_with == "starting":
            hands.delay = {StartVideo: asyncio.Event()}
            waiting = asyncio.ensure_future(hands.start())
            await eventually(lambda: hands.ordered(StartVideo))
        elif busy_with != "nothing":
            await hands.start()
        if busy_with == "paused":
            await hands.service.pause()
        if busy_with == "stopping":
            hands.delay = {StopTracks: asyncio.Event()}
            waiting = asyncio.ensure_future(hands.service.stop())
            await eventually(lambda: hands.ordered(StopTracks))
        closing = asyncio.ensure_future(hands.service.close("the daemon is stopping"))
        for event in hands.delay.values():
            event.set()
        await closing
        if waiting is not None:
            assert isinstance(await waiting, SessionStarted | SessionStopped)
        assert len(hands.ordered(FinishSession)) == (busy_with != "nothing")
        with pytest.raises(RequestRejected) as caught:
            await hands.start()
        assert caught.value.code == ErrorCode.WRONG_STATE

    play(scene)


def test_a_client_that_goes_away_does_not_stop_what_it_began() -> None:
    async def scene(hands: Hands) -> None:
        hands.delay = {StartVideo: asyncio.Event()}
        starting = asyncio.ensure_future(hands.start())
        await eventually(lambda: hands.ordered(StartVideo))
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        hands.delay[StartVideo].set()
        await eventually(lambda: (brief := hands.service.brief()) and brief.state == SessionState.ACTIVE)

    play(scene)


def test_a_jump_of_the_civil_clock_is_recorded_while_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "CLOCK_CHECK_S", 0.02)

    async def scene(hands: Hands) -> None:
        await hands.start()
        monkeypatch.setattr(service_module, "wall_ns", lambda: wall_ns() + 3600 * NS_PER_S)
        await eventually(lambda: hands.ordered(RecordClockJump))
        await hands.service.stop()
        assert len(hands.ordered(RecordClockJump)) == 1

    play(scene)


def test_a_session_that_cannot_be_read_is_an_error_and_over() -> None:
    async def scene(hands: Hands) -> None:
        async def unreadable(session: str) -> SessionInfo:
            raise InternalError(f"{session} is unreadable")

        hands.service._read_session = unreadable
        await hands.start()
        reply = await hands.service.stop()
        assert isinstance(reply, ErrorReply)
        assert hands.service.brief() is None

    play(scene)


def test_session_ids_sort_by_start_and_differ() -> None:
    ids = [new_session_id(WALL_2026_NS) for _ in range(100)]
    assert len(set(ids)) > 90
    assert all(re.fullmatch(r"20261122-174746-[a-z0-9]{4}", found) for found in ids)
    assert new_session_id(WALL_2026_NS + NS_PER_S) > max(ids)


def test_a_nameless_session_is_named_by_its_local_start() -> None:
    assert re.fullmatch(r"Session 2026-11-2\d \d\d:\d\d", default_name(WALL_2026_NS))
