"""Harm guarded against: a page that is not told that the daemon is gone or back, and pages that cost the daemon or this
process more than one of them does."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from reeld.review import feed as module
from reeld.review.feed import WAITING_MAX, Feed, Listener
from reeld_client import AsyncClient
from reeld_proto.commands import Snapshot, Status
from reeld_proto.errors import TransportError
from reeld_proto.events import MarkerAdded
from reeld_proto.records import DaemonInfo
from tests.support.premises import eventually

SNAPSHOT = Snapshot(
    event_seq=1,
    status=Status(daemon=DaemonInfo(pid=1, version="1", uptime_s=1.0), workers=[], session=None),
    stats=None,
)


class Daemon:
    """What the feed asks of a client: its streams end with an error while it is down."""

    def __init__(self) -> None:
        self.up = True
        self.streams = 0
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def say(self, event: Any) -> None:
        self._queue.put_nowait(event)

    async def snapshot(self) -> Snapshot:
        if not self.up:
            raise TransportError("nobody answers")
        return SNAPSHOT

    async def ping(self) -> float:
        await self.snapshot()
        return 0.0

    def events(self, *topics: str) -> "Daemon":
        assert topics == module.TOPICS
        return self

    async def __aenter__(self) -> "Daemon":
        self.streams += 1
        self._first = True
        return self

    async def __aexit__(self, *_about: object) -> None:
        self.streams -= 1

    async def __anext__(self) -> Any:
        if self._first:
            self._first = False
            return await self.snapshot()
        event = await self._queue.get()
        if isinstance(event, Exception):
            raise event
        return event


def run(test: Callable[[Daemon, Feed], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", (0.01,))

    async def main() -> None:
        daemon = Daemon()
        await test(daemon, Feed(cast("AsyncClient", daemon)))

    asyncio.run(asyncio.wait_for(main(), 10))


async def heard(listener: Listener, count: int) -> list[tuple[str, Any]]:
    """So many events, comments left out."""
    found: list[tuple[str, Any]] = []
    async for part in listener:
        lines = dict(line.split(": ", 1) for line in part.decode().strip().split("\n"))
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
        if len(found) == count:
            return found
    raise AssertionError


def test_many_pages_share_one_stream_which_ends_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(daemon: Daemon, feed: Feed) -> None:
        with feed.listener() as first:
            assert [name for name, _ in await heard(first, 1)] == ["hello"]
            with feed.listener() as second:
                assert [name for name, _ in await heard(second, 1)] == ["hello"]
                daemon.say(MarkerAdded(session="s", at_s=1.0, text="a\nb"))
                told = [await heard(each, 1) for each in (first, second)]
            assert (
                told[0]
                == told[1]
                == [("session", {"type": "session.marker", "session": "s", "at_s": 1.0, "text": "a\nb"})]
            )
            assert daemon.streams == 1
        await eventually(lambda: daemon.streams == 0, what="the end of the stream")

    run(test, monkeypatch)


def test_a_daemon_that_goes_and_comes_is_told_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(daemon: Daemon, feed: Feed) -> None:
        with feed.listener() as page:
            await heard(page, 1)
            daemon.up = False
            daemon.say(TransportError("it went"))
            assert await heard(page, 1) == [("daemon", {"state": "lost"})]
            with feed.listener() as other:
                assert await heard(other, 1) == [("daemon", {"state": "lost"})]
            daemon.up = True
            assert [name for name, _ in await heard(page, 2)] == ["daemon", "hello"]

    run(test, monkeypatch)


def test_a_daemon_that_is_silent_but_answers_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_S", 0.05)

    async def test(_daemon: Daemon, feed: Feed) -> None:
        with feed.listener() as page:
            assert [name for name, _ in await heard(page, 3)] == ["hello"] * 3

    run(test, monkeypatch)


def test_a_page_that_does_not_read_is_bounded_and_then_told_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(daemon: Daemon, feed: Feed) -> None:
        with feed.listener() as page:
            await heard(page, 1)
            for number in range(3 * WAITING_MAX):
                daemon.say(MarkerAdded(session="s", at_s=float(number), text="x"))
            await eventually(lambda: not daemon._queue.qsize(), what="all of them handed on")
            assert len(page._waiting) <= WAITING_MAX + 1
            names = [name for name, _ in await heard(page, len(page._waiting))]
            assert "hello" in names

    run(test, monkeypatch)


def test_a_page_to_which_nothing_happens_hears_that_it_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALIVE_S", 0.01)

    async def main() -> None:
        async for part in Listener():
            assert part.startswith(b":")
            return

    asyncio.run(main())
