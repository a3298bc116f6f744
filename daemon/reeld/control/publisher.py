"""Events to everybody who subscribed. Belongs to the event loop's thread."""

import asyncio
from collections.abc import Callable

import zmq
import zmq.asyncio

from reeld.access.gate import Gate
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.sockets import bind_private
from reeld_proto import codec
from reeld_proto.errors import RequestRejected
from reeld_proto.events import TOPICS, UNNUMBERED, Event, topic_of

EVENTS_HWM = 1000
"""Events kept for a subscriber that does not read; above that it misses the newest and sees a hole in `seq`."""

SUBSCRIPTION_BYTES_MAX = 1024
"""Longer than any topic and than any message of a handshake, for which it holds as well. ZeroMQ keeps what is
subscribed to as long as its connection lasts."""
_REOPEN_S = 0.01


class Publisher:
    """Numbers events over all topics, but for those of which there are too many, and publishes them; never blocks.

    on_change: called when somebody subscribes or the last subscriber of a topic leaves. gate: lets subscribers in over
    TCP; None: there is none.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        address: str,
        on_change: Callable[[], None] | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.seq = 0
        self._on_change = on_change
        self._context = context
        self._gate = gate
        self._local = _Outlet(context)
        bind_private(self._local.socket, address)
        self._remote = None if gate is None else self._open(gate)
        self._cut = asyncio.Event()

    def publish(self, event: Event) -> None:
        """Send `event` to whoever subscribed to its topic."""
        topic = topic_of(event)
        numbered = topic not in UNNUMBERED
        self.seq += numbered
        # Sent even when no subscriber is known yet: one may be, to ZeroMQ, whose message `serve` has not read.
        data = codec.pack(event, seq=self.seq if numbered else 0, sender="reeld", sent_ns=monotonic_ns())
        for outlet in self._outlets():
            outlet.plain.send_multipart([topic, data])

    def has_subscriber(self, topic: bytes) -> bool:
        """Whether anybody receives events of `topic`."""
        return any(topic.startswith(prefix) for outlet in self._outlets() for prefix in outlet.subscriptions)

    def is_asked_for(self, topic: bytes) -> bool:
        """Whether anybody named `topic`; those who want everything did not."""
        return any(prefix and topic.startswith(prefix) for outlet in self._outlets() for prefix in outlet.subscriptions)

    async def serve(self) -> None:
        """Follow subscriptions, for the life of the daemon."""
        loops = [self._follow(self._local)] + ([self._follow_remote(self._gate)] if self._gate is not None else [])
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, outlet: "_Outlet") -> None:
        while True:
            if outlet.heard(await outlet.socket.recv()) and self._on_change is not None:
                self._on_change()

    async def _follow_remote(self, gate: Gate) -> None:
        while True:
            if self._remote is None:
                await self._open_again(gate)
                continue
            self._cut.clear()
            following = asyncio.ensure_future(self._follow(self._remote))
            cut = asyncio.ensure_future(self._cut.wait())
            try:
                await asyncio.wait([following, cut], return_when=asyncio.FIRST_COMPLETED)
            finally:
                following.cancel()
                cut.cancel()
                await asyncio.gather(following, cut, return_exceptions=True)

    async def _open_again(self, gate: Gate) -> None:
        try:
            self._remote = self._open(gate)
        except RequestRejected:
            # The port is free when ZeroMQ's own thread has closed what was there, which it does not tell.
            await asyncio.sleep(_REOPEN_S)

    def cut_remote(self) -> None:
        """End every subscription over TCP; who has a valid key comes back at once."""
        if self._remote is not None:
            self._remote.socket.close(linger=0)
            self._remote = None
            self._cut.set()

    def _open(self, gate: Gate) -> "_Outlet":
        outlet = _Outlet(self._context)
        try:
            gate.open(outlet.socket, "events")
        except BaseException:
            outlet.socket.close()
            raise
        return outlet

    def _outlets(self) -> "tuple[_Outlet, ...]":
        return (self._local,) if self._remote is None else (self._local, self._remote)

    def close(self) -> None:
        """Close the sockets; `serve` must have been cancelled."""
        for outlet in self._outlets():
            outlet.socket.close()


class _Outlet:
    """One XPUB and what its subscribers asked for.

    plain: the view of it through which is sent; an XPUB drops for slow subscribers and never waits.
    """

    def __init__(self, context: zmq.asyncio.Context) -> None:
        self.subscriptions: set[bytes] = set()
        self.socket = context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.LINGER, 100)
        self.socket.setsockopt(zmq.SNDHWM, EVENTS_HWM)
        self.socket.setsockopt(zmq.MAXMSGSIZE, SUBSCRIPTION_BYTES_MAX)
        self.plain: zmq.Socket[bytes] = zmq.Socket.shadow(self.socket)

    def heard(self, data: bytes) -> bool:
        """A subscription began, or the last one of a topic ended; whether it was to anything that there is."""
        prefix = data[1:]
        if not any(topic.startswith(prefix) for topic in TOPICS):
            return False
        if data[:1] == b"\x01":
            self.subscriptions.add(prefix)
        elif data[:1] == b"\x00":
            self.subscriptions.discard(prefix)
        return True
