"""The command socket. Harm guarded against: bytes that hurt the daemon or another client, and a command that is never
answered."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import zmq
import zmq.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.access.buckets import Buckets
from reeld.access.door import Door
from reeld.control.server import COMMANDS_PER_CLIENT_MAX, ControlServer
from reeld.supervisor import Premises
from reeld_proto import codec
from reeld_proto.access import Scope
from reeld_proto.commands import (
    AddMarker,
    AnyReply,
    Command,
    ErrorReply,
    GetStatus,
    PauseSession,
    Ping,
    Pong,
    Reply,
    ResumeSession,
    SessionChanged,
    StopSession,
)
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from tests.support.premises import eventually, premises

pytestmark = pytest.mark.usefixtures("no_leaks")
CHANGED = SessionChanged(session="s", state=SessionState.PAUSED, elapsed_s=1.0)


class Stage:
    """A server whose commands behave as their type says: see `handle`."""

    def __init__(self, context: zmq.asyncio.Context, place: Premises) -> None:
        self.context, self.address = context, place.endpoints.control
        self.door = Door(place.store_dir)
        self.released = asyncio.Event()
        self.handled: list[Command] = []
        self.server = ControlServer(context, self.address, self.handle, self.door)
        self.sockets: list[zmq.asyncio.Socket] = []

    def handle(self, command: Command, arrived_ns: int) -> Reply | Coroutine[Any, Any, Reply]:
        assert arrived_ns > 0
        self.handled.append(command)
        match command:
            case Ping():
                return Pong()
            case PauseSession():
                return self.held()
            case StopSession():
                raise RequestRejected("no session", code=ErrorCode.WRONG_STATE, remedy="Start one.", faults=("a",))
            case ResumeSession():
                return self.refused()
            case AddMarker():
                return self.broken()
            case _:
                raise ZeroDivisionError

    async def held(self) -> Reply:
        await self.released.wait()
        return CHANGED

    async def refused(self) -> Reply:
        raise RequestRejected("no session", code=ErrorCode.WRONG_STATE)

    async def broken(self) -> Reply:
        raise ZeroDivisionError

    def client(self, name: bytes = b"") -> zmq.asyncio.Socket:
        socket = self.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        if name:
            socket.setsockopt(zmq.IDENTITY, name)
        self.sockets.append(socket)
        socket.connect(self.address)
        return socket


def on_stage(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def live() -> None:
        with premises() as place, zmq.asyncio.Context() as context:
            stage = Stage(context, place)
            serving = asyncio.ensure_future(stage.server.serve())
            try:
                await play(stage)
            finally:
                stage.released.set()
                await stage.server.drain(5)
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                for socket in stage.sockets:
                    socket.close()
                stage.server.close()
                stage.door.close()

    asyncio.run(live())


async def reply_of(socket: zmq.asyncio.Socket) -> tuple[str, Any]:
    (data,) = await asyncio.wait_for(socket.recv_multipart(), 5)
    envelope = codec.unpack(data, AnyReply)
    return envelope.id, envelope.body


async def ask(socket: zmq.asyncio.Socket, command: Command, id: str = "q") -> Any:
    await socket.send(codec.pack(command, id=id))
    answered, body = await reply_of(socket)
    assert answered == id
    return body


def test_a_command_is_answered_with_its_id() -> None:
    async def play(stage: Stage) -> None:
        assert await ask(stage.client(), Ping(), "42") == Pong()

    on_stage(play)


def test_a_slow_command_delays_nobody_not_even_its_own_client() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        await client.send(codec.pack(PauseSession(), id="slow"))
        assert await ask(client, Ping()) == Pong()
        assert await ask(stage.client(), Ping()) == Pong()
        stage.released.set()
        assert await reply_of(client) == ("slow", CHANGED)

    on_stage(play)


def test_refusals_carry_code_remedy_and_faults() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        reply = await ask(client, StopSession())
        assert reply == ErrorReply(code="wrong-state", message="no session", remedy="Start one.", faults=["a"])
        assert (await ask(client, ResumeSession())).code == ErrorCode.WRONG_STATE

    on_stage(play)


@pytest.mark.parametrize("command", [GetStatus(), AddMarker(text="x")])
def test_a_fault_of_ours_is_told_without_its_traceback_and_the_daemon_lives(command: Command) -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        reply = await ask(client, command)
        assert reply.code == ErrorCode.INTERNAL
        assert "Traceback" not in reply.message
        assert await ask(client, Ping()) == Pong()

    on_stage(play)


def unknown(**body: Any) -> bytes:
    import msgpack  # noqa: PLC0415, TID251 - what a foreign client sends is not ours to type

    return bytes(msgpack.packb({"v": 1, "seq": 1, "id": "q", "body": body}))


@pytest.mark.parametrize(
    ("data", "code", "request_id"),
    [
        (b"", ErrorCode.INVALID_REQUEST, ""),
        (b"hello", ErrorCode.INVALID_REQUEST, ""),
        (b"\xc1" * 100, ErrorCode.INVALID_REQUEST, ""),
        (b"\xdd\xff\xff\xff\xff", ErrorCode.INVALID_REQUEST, ""),
        (b"\x91" * 100_000, ErrorCode.INVALID_REQUEST, ""),
        (b"x" * (codec.COMMAND_BYTES_MAX + 1), ErrorCode.TOO_LARGE, ""),
        (b"x" * (16 * 1024 * 1024), ErrorCode.TOO_LARGE, ""),
        (unknown(type="session.explode"), ErrorCode.UNKNOWN_COMMAND, "q"),
        (unknown(type="session.mark", text=7), ErrorCode.INVALID_REQUEST, "q"),
        (unknown(), ErrorCode.INVALID_REQUEST, "q"),
    ],
    ids=["empty", "text", "reserved", "bomb", "deep", "large", "huge", "unknown", "mistyped", "untyped"],
)
def test_what_is_not_a_command_gets_an_error_and_changes_nothing(data: bytes, code: ErrorCode, request_id: str) -> None:
    async def play(stage: Stage) -> None:
        client, other = stage.client(), stage.client()
        await client.send(data)
        answered, reply = await reply_of(client)
        assert (answered, reply.code) == (request_id, code)
        assert stage.handled == []
        assert await ask(other, Ping()) == Pong()
        assert await ask(client, Ping()) == Pong()

    on_stage(play)


def test_messages_of_the_wrong_number_of_frames_get_an_error() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        for frames in ([b"", codec.pack(Ping(), id="a")], [b"x"] * 500):
            await client.send_multipart(frames)
            _, reply = await reply_of(client)
            assert reply.code == ErrorCode.INVALID_REQUEST
        assert await ask(client, Ping()) == Pong()

    on_stage(play)


def test_another_protocol_version_is_told_which_one_is_spoken() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        await client.send(codec.encode(codec.Envelope(v=99, seq=1, body=Ping(), id="new")))
        answered, reply = await reply_of(client)
        assert (answered, reply.code) == ("new", ErrorCode.UNSUPPORTED_VERSION)

    on_stage(play)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.binary(max_size=200), min_size=1, max_size=3), max_size=20))
def test_any_bytes_are_answered_and_the_next_command_works(messages: list[list[bytes]]) -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        for frames in messages:
            await client.send_multipart(frames)
            _, reply = await reply_of(client)
            assert isinstance(reply, ErrorReply)
        assert await ask(client, Ping()) == Pong()

    on_stage(play)


def test_one_client_cannot_use_up_the_daemon() -> None:
    async def play(stage: Stage) -> None:
        greedy, modest = stage.client(), stage.client()
        for number in range(COMMANDS_PER_CLIENT_MAX + 1):
            await greedy.send(codec.pack(PauseSession(), id=str(number)))
        answered, reply = await reply_of(greedy)
        assert (answered, reply.code) == (str(COMMANDS_PER_CLIENT_MAX), ErrorCode.DENIED)
        assert await ask(modest, Ping()) == Pong()
        stage.released.set()
        replies = [await reply_of(greedy) for _ in range(COMMANDS_PER_CLIENT_MAX)]
        assert all(reply == CHANGED for _, reply in replies)
        assert await ask(greedy, Ping()) == Pong()

    on_stage(play)


def test_a_client_that_left_before_its_answer_hurts_nobody() -> None:
    async def play(stage: Stage) -> None:
        gone = stage.client()
        await gone.send(codec.pack(PauseSession(), id="x"))
        await eventually(lambda: stage.handled)
        gone.close()
        stage.released.set()
        await stage.server.drain(5)
        assert await ask(stage.client(), Ping()) == Pong()

    on_stage(play)


def test_a_client_that_comes_back_under_its_name_is_served() -> None:
    async def play(stage: Stage) -> None:
        assert await ask(stage.client(b"tray"), Ping()) == Pong()
        assert await ask(stage.client(b"tray"), Ping()) == Pong()

    on_stage(play)


def test_a_flood_is_answered_completely_and_in_order() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        for number in range(900):
            await client.send(codec.pack(Ping(), id=str(number)))
        heard = [(await reply_of(client))[0] for _ in range(900)]
        assert heard == [str(number) for number in range(900)]

    on_stage(play)


def test_commands_that_do_not_end_in_time_are_cancelled_at_the_end() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        await client.send(codec.pack(PauseSession(), id="x"))
        await eventually(lambda: stage.handled)
        await stage.server.drain(0.01)
        assert await ask(client, Ping()) == Pong()

    on_stage(play)


async def ask_as(socket: zmq.asyncio.Socket, command: Command, token: str, id: str = "q") -> Any:
    await socket.send(codec.pack(command, id=id, token=token))
    return (await reply_of(socket))[1]


def test_a_token_in_the_envelope_limits_what_is_done_and_leaves_a_line_that_names_the_process() -> None:
    async def play(stage: Stage) -> None:
        token = stage.door.tokens.create("tray", [Scope.OBSERVE])
        client = stage.client()
        assert await ask_as(client, Ping(), token) == Pong()
        reply = await ask_as(client, StopSession(), token)
        assert (reply.code, "`control`" in reply.message) == (ErrorCode.DENIED, True)
        assert (await ask_as(client, Ping(), token + "x")).code == ErrorCode.DENIED
        assert stage.handled == [Ping()]
        first, second = await stage.door.audit.newest(9)
        assert (first.who, first.what, first.result) == ("token:tray", "session.stop", "denied")
        assert (first.pid, first.uid) == (os.getpid(), os.getuid())
        assert second.what == "ping"

    on_stage(play)


def test_what_the_owner_changes_is_written_down_when_it_is_done() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        await client.send(codec.pack(PauseSession(), id="p"))
        await eventually(lambda: stage.handled)
        assert await stage.door.audit.newest(9) == []
        stage.released.set()
        assert await reply_of(client) == ("p", CHANGED)
        assert (await ask(client, ResumeSession())).code == ErrorCode.WRONG_STATE
        assert (await ask(client, AddMarker(text="x"))).code == ErrorCode.INTERNAL
        assert [(line.who, line.what, line.result) for line in await stage.door.audit.newest(9)] == [
            ("owner", "session.pause", "done"),
            ("owner", "session.resume", "wrong-state"),
            ("owner", "session.mark", "internal"),
        ]

    on_stage(play)


def test_a_command_that_comes_again_is_not_done_again_and_gets_the_same_answer() -> None:
    async def play(stage: Stage) -> None:
        client, other = stage.client(), stage.client()
        for _ in range(3):
            await client.send(codec.pack(PauseSession(), id="p"))
        await client.send(codec.pack(Ping(), id="last"))
        assert (await reply_of(client))[0] == "last"
        stage.released.set()
        assert [await reply_of(client) for _ in range(3)] == [("p", CHANGED)] * 3
        assert await ask(client, PauseSession(), "p") == CHANGED
        assert stage.handled.count(PauseSession()) == 1
        assert len(await stage.door.audit.newest(9)) == 1
        assert await ask(client, PauseSession(), "another") == CHANGED
        assert await ask(other, PauseSession(), "p") == CHANGED
        assert await ask(client, PauseSession(), "") == CHANGED
        assert await ask(client, PauseSession(), "") == CHANGED
        assert stage.handled.count(PauseSession()) == 5
        refusals = [await ask(client, StopSession(), "s") for _ in range(2)]
        assert refusals[0] == refusals[1]
        assert stage.handled.count(StopSession()) == 1

    on_stage(play)


def test_a_client_that_lost_its_connection_repeats_its_command_under_its_name() -> None:
    async def play(stage: Stage) -> None:
        first = stage.client(b"phone")
        await first.send(codec.pack(PauseSession(), id="p"))
        await eventually(lambda: stage.handled)
        first.close()
        stage.released.set()
        assert await ask(stage.client(b"phone"), PauseSession(), "p") == CHANGED
        assert stage.handled == [PauseSession()]

    on_stage(play)


def test_a_repetition_is_of_no_use_to_a_token_that_may_not() -> None:
    async def play(stage: Stage) -> None:
        client = stage.client()
        stage.released.set()
        assert await ask(client, PauseSession(), "p") == CHANGED
        token = stage.door.tokens.create("tray", [Scope.OBSERVE])
        assert (await ask_as(client, PauseSession(), token, "p")).code == ErrorCode.DENIED

    on_stage(play)


FLOOD = """
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
data = bytes.fromhex(sys.argv[2])
while True:
    try:
        socket.send(data, zmq.NOBLOCK)
        while socket.poll(0):
            socket.recv()
    except zmq.Again:
        socket.poll(1)
"""
"""Sends as fast as a process can and reads every answer."""


def test_a_client_that_floods_is_refused_and_does_not_slow_another_one() -> None:
    async def play(stage: Stage) -> None:
        stage.server._buckets = Buckets(rate=1, burst=50)
        greedy, modest = stage.client(), stage.client()
        for number in range(100):
            await greedy.send(codec.pack(Ping(), id=str(number)))
        replies = [(await reply_of(greedy))[1] for _ in range(100)]
        assert replies[:50] == [Pong()] * 50
        assert ErrorCode.RATE_LIMITED in {getattr(reply, "code", "") for reply in replies}
        words = [sys.executable, "-c", FLOOD, stage.address, codec.pack(Ping(), id="f").hex()]
        flooding = await asyncio.create_subprocess_exec(*words)
        try:
            await eventually(lambda: len(stage.handled) > 95, what="a flood")
            took_s = []
            for _ in range(20):
                begun = asyncio.get_running_loop().time()
                assert await ask(modest, Ping()) == Pong()
                took_s.append(asyncio.get_running_loop().time() - begun)
        finally:
            flooding.kill()
            await flooding.wait()
        # A few ms on an idle machine; without turns it never ended.
        assert sorted(took_s)[10] < 0.5

    on_stage(play)
