"""The bridge over real sockets, beside a daemon that only talks. Harms guarded against: a remote that slows another or
fills the memory, levels that are measured for nobody."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from reeld.config import ObsConfig
from reeld.obs import server as module
from reeld.obs.gate import Challenge
from reeld.obs.server import Bridge
from reeld.obs.wire import JSON, MSGPACK, CloseCode, Intent, Message, Op, decode, encode, event
from reeld_client import AsyncClient
from reeld_proto.errors import TransportError
from reeld_proto.events import LevelsMeasured, SessionStateChanged
from reeld_proto.records import SessionState
from tests.client.fake_reeld import LEVELS, SESSION, FakeReeld, Server, serving
from tests.support.premises import eventually

PASSWORD = "secret"
STARTED = SessionStateChanged(session=SESSION, name="", state=SessionState.ACTIVE, elapsed_s=0.0)
MEASURED = LevelsMeasured(session=SESSION, at_s=0.1, levels=[LEVELS])


class Place:
    """A bridge with its daemon."""

    def __init__(self, bridge: Bridge, daemon: Server, port: int) -> None:
        self.bridge, self.daemon, self.url = bridge, daemon, f"ws://127.0.0.1:{port}"

    async def remote(self, subscriptions: int = 0, subprotocol: str = "") -> ClientConnection:
        """A remote that has identified itself."""
        offered = [Subprotocol(subprotocol)] if subprotocol else None
        made = await connect(self.url, subprotocols=offered)
        spoken = subprotocol or JSON
        _, hello = decode(await made.recv(), spoken)
        answer = Challenge(**hello["authentication"]).answer(PASSWORD)
        said = {"rpcVersion": 1, "authentication": answer, "eventSubscriptions": subscriptions}
        await made.send(encode({"op": Op.IDENTIFY, "d": said}, spoken))
        op, _ = decode(await made.recv(), spoken)
        assert op == Op.IDENTIFIED
        return made


async def _all(remote: ClientConnection) -> AsyncIterator[str | bytes]:
    """What still comes until the connection breaks."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            yield await remote.recv()


async def heard(remote: ClientConnection, subprotocol: str = JSON) -> Message:
    async with asyncio.timeout(5):
        return decode(await remote.recv(), subprotocol)[1]


def place(runtime: Path, work: Callable[[Place], Coroutine[Any, Any, None]]) -> None:
    """Run `work` beside the bridge."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def main(daemon: Server) -> None:
        async with AsyncClient(runtime) as client:
            bridge = Bridge(client, ObsConfig(enabled=True, port=port, password=PASSWORD))
            serve = asyncio.create_task(bridge.run())
            try:
                await asyncio.wait_for(bridge.ready.wait(), 10)
                await asyncio.wait_for(work(Place(bridge, daemon, port)), 20)
            finally:
                serve.cancel()
                await asyncio.gather(serve, return_exceptions=True)

    with serving(FakeReeld(), runtime) as daemon:
        asyncio.run(main(daemon))


@pytest.mark.parametrize("subprotocol", ["", JSON, MSGPACK])
def test_requests_are_answered_in_the_subprotocol_of_the_remote(runtime: Path, subprotocol: str) -> None:
    async def work(there: Place) -> None:
        remote = await there.remote(subprotocol=subprotocol)
        asked = {"requestType": "GetRecordStatus", "requestId": "7"}
        await remote.send(encode({"op": Op.REQUEST, "d": asked}, subprotocol or JSON))
        said = await heard(remote, subprotocol or JSON)
        assert (said["requestId"], said["responseData"]["outputActive"]) == ("7", False)
        await remote.send(encode({"op": Op.BATCH, "d": {"requestId": "8", "requests": [asked]}}, subprotocol or JSON))
        assert len((await heard(remote, subprotocol or JSON))["results"]) == 1
        await remote.close()

    place(runtime, work)


def test_events_go_to_those_who_subscribed(runtime: Path) -> None:
    async def work(there: Place) -> None:
        listener, deaf = await there.remote(int(Intent.OUTPUTS)), await there.remote()
        there.daemon.publish(STARTED)
        assert (await heard(listener))["eventData"]["outputState"] == "OBS_WEBSOCKET_OUTPUT_STARTED"
        await deaf.send(encode({"op": Op.REQUEST, "d": {"requestType": "GetVersion", "requestId": "1"}}, JSON))
        assert (await heard(deaf))["requestId"] == "1"
        await listener.close()
        await deaf.close()

    place(runtime, work)


def test_levels_are_asked_for_while_a_remote_wants_them(runtime: Path) -> None:
    async def work(there: Place) -> None:
        ordinary = await there.remote(int(Intent.ALL))
        assert b"levels" not in there.daemon.topics
        meters = await there.remote(int(Intent.VOLUME_METERS))
        await eventually(lambda: b"levels" in there.daemon.topics)
        there.daemon.publish(MEASURED)
        assert (await heard(meters))["eventType"] == "InputVolumeMeters"
        await meters.close()
        await eventually(lambda: len(there.bridge._remotes) == 1)
        there.daemon.publish(MEASURED)
        await eventually(lambda: b"levels" not in there.daemon.topics)
        await ordinary.close()

    place(runtime, work)


def test_a_remote_that_does_not_read_is_let_go_and_the_others_hear_all(runtime: Path) -> None:
    large = event("Large", Intent.OUTPUTS, {"text": "x" * 100_000})
    rounds = 600

    async def work(there: Place) -> None:
        frozen, reader = await there.remote(int(Intent.OUTPUTS)), await there.remote(int(Intent.OUTPUTS))
        for _ in range(rounds):
            there.bridge._publish(large)
            await heard(reader)
        assert len(there.bridge._remotes) == 1
        read = [message async for message in _all(frozen)]
        assert len(read) < rounds
        await reader.close()

    place(runtime, work)


def test_who_does_not_identify_is_closed_and_others_find_a_place(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDENTIFY_S", 0.2)
    monkeypatch.setattr(module, "REMOTES_MAX", 1)

    async def work(there: Place) -> None:
        mute = await connect(there.url)
        with pytest.raises(InvalidStatus, match="503"):
            await connect(there.url)
        await mute.recv()
        with pytest.raises(ConnectionClosed) as closed:
            await mute.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.NOT_IDENTIFIED
        await eventually(lambda: not there.bridge._remotes)
        await (await there.remote()).close()

    place(runtime, work)


def test_junk_closes_only_its_own_connection(runtime: Path) -> None:
    async def work(there: Place) -> None:
        junk, well = await there.remote(), await there.remote(int(Intent.OUTPUTS))
        await junk.send("{")
        with pytest.raises(ConnectionClosed) as closed:
            await heard(junk)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.DECODE_ERROR
        there.daemon.publish(STARTED)
        assert (await heard(well))["eventType"] == "RecordStateChanged"
        await well.close()

    place(runtime, work)


def test_it_ends_when_the_daemon_has_gone(runtime: Path) -> None:
    """Else it would go on telling remotes what was."""

    async def main() -> None:
        async with AsyncClient(runtime) as client:
            with pytest.raises(ExceptionGroup) as ended:
                await Bridge(client, ObsConfig(enabled=True, port=45_455, password=PASSWORD)).run()
            assert ended.group_contains(TransportError)

    asyncio.run(main())
