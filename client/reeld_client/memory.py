"""A transport without a daemon: a function from a command to its answers. For tests of this and other applications."""

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from reeld_client.transport import no_daemon, went_away
from reeld_proto.units import NS_PER_S

Handler = Callable[[bytes], Iterable[bytes]]
"""Takes the envelope of a command, returns the envelopes that the daemon would answer with, perhaps none."""


class MemorySubscription:
    """Events published on a `MemoryTransport`; a `Subscription`."""

    def __init__(self, transport: "MemoryTransport", topics: tuple[str, ...]) -> None:
        self._transport = transport
        self._topics = topics
        self._waiting: deque[bytes] = deque()
        self._broken = False

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Subscription.receive`."""
        if self._waiting:
            return self._waiting.popleft()
        if self._broken:
            raise went_away()
        self._transport.pass_time(timeout_s)
        return None

    def put(self, topic: str, data: bytes) -> None:
        """Deliver an event if its topic was asked for."""
        if not self._topics or topic.startswith(self._topics):
            self._waiting.append(data)

    def break_off(self) -> None:
        """The daemon went away; what arrived before is still handed out."""
        self._broken = True

    def close(self) -> None:
        """See `Subscription.close`."""
        self._transport.unsubscribe(self)


class MemoryTransport:
    """A `Transport` whose time passes only while somebody waits; give its `clock` to the client too."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._now_ns = 0
        self._alive = True
        self._connected = False
        self._waiting: deque[bytes] = deque()
        self._subscriptions: list[MemorySubscription] = []

    def clock(self) -> int:
        """Nanoseconds that were waited so far."""
        return self._now_ns

    def pass_time(self, duration_s: float) -> None:
        """Wait, at once."""
        self._now_ns += round(max(0.0, duration_s) * NS_PER_S)

    def connect(self) -> None:
        """See `Transport.connect`."""
        if not self._alive:
            raise no_daemon(Path("memory"))
        if not self._connected:
            self._waiting.clear()
            self._connected = True

    def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        if not self._connected:
            raise went_away()
        if self._alive:
            self._waiting.extend(self._handler(data))

    def receive(self, timeout_s: float) -> bytes | None:
        """See `Transport.receive`."""
        if self._waiting:
            return self._waiting.popleft()
        if not (self._connected and self._alive):
            self._connected = False
            raise went_away()
        self.pass_time(timeout_s)
        return None

    def subscribe(self, topics: tuple[str, ...] = ()) -> MemorySubscription:
        """See `Transport.subscribe`."""
        if not self._alive:
            raise no_daemon(Path("memory"))
        subscription = MemorySubscription(self, topics)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: MemorySubscription) -> None:
        """Deliver no more to this one."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def publish(self, topic: str, data: bytes) -> None:
        """Deliver an event to whoever subscribed to its topic."""
        for subscription in self._subscriptions:
            subscription.put(topic, data)

    def die(self) -> None:
        """The daemon is gone: connections break, new ones are refused."""
        self._alive = False
        for subscription in self._subscriptions:
            subscription.break_off()
        self._subscriptions.clear()

    def revive(self) -> None:
        """Another daemon runs in its place; connections of the first stay broken."""
        self._connected = False
        self._alive = True

    def close(self) -> None:
        """See `Transport.close`."""
        self._connected = False
        self._subscriptions.clear()
