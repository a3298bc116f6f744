"""One subscription of the daemon's events, handed on to every page that is open.

DESIGN: ten pages cost the daemon as much as one. A page that does not read loses what it did not read and is told the
whole state again, so no page can make this process grow.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from reeld_client import AsyncClient
from reeld_proto.commands import Snapshot
from reeld_proto.errors import ReeldError
from reeld_proto.events import topic_of

TOPICS = ("session", "worker", "stats", "job", "export", "incident")
WAITING_MAX = 200
"""Events that wait for a page: some seconds of a busy daemon."""
ALIVE_S = 10.0
"""A page that hears nothing for so long hears that it still hears."""
SILENT_S = 3.0
"""Counters come twice a second; after this long without any the daemon is asked whether it is there."""
ANSWER_S = 1.5
RETRY_S = (0.25, 0.5, 1.0, 2.0)


def packed(event: str, detail: Any) -> bytes:
    """An event on the wire. JSON has no line end, so one line of data holds it."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), msgspec.json.encode(detail))


_LOST = packed("daemon", {"state": "lost"})


class Listener:
    """One page."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._some = asyncio.Event()
        self.lagged = False

    def put(self, part: bytes) -> None:
        """Something for this page. What waits for one that is too far behind is dropped, and it is told all again."""
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.clear()
            self.lagged = True
        self._waiting.append(part)
        self._some.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            self._some.clear()
            try:
                await asyncio.wait_for(self._some.wait(), ALIVE_S)
            except TimeoutError:
                yield b": still here\n\n"


class Feed:
    """The subscription. It is there while a page is; belongs to the event loop."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._listeners: set[Listener] = set()
        self._running: asyncio.Task[None] | None = None
        self._lost = False
        self._greeting: set[asyncio.Task[None]] = set()  # an event loop keeps no task alive by itself

    @contextlib.contextmanager
    def listener(self) -> Iterator[Listener]:
        """A page that listens, until the end of the block."""
        mine = Listener()
        self._listeners.add(mine)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        else:
            greeting = asyncio.create_task(self._greet(mine))
            self._greeting.add(greeting)
            greeting.add_done_callback(self._greeting.discard)
        try:
            yield mine
        finally:
            self._listeners.discard(mine)
            if not self._listeners:
                self._running.cancel()
                self._running = None

    async def _greet(self, listener: Listener) -> None:
        if self._lost:
            listener.put(_LOST)
            return
        with contextlib.suppress(ReeldError):
            listener.put(packed("hello", await self._client.snapshot()))

    async def _run(self) -> None:
        """Follow the daemon, and again once it is back."""
        tries, self._lost = 0, False
        while True:
            try:
                async with self._client.events(*TOPICS) as stream:
                    while True:
                        event = await asyncio.wait_for(anext(stream), SILENT_S)
                        if self._lost:
                            self._tell(packed("daemon", {"state": "back"}))
                        tries, self._lost = 0, False
                        await self._hand_on(event)
            except (ReeldError, TimeoutError):
                # The socket of a killed daemon is silent as that of a busy one; the busy one answers the next question.
                if not self._lost and not await self._answers():
                    self._lost = True
                    self._tell(_LOST)
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1

    async def _answers(self) -> bool:
        try:
            await asyncio.wait_for(self._client.ping(), ANSWER_S)
        except (ReeldError, TimeoutError):
            return False
        return True

    async def _hand_on(self, event: Any) -> None:
        if isinstance(event, Snapshot):
            self._tell(packed("hello", event))
            return
        self._tell(packed(topic_of(event).decode(), event))
        for listener in [each for each in self._listeners if each.lagged]:
            listener.lagged = False
            await self._greet(listener)

    def _tell(self, part: bytes) -> None:
        for listener in self._listeners:
            listener.put(part)
