"""Which command does what. Harm guarded against: a command in the protocol that nobody carries out. What each one
does is tested through the whole daemon in `tests/daemon/test_daemon.py`."""

# ruff: noqa: ARG002 - the fakes ignore what they do not need

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from reeld.config import Config
from reeld.control.handlers import Handlers
from reeld.control.job_desk import JobDesk
from reeld.control.parts import Parts
from reeld.sessions.signals import Service
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionBrief, SessionState
from reeld_proto.workers import AnyReport, Done
from tests.daemon.sessions.conversation import NO_AUDIO, PICTURES, SOUNDS


class Sessions:
    """Sources as the workers would list them, and a session that may be paused."""

    def __init__(self, **found: c.Sources | c.ErrorReply) -> None:
        self.found = found
        self.state: SessionState | None = None
        self.asked: list[str] = []

    def brief(self) -> SessionBrief | None:
        return None if self.state is None else SessionBrief(id="s", name="", state=self.state, elapsed_s=2.5)

    async def pause(self) -> c.Reply:
        self.asked.append("pause")
        return c.SessionChanged(session="s", state=SessionState.PAUSED, elapsed_s=3.0)

    async def resume(self) -> c.Reply:
        self.asked.append("resume")
        return c.SessionChanged(session="s", state=SessionState.ACTIVE, elapsed_s=3.0)

    async def sources_of(self, service: Service, timeout_s: float) -> c.Sources | c.ErrorReply:
        return self.found[service]


class Jobs:
    async def run(self, order: Any) -> AnyReport:
        return Done()


class Replays:
    async def until_filled(self, session: str) -> None:
        pass


class Shelf:
    async def show(self, session: str) -> None:
        pass


def handlers(**found: c.Sources | c.ErrorReply) -> Handlers:
    return Handlers(
        Parts(
            config=Config(),
            door=cast("Any", None),
            ask_store=cast("Any", None),
            collector=cast("Any", None),
            upkeep=cast("Any", None),
            sessions=cast("Any", Sessions(**found)),
            replay=cast("Any", Replays()),
            privacy=cast("Any", SimpleNamespace(hidden="", private=False)),
            jobs=cast("Any", Jobs()),
            desk=JobDesk(lambda _event: None, lambda _caller, _command, _reply: None),
            incidents=cast("Any", None),
            review=cast("Any", None),
            enrich=cast("Any", None),
            unasked=cast("Any", None),
            meanings=cast("Any", None),
            library=cast("Any", Shelf()),
            stats=cast("Any", None),
            sound=cast("Any", None),
            workers=list,
            event_seq=lambda: 7,
            store_dir=Path("/store"),
        )
    )


def carry_out(desk: Handlers, command: c.Command) -> c.Reply:
    async def work() -> c.Reply:
        result = desk.handle(command, 1)
        return result if isinstance(result, c.Reply) else await result

    return asyncio.run(work())


def test_every_command_of_the_protocol_is_carried_out() -> None:
    assert set(handlers()._table) == set(get_args(c.AnyCommand))


def test_an_unknown_command_is_refused() -> None:
    class Dance(c.Command, tag="dance", frozen=True, kw_only=True):
        pass

    with pytest.raises(RequestRejected) as caught:
        handlers().handle(Dance(), 1)
    assert caught.value.code == ErrorCode.UNKNOWN_COMMAND


def test_ping_is_answered_from_memory() -> None:
    assert handlers().handle(c.Ping(), 1) == c.Pong()


def test_sources_of_both_workers_come_together() -> None:
    reply = carry_out(handlers(video=PICTURES, audio=SOUNDS), c.ListSources())
    assert isinstance(reply, c.Sources)
    assert (len(reply.displays), len(reply.microphones), len(reply.system_audio)) == (2, 1, 1)
    assert reply.warnings == []


def test_what_one_worker_cannot_list_is_a_warning_beside_what_the_other_can() -> None:
    listed = c.Sources(displays=PICTURES.displays, warnings=["no cameras"])
    reply = carry_out(handlers(video=listed, audio=NO_AUDIO), c.ListSources())
    assert isinstance(reply, c.Sources)
    assert len(reply.displays) == 2
    assert reply.warnings == ["no cameras", "no sound server Start PulseAudio."]


def test_an_export_worker_that_answers_nonsense_is_our_fault() -> None:
    for command in (c.VerifyStore(), c.ExportSession(session="s", path="/x.mp4")):
        reply = carry_out(handlers(), command)
        assert isinstance(reply, c.ErrorReply)
        assert reply.code == ErrorCode.INTERNAL


@pytest.mark.parametrize(
    ("state", "paused", "asked"),
    [
        (SessionState.ACTIVE, True, ["pause"]),
        (SessionState.ACTIVE, False, []),
        (SessionState.PAUSED, True, []),
        (SessionState.PAUSED, False, ["resume"]),
        (SessionState.PAUSING, True, ["pause"]),
        (None, True, ["pause"]),
        (None, False, ["resume"]),
    ],
)
def test_set_paused_does_only_what_is_not_so_yet(state: SessionState | None, paused: bool, asked: list[str]) -> None:
    """A remote control whose picture of the state is old must not turn it round. What cannot be is refused as ever."""
    desk = handlers()
    sessions = cast("Any", desk._parts.sessions)
    sessions.state = state
    reply = carry_out(desk, c.SetPaused(paused=paused))
    assert isinstance(reply, c.SessionChanged)
    assert reply.state is (SessionState.PAUSED if paused else SessionState.ACTIVE)
    assert sessions.asked == asked
