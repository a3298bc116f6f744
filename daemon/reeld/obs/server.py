"""Remotes over WebSocket on loopback. One event loop, one task each for reading and for writing to a remote."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from reeld.config import ObsConfig
from reeld.obs.conversation import Asked, AskedBatch, Conversation
from reeld.obs.desk import Desk
from reeld.obs.gate import refusal
from reeld.obs.requests import Requests
from reeld.obs.wire import JSON, SUBPROTOCOLS, CloseCode, Closing, Intent, Message, decode, encode
from reeld.runtime.logs import get_logger
from reeld_client import AsyncClient
from reeld_proto.commands import Snapshot
from reeld_proto.events import LevelsMeasured, SessionStateChanged

HOST = "127.0.0.1"
REMOTES_MAX = 16
MESSAGE_BYTES_MAX = 262_144
UNSENT_MAX = 256
"""Messages for a remote that does not read; one more, and it is let go."""
IDENTIFY_S = 10.0
WRONG_PASSWORD_S = 0.5
"""How long a wrong password waits for its refusal: some thirty a second can be tried, over all connections."""


class Remote:
    """One connection."""

    def __init__(self, socket: ServerConnection, conversation: Conversation) -> None:
        self.conversation = conversation
        self.subprotocol = socket.subprotocol or JSON
        self.unsent: asyncio.Queue[Message] = asyncio.Queue(UNSENT_MAX)
        self._socket = socket

    def offer(self, message: Message) -> None:
        """Send it as soon as the remote reads; a remote that never does is let go."""
        try:
            self.unsent.put_nowait(message)
        except asyncio.QueueFull:
            self._socket.transport.abort()


class Bridge:
    """All remotes of one daemon. ready: set once they may connect."""

    def __init__(self, client: AsyncClient, config: ObsConfig) -> None:
        self._client = client
        self._config = config
        self._desk = Desk(client, config, self._publish)
        self._requests = Requests(self._desk)
        self._remotes: set[Remote] = set()
        self._metering = asyncio.Event()
        self._following = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError if the port is taken, TransportError when the daemon has gone."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            # Before that a remote could ask for a state and miss the event that changes it.
            await self._following.wait()
            async with await self._listen():
                get_logger().info("obs.ready", port=self._config.port)
                self.ready.set()
                await self._follow_levels()

    async def _listen(self) -> Server:
        return await serve(
            self._serve,
            HOST,
            self._config.port,
            process_request=self._admit,
            select_subprotocol=_subprotocol,
            compression=None,
            server_header=None,
            max_size=MESSAGE_BYTES_MAX,
        )

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        headers = request.headers
        reason = refusal(headers.get_all("Host"), headers.get_all("Origin"), self._config.port)
        if reason:
            get_logger().warning("obs.refused", reason=reason)
            return socket.respond(HTTPStatus.FORBIDDEN, f"{reason}\n")
        if len(self._remotes) >= REMOTES_MAX:
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many remotes\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        remote = Remote(socket, Conversation(self._config.password))
        self._remotes.add(remote)
        writing = asyncio.create_task(self._write(remote, socket))
        try:
            remote.offer(remote.conversation.hello())
            async with asyncio.timeout(IDENTIFY_S):
                await self._hear(remote, await socket.recv())
            while True:
                await self._hear(remote, await socket.recv())
        except Closing as closing:
            if closing.code is CloseCode.AUTHENTICATION_FAILED:
                get_logger().warning("obs.wrong_password")
                await asyncio.sleep(WRONG_PASSWORD_S)
            await socket.close(closing.code, str(closing))
        except TimeoutError:
            await socket.close(CloseCode.NOT_IDENTIFIED, "identify yourself")
        except ConnectionClosed:
            pass
        finally:
            self._remotes.discard(remote)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _hear(self, remote: Remote, data: str | bytes) -> None:
        self._desk.heard += 1
        heard = remote.conversation.hear(*decode(data, remote.subprotocol))
        match heard:
            case Asked():
                remote.offer(await self._requests.answer(heard))
            case AskedBatch():
                remote.offer(await self._requests.answer_batch(heard))
            case _:
                remote.offer(heard)
                if remote.conversation.subscriptions & Intent.VOLUME_METERS:
                    self._metering.set()

    async def _write(self, remote: Remote, socket: ServerConnection) -> None:
        while True:
            message = await remote.unsent.get()
            await socket.send(encode(message, remote.subprotocol))
            self._desk.said += 1

    def _publish(self, message: Message) -> None:
        for remote in list(self._remotes):
            if remote.conversation.subscriptions & message["d"]["eventIntent"]:
                remote.offer(message)

    async def _follow(self) -> None:
        """Tell the remotes what the daemon tells."""
        async with self._client.events("session") as events:
            async for event in events:
                if isinstance(event, SessionStateChanged):
                    self._requests.recording.told(event)
                elif isinstance(event, Snapshot):
                    self._requests.recording.begin(event.status.session)
                    self._following.set()

    async def _follow_levels(self) -> None:
        """Levels are measured for whoever asks for them: while a remote does, and no longer."""
        while True:
            await self._metering.wait()
            async with self._client.events("levels") as events:
                async for event in events:
                    if not any(remote.conversation.subscriptions & Intent.VOLUME_METERS for remote in self._remotes):
                        break
                    if isinstance(event, LevelsMeasured):
                        await self._requests.sounds.measured(event)
            self._metering.clear()


def _subprotocol(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The first that is spoken here; a remote that names none speaks JSON."""
    return next((each for each in offered if each in SUBPROTOCOLS), None)
