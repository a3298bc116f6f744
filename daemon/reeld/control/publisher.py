"""Events to everybody who subscribed. Belongs to the event loop's thread."""

from collections.abc import Callable

import zmq
import zmq.asyncio

from reeld.runtime.clock import monotonic_ns
from reeld_proto import codec
from reeld_proto.events import UNNUMBERED, Event, topic_of

EVENTS_HWM = 1000
"""Events kept for a subscriber that does not read; above that it misses the newest and sees a hole in `seq`."""

SUBSCRIPTION_BYTES_MAX = 1024


class Publisher:
    """Numbers events over all topics, but for those of which there are too many, and publishes them; never blocks.

    on_change: called when somebody subscribes or the last subscriber of a topic leaves.
    """

    def __init__(self, context: zmq.asyncio.Context, address: str, on_change: Callable[[], None] | None = None) -> None:
        self.seq = 0
        self._on_change = on_change
        self._subscriptions: set[bytes] = set()
        self._socket = context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.LINGER, 100)
        self._socket.setsockopt(zmq.SNDHWM, EVENTS_HWM)
        self._socket.setsockopt(zmq.MAXMSGSIZE, SUBSCRIPTION_BYTES_MAX)
        self._socket.bind(address)
        self._plain: zmq.Socket[bytes] = zmq.Socket.shadow(self._socket)

    def publish(self, event: Event) -> None:
        """Send `event` to whoever subscribed to its topic."""
        topic = topic_of(event)
        numbered = topic not in UNNUMBERED
        self.seq += numbered
        # Sent even when no subscriber is known yet: one may be, to ZeroMQ, whose message `serve` has not read.
        data = codec.pack(event, seq=self.seq if numbered else 0, sender="reeld", sent_ns=monotonic_ns())
        # Through the plain view of the socket: an XPUB drops for slow subscribers and never waits.
        self._plain.send_multipart([topic, data])

    def has_subscriber(self, topic: bytes) -> bool:
        """Whether anybody receives events of `topic`."""
        return any(topic.startswith(prefix) for prefix in self._subscriptions)

    def is_asked_for(self, topic: bytes) -> bool:
        """Whether anybody named `topic`; those who want everything did not."""
        return any(prefix and topic.startswith(prefix) for prefix in self._subscriptions)

    async def serve(self) -> None:
        """Follow subscriptions, for the life of the daemon."""
        while True:
            data = await self._socket.recv()
            if data[:1] == b"\x01":
                self._subscriptions.add(data[1:])
            elif data[:1] == b"\x00":
                self._subscriptions.discard(data[1:])
            if self._on_change is not None:
                self._on_change()

    def close(self) -> None:
        """Close the socket; `serve` must have been cancelled."""
        self._socket.close()
