"""The transport over ZeroMQ: a DEALER for commands, a SUB for events, on the daemon's Unix sockets."""

import time
from pathlib import Path
from typing import Any

import zmq

from reeld_client.connection import Connection
from reeld_client.transport import CONNECT_TIMEOUT_S, path_of, probe, probe_port, went_away
from reeld_client.zmq_link import WATCHED, LinkState, configure, discard, mute, refused, stuck, subscribe
from reeld_proto.endpoints import Endpoints


class _Link:
    """One connected socket with its monitor."""

    def __init__(
        self, context: "zmq.Context[zmq.Socket[bytes]]", kind: int, address: str, connection: Connection | None
    ) -> None:
        self._state = LinkState()
        self._socket = configure(context.socket(kind), connection)
        self._monitor: zmq.Socket[Any] = self._socket.get_monitor_socket(WATCHED)
        try:
            self._socket.connect(address)
            self._greet()
        except BaseException:
            self.close()
            raise
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)

    def _greet(self) -> None:
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not self._state.up:
            remaining_ms = max(0, round((deadline - time.monotonic()) * 1000))
            if not self._monitor.poll(remaining_ms):
                raise mute()
            self._look()
            if self._state.down:
                raise refused(self._state)

    def _look(self) -> None:
        while self._monitor.poll(0):
            self._state.feed(self._monitor.recv_multipart())

    def is_down(self) -> bool:
        self._look()
        return self._state.down

    def choose(self, topics: tuple[str, ...]) -> None:
        subscribe(self._socket, topics)

    def send(self, data: bytes) -> None:
        try:
            self._socket.send(data, zmq.DONTWAIT)
        except zmq.ZMQError as error:
            raise stuck(error) from error

    def receive(self, timeout_s: float) -> list[bytes] | None:
        # What arrived before the connection broke is still delivered, hence the socket before the monitor.
        ready = dict(self._poller.poll(round(max(0.0, timeout_s) * 1000)))
        if self._socket in ready or self._socket.poll(0):
            return self._socket.recv_multipart(zmq.DONTWAIT)
        if self.is_down():
            raise went_away()
        return None

    def close(self) -> None:
        discard(self._socket, self._monitor)


class ZmqSubscription:
    """Events of one daemon; a `Subscription`."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Subscription.receive`."""
        frames = self._link.receive(timeout_s)
        return None if frames is None else frames[-1]

    def close(self) -> None:
        """See `Subscription.close`."""
        self._link.close()


class ZmqTransport:
    """Connection to the daemon that owns the runtime directory `where`, or over TCP; a `Transport`.

    Opens nothing before `connect`. Raises RequestRejected when the directory's path is too long for a socket.
    """

    def __init__(self, where: Path | Connection) -> None:
        endpoints = where if isinstance(where, Connection) else Endpoints(where)
        self._control, self._events = endpoints.control, endpoints.events
        self._connection = where if isinstance(where, Connection) else None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._link: _Link | None = None
        self._subscriptions: list[ZmqSubscription] = []

    def connect(self) -> None:
        """See `Transport.connect`."""
        if self._link is not None:
            if not self._link.is_down():
                return
            self._link.close()
            self._link = None
        self._link = self._open(zmq.DEALER, self._control)

    def _open(self, kind: int, address: str) -> _Link:
        if self._connection is None:
            probe(path_of(address))
        else:
            probe_port(address)
        if self._context is None:
            self._context = zmq.Context()
        return _Link(self._context, kind, address, self._connection)

    def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        if self._link is None:
            raise went_away()
        self._link.send(data)

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Transport.receive`."""
        if self._link is None:
            raise went_away()
        frames = self._link.receive(timeout_s)
        return None if frames is None else frames[-1]

    def subscribe(self, topics: tuple[str, ...] = ()) -> ZmqSubscription:
        """See `Transport.subscribe`."""
        link = self._open(zmq.SUB, self._events)
        link.choose(topics)
        subscription = ZmqSubscription(link)
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
