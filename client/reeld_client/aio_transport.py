"""The transport over ZeroMQ for asyncio; the contract is `Transport`'s, awaited."""

import asyncio
from pathlib import Path
from typing import Any, Protocol

import zmq
import zmq.asyncio

from reeld_client.connection import Connection
from reeld_client.transport import CONNECT_TIMEOUT_S, path_of, probe, probe_port, went_away
from reeld_client.zmq_link import WATCHED, LinkState, configure, discard, mute, refused, stuck, subscribe
from reeld_proto.endpoints import Endpoints


class AsyncSubscription(Protocol):
    """`Subscription`, awaited."""

    async def receive(self, timeout_s: float) -> bytes | None:
        """See `Subscription.receive`."""
        ...

    def close(self) -> None:
        """See `Subscription.close`."""
        ...


class _Link:
    """One connected socket with its monitor."""

    def __init__(self, context: zmq.asyncio.Context, kind: int, connection: Connection | None) -> None:
        self._state = LinkState()
        self._socket = configure(context.socket(kind), connection)
        self._monitor: zmq.Socket[Any] = self._socket.get_monitor_socket(WATCHED)
        self._monitor_now: zmq.Socket[bytes] = zmq.Socket.shadow(self._monitor)
        self._poller = zmq.asyncio.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)

    async def connect(self, address: str) -> None:
        try:
            self._socket.connect(address)
            await self._greet()
        except BaseException:
            self.close()
            raise

    async def _greet(self) -> None:
        now = asyncio.get_running_loop().time
        deadline = now() + CONNECT_TIMEOUT_S
        while not self._is_up():
            remaining_s = deadline - now()
            if remaining_s <= 0:
                raise mute()
            await self._poller.poll(remaining_s * 1000)
            if self.is_down():
                raise refused(self._state)

    def _is_up(self) -> bool:
        return self._state.up

    def is_down(self) -> bool:
        while self._monitor_now.poll(0):
            self._state.feed(self._monitor_now.recv_multipart())
        return self._state.down

    def choose(self, topics: tuple[str, ...]) -> None:
        subscribe(self._socket, topics)

    async def send(self, data: bytes) -> None:
        try:
            await self._socket.send(data, zmq.DONTWAIT)
        except zmq.ZMQError as error:
            raise stuck(error) from error

    async def receive(self, timeout_s: float) -> bytes | None:
        # What arrived before the connection broke is still delivered, hence the socket before the monitor.
        ready: dict[Any, int] = dict(await self._poller.poll(max(0.0, timeout_s) * 1000))
        if self._socket in ready or self._has_mail():
            frames = await self._socket.recv_multipart(zmq.DONTWAIT)
            return frames[-1]
        if self.is_down():
            raise went_away()
        return None

    def _has_mail(self) -> bool:
        return bool(int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    def close(self) -> None:
        discard(self._socket, self._monitor)


class AsyncZmqSubscription:
    """Events of one daemon; an `AsyncSubscription`."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    async def receive(self, timeout_s: float) -> bytes | None:
        """See `Subscription.receive`."""
        return await self._link.receive(timeout_s)

    def close(self) -> None:
        """See `Subscription.close`."""
        self._link.close()


class AsyncZmqTransport:
    """Connection to the daemon that owns the runtime directory `where`, or over TCP. Belongs to one event loop.

    Opens nothing before `connect`. Raises RequestRejected when the directory's path is too long for a socket.
    """

    def __init__(self, where: Path | Connection) -> None:
        endpoints = where if isinstance(where, Connection) else Endpoints(where)
        self._control, self._events = endpoints.control, endpoints.events
        self._connection = where if isinstance(where, Connection) else None
        self._context: zmq.asyncio.Context | None = None
        self._link: _Link | None = None
        self._subscriptions: list[AsyncZmqSubscription] = []

    async def connect(self) -> None:
        """See `Transport.connect`."""
        if self._link is not None:
            if not self._link.is_down():
                return
            self._link.close()
            self._link = None
        self._link = await self._open(zmq.DEALER, self._control)

    async def _open(self, kind: int, address: str) -> _Link:
        if self._connection is None:
            probe(path_of(address))
        else:
            probe_port(address)
        if self._context is None:
            self._context = zmq.asyncio.Context()
        link = _Link(self._context, kind, self._connection)
        await link.connect(address)
        return link

    async def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        if self._link is None:
            raise went_away()
        await self._link.send(data)

    async def receive(self, timeout_s: float) -> bytes | None:
        """See `Transport.receive`."""
        if self._link is None:
            raise went_away()
        return await self._link.receive(timeout_s)

    async def subscribe(self, topics: tuple[str, ...] = ()) -> AsyncZmqSubscription:
        """See `Transport.subscribe`."""
        link = await self._open(zmq.SUB, self._events)
        link.choose(topics)
        subscription = AsyncZmqSubscription(link)
        self._subscriptions.append(subscription)
        return subscription

    def close(self) -> None:
        """See `Transport.close`."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._context is not None:
            self._context.term()
            self._context = None
