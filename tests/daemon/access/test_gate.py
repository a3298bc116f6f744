"""The gate. Harm guarded against: a program of another user, or one whose token was revoked, that steers a recorder; a
key that others can read."""

import asyncio
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from reeld.access.gate import KEY_FILE, Gate
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.support.premises import eventually

KEYS = zmq.curve_keypair()


class Yard:
    """A gate that knows one key, and a socket behind it."""

    def __init__(self, context: zmq.asyncio.Context, folder: Path, address: str = "127.0.0.1:0") -> None:
        self.refused: list[str] = []
        self.outside: list[zmq.asyncio.Socket] = []
        self.monitor: Any = None
        self.gate = Gate(
            context, address, folder, knows=lambda key: key == KEYS[0].decode(), refused=self.refused.append
        )
        self.inside = context.socket(zmq.ROUTER)
        self.gate.open(self.inside, "control")


def live(folder: Path, play: Callable[[Yard, zmq.asyncio.Context], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        context = zmq.asyncio.Context()
        try:
            yard = Yard(context, folder)
        except RequestRejected:
            context.destroy(linger=0)
            raise
        serving = asyncio.ensure_future(yard.gate.serve())
        try:
            await asyncio.wait_for(play(yard, context), 20)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            yard.gate.close()
            for socket in (yard.inside, *yard.outside):
                socket.close()
            context.destroy(linger=0)

    asyncio.run(run())


def knocking(context: zmq.asyncio.Context, yard: Yard, keys: tuple[bytes, bytes] | None, events: int = 0) -> Any:
    """Somebody who comes. events: for a monitor, which must be there before he comes."""
    socket = context.socket(zmq.DEALER)
    if events:
        yard.monitor = socket.get_monitor_socket(events)
    socket.setsockopt(zmq.LINGER, 0)
    yard.outside.append(socket)
    if keys is not None:
        socket.setsockopt(zmq.CURVE_SERVERKEY, yard.gate._public)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, keys[0])
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys[1])
    socket.connect(yard.inside.getsockopt_string(zmq.LAST_ENDPOINT))
    return socket


def test_who_has_a_known_key_comes_in_and_bears_it(tmp_path: Path) -> None:
    async def play(yard: Yard, context: zmq.asyncio.Context) -> None:
        await knocking(context, yard, KEYS).send(b"hello")
        _, frame = await yard.inside.recv_multipart(copy=False)
        assert (frame.bytes, frame.get("User-Id")) == (b"hello", KEYS[0].decode())
        assert yard.refused == []

    live(tmp_path, play)


def test_a_stranger_is_refused_and_told_of(tmp_path: Path) -> None:
    async def play(yard: Yard, context: zmq.asyncio.Context) -> None:
        await knocking(context, yard, zmq.curve_keypair()).send(b"hello")
        await eventually(lambda: yard.refused)
        assert yard.refused[0] == "127.0.0.1"
        assert not await yard.inside.poll(50)

    live(tmp_path, play)


def test_who_does_not_encrypt_is_never_heard(tmp_path: Path) -> None:
    async def play(yard: Yard, context: zmq.asyncio.Context) -> None:
        failures = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        plain = knocking(context, yard, None, failures)
        await plain.send(b"hello")
        assert await yard.monitor.poll(10_000), "the greeting did not fail"
        assert not await yard.inside.poll(50)
        plain.disable_monitor()

    live(tmp_path, play)


@pytest.mark.parametrize(
    "frames",
    [
        [b"r", b"", b"1.0", b"1", b"reeld", b"::1", b"", b"NULL"],
        [b"r", b"", b"1.0", b"1", b"reeld", b"::1", b"", b"PLAIN", KEYS[0][:32]],
        [b"r", b"", b"1.0", b"1", b"reeld", b"::1", b"", b"CURVE"],
        [b"r", b"", b"1.0", b"1", b"reeld", b"::1", b"", b"CURVE", z85.decode(KEYS[0]), b"more"],
        [b"r", b"", b"1.0", b"1"],
    ],
)
def test_any_other_question_is_answered_with_no(tmp_path: Path, frames: list[bytes]) -> None:
    async def play(yard: Yard, _context: zmq.asyncio.Context) -> None:
        answer = yard.gate._answer(frames)
        assert answer[:4] == frames[:4]
        assert answer[4] == b"400"

    live(tmp_path, play)


def test_the_daemons_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    found = []

    async def play(yard: Yard, _context: zmq.asyncio.Context) -> None:
        yard.gate.open(yard.inside, "events")
        found.append(yard.gate.remote().server_key)

    live(tmp_path, play)
    live(tmp_path, play)
    assert found[0] == found[1]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"nonsense")
    with pytest.raises(RequestRejected, match=KEY_FILE):
        live(tmp_path, lambda _yard, _context: asyncio.sleep(0))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async def play(yard: Yard, context: zmq.asyncio.Context) -> None:
        port = yard.inside.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2]
        other = zmq.asyncio.Context()
        with pytest.raises(RequestRejected, match=f"cannot listen on 127.0.0.1:{port}") as caught:
            Yard(other, tmp_path, f"127.0.0.1:{port}")
        other.destroy(linger=0)
        assert caught.value.code is ErrorCode.WRONG_STATE

    live(tmp_path, play)
