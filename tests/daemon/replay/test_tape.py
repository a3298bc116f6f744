"""One session of the buffer. Harms guarded against: a part of the buffer that the audience or the log takes for a
session, and one that is never ended."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from structlog.testing import capture_logs

from reeld.config import Config, ReplayConfig
from reeld.replay.tape import Tape, complain
from reeld_proto.commands import ErrorReply, SessionStarted
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Quality
from reeld_proto.workers import CreateSession, FinishSession, StartAudio, StartVideo, StopTracks
from tests.daemon.replay.house import House

CONFIG = Config(replay=ReplayConfig(minutes=1, displays=["LEFT"], system_audio="none", fps=7, quality=Quality.LOW))


class Scene:
    def __init__(self, config: Config = CONFIG) -> None:
        self.house = House()
        self.live: list[str | None] = []
        self.tape = Tape(
            self.house, config, free_bytes=lambda: 10**12, on_live=lambda _tape, session: self.live.append(session)
        )


def play(part: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await part(Scene())

    asyncio.run(run())


def test_it_records_what_the_config_says_as_part_of_the_buffer() -> None:
    async def part(scene: Scene) -> None:
        with capture_logs() as logs:
            reply = await scene.tape.start(1)
            assert isinstance(reply, SessionStarted)
            assert complain(reply) == ""
        assert [entry["event"] for entry in logs] == ["replay.recording"]
        (creation,) = scene.house.ordered(CreateSession)
        assert creation.buffer
        (video,) = scene.house.ordered(StartVideo)
        assert ([track.label for track in video.tracks], video.fps, video.quality) == (["LEFT"], 7, Quality.LOW)
        (audio,) = scene.house.ordered(StartAudio)
        assert [track.track for track in audio.tracks] == ["mic"]
        await scene.tape.end()
        assert scene.house.ordered(FinishSession)
        assert scene.live == [creation.session, None]

    play(part)


def test_aside_it_ends_on_its_own_workers() -> None:
    async def part(scene: Scene) -> None:
        await scene.tape.start(1)
        first = scene.tape.step_aside()
        assert scene.tape.step_aside() is first
        assert not any(scene.house.serving.values())
        await first
        assert {name for name, order in scene.house.orders if isinstance(order, StopTracks)} == {"capture-1", "audio-2"}
        assert sorted(scene.house.gone) == ["audio-2", "capture-1"]

    play(part)


def test_a_start_that_fails_says_why_and_leaves_nothing_running() -> None:
    async def part(scene: Scene) -> None:
        scene.house.fail[StartVideo] = RequestRejected("the screen fell off", code=ErrorCode.DEVICE_FAILED)
        reply = await scene.tape.start(1)
        assert isinstance(reply, ErrorReply)
        assert complain(reply) == "the screen fell off"
        await scene.tape.end()
        assert not any(scene.house.serving.values())

    play(part)
