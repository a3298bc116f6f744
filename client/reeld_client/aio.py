"""The asyncio client: the same questions and the same core as `Client`, awaited."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar, Unpack

from reeld_client import calls, job_calls
from reeld_client.access_client import AsyncAccessMethods
from reeld_client.aio_jobs import AsyncJobs
from reeld_client.aio_library import AsyncLibraryMethods
from reeld_client.aio_transport import AsyncSubscription, AsyncZmqTransport
from reeld_client.calls import ArrangeOptions, SessionFilters, StartOptions
from reeld_client.connection import read_connection
from reeld_client.core import Call, EventTracker, Requests
from reeld_client.enrich_client import AsyncEnrichMethods
from reeld_client.settings_methods import AsyncSettingsMethods
from reeld_proto.codec import unpack
from reeld_proto.commands import (
    AnyReply,
    Exported,
    PictureArranged,
    PrivacyChanged,
    SessionChanged,
    SessionList,
    SessionStarted,
    SessionStopped,
    Snapshot,
    SoundAdjusted,
    SoundGraphReply,
    Sources,
    Status,
    Verified,
)
from reeld_proto.endpoints import chosen_connection, chosen_token, default_runtime_dir
from reeld_proto.errors import ReeldError, RequestRejected, TransportError
from reeld_proto.events import AnyEvent, ExportProgress
from reeld_proto.records import SessionInfo
from reeld_proto.reloading import ConfigReloaded
from reeld_proto.sound_graph import SampleFormat, SoundChange, SoundGraph
from reeld_proto.stats import Stats
from reeld_proto.units import NS_PER_S

R = TypeVar("R")

_PROGRESS_TOPICS = ("export",)
_FOREVER_S = 3600.0
_LOOK_EVERY_S = 0.2
"""A question with an earlier deadline may join while the pump waits for an answer to another."""


class AsyncTransport(Protocol):
    """`Transport`, awaited."""

    async def connect(self) -> None:
        """See `Transport.connect`."""
        ...

    async def send(self, data: bytes) -> None:
        """See `Transport.send`."""
        ...

    async def receive(self, timeout_s: float) -> bytes | None:
        """See `Transport.receive`."""
        ...

    async def subscribe(self, topics: tuple[str, ...] = ()) -> AsyncSubscription:
        """See `Transport.subscribe`."""
        ...

    def close(self) -> None:
        """See `Transport.close`."""
        ...


class AsyncEventStream:
    """Events of a daemon for `async for`; what `EventStream` says holds here too. Use it in an `async with`."""

    def __init__(self, client: "AsyncClient", topics: tuple[str, ...]) -> None:
        self._client = client
        self._topics = topics
        self._subscription: AsyncSubscription | None = None
        self._tracker = EventTracker(sees_all=not topics)

    @property
    def seq(self) -> int | None:
        """Number of the last event applied; None before the first snapshot."""
        return self._tracker.seq

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Snapshot | AnyEvent:
        if self._subscription is None:
            self._subscription = await self._client.subscribe(self._topics)
        while True:
            if self._tracker.needs_snapshot:
                snapshot = await self._client.snapshot()
                self._tracker.start(snapshot)
                return snapshot
            event = self._tracker.release()
            if event is None:
                data = await self._subscription.receive(_FOREVER_S)
                event = None if data is None else self._tracker.receive(data)
            if event is not None:
                return event

    def close(self) -> None:
        """Stop listening. May be called twice."""
        if self._subscription is not None:
            self._subscription.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(AsyncLibraryMethods, AsyncAccessMethods, AsyncEnrichMethods, AsyncSettingsMethods):
    """One daemon, asked from one event loop; questions may overlap. `Client` says what its methods return and raise."""

    def __init__(
        self,
        runtime: str | os.PathLike[str] | None = None,
        *,
        token: str | None = None,
        connection: str | os.PathLike[str] | None = None,
        transport: AsyncTransport | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.runtime = default_runtime_dir() if runtime is None else Path(runtime).absolute()
        path = chosen_connection() if connection is None and runtime is None else connection
        where = read_connection(Path(path)) if path else self.runtime
        self._transport = transport if transport is not None else AsyncZmqTransport(where)
        self._clock = clock
        self._requests = Requests(os.urandom(4).hex(), chosen_token() if token is None else token)
        self._answers: dict[str, asyncio.Future[AnyReply]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def ping(self) -> float:
        """See `Client.ping`."""
        begun_ns = self._clock()
        await self.call(calls.ping())
        return (self._clock() - begun_ns) / NS_PER_S

    async def status(self) -> Status:
        """See `Client.status`."""
        return await self.call(calls.status())

    async def sources(self) -> Sources:
        """See `Client.sources`."""
        return await self.call(calls.sources())

    async def start(self, **options: Unpack[StartOptions]) -> SessionStarted:
        """See `Client.start`."""
        return await self.call(calls.start(options))

    async def pause(self) -> SessionChanged:
        """See `Client.pause`."""
        return await self.call(calls.pause())

    async def resume(self) -> SessionChanged:
        """See `Client.resume`."""
        return await self.call(calls.resume())

    async def set_paused(self, paused: bool) -> SessionChanged:  # noqa: FBT001 - it is what the command says
        """See `Client.set_paused`."""
        return await self.call(calls.set_paused(paused))

    async def mark(self, text: str) -> SessionChanged:
        """See `Client.mark`."""
        return await self.call(calls.mark(text))

    async def reload_config(self) -> ConfigReloaded:
        """Have the daemon read its config file again; what needs a restart is told."""
        return await self.call(calls.reload_config())

    async def set_private(self, private: bool) -> PrivacyChanged:  # noqa: FBT001 - it is what the command says
        """Private mode on or off: while it is on nothing is recorded, over the end of the session and the daemon."""
        return await self.call(calls.set_private(private))

    async def arrange(self, **options: Unpack[ArrangeOptions]) -> PictureArranged:
        """Change layout or sources of the picture that is being recorded."""
        return await self.call(calls.arrange(options))

    async def sound(self) -> SoundGraphReply:
        """The graph of sounds of the session with its counters and levels, or the one of the next session."""
        return await self.call(calls.sound())

    async def adjust_sound(self, changes: Sequence[SoundChange]) -> SoundAdjusted:
        """Change settings in the graph of sounds that is being recorded, without a click."""
        return await self.call(calls.adjust_sound(changes))

    async def edit_sound(self, graph: SoundGraph) -> SoundAdjusted:
        """Record the sound through another graph from now on, into the same tracks."""
        return await self.call(calls.edit_sound(graph))

    async def stop(self) -> SessionStopped:
        """See `Client.stop`."""
        return await self.call(calls.stop())

    async def sessions(self, **filters: Unpack[SessionFilters]) -> list[SessionInfo]:
        """See `Client.sessions`."""
        return (await self.list_sessions(**filters)).sessions

    async def list_sessions(self, **filters: Unpack[SessionFilters]) -> SessionList:
        """See `Client.list_sessions`."""
        page = await self.call(calls.sessions(filters))
        found = page.sessions
        warnings = page.warnings
        while page.more and page.sessions:
            page = await self.call(calls.sessions(filters, found[-1].session))
            found += page.sessions
        return SessionList(sessions=found, warnings=warnings)

    async def show(self, session: str) -> SessionInfo:
        """See `Client.show`."""
        return await self.call(calls.show(session))

    async def export(
        self,
        session: str,
        path: str | os.PathLike[str],
        *,
        from_s: float | None = None,
        to_s: float | None = None,
        tracks: list[str] | None = None,
        samples: SampleFormat | None = None,
        remix: list[SoundChange] | None = None,
        on_progress: Callable[[float, float], None] | None = None,
    ) -> Exported:
        """See `Client.export`."""
        call = calls.export(session, path, from_s, to_s, tracks, samples, remix)
        return await self._call_with_progress(call, on_progress)

    async def verify(
        self,
        session: str | None = None,
        *,
        max_duration_s: float | None = None,
        on_progress: Callable[[float, float], None] | None = None,
    ) -> Verified:
        """See `Client.verify`."""
        return await self._call_with_progress(calls.verify(session, max_duration_s), on_progress)

    @property
    def jobs(self) -> AsyncJobs:
        """See `Client.jobs`."""
        return AsyncJobs(self)

    async def stats(self) -> Stats:
        """See `Client.stats`."""
        return await self.call(calls.stats())

    async def snapshot(self) -> Snapshot:
        """See `Client.snapshot`."""
        return await self.call(calls.snapshot())

    def events(self, *topics: str) -> AsyncEventStream:
        """See `Client.events`."""
        return AsyncEventStream(self, topics)

    async def subscribe(self, topics: tuple[str, ...] = ()) -> AsyncSubscription:
        """Raw event envelopes, for streams of one's own."""
        return await self._transport.subscribe(topics)

    async def call(self, call: Call[R]) -> R:
        """Ask one question of `reeld_client.calls` and await its answer."""
        async with self._connecting:
            if self._pump is None or self._pump.done():
                await self._transport.connect()
            key, data = self._requests.begin(call.command, self._clock(), call.timeout_s, call.name)
            self._answers[key] = answer = asyncio.get_running_loop().create_future()
        try:
            await self._transport.send(data)
            if self._pump is None or self._pump.done():
                self._pump = asyncio.create_task(self._run())
            return call.read(await answer)
        finally:
            self._requests.forget(key)
            self._answers.pop(key, None)

    async def _call_with_progress(self, call: Call[R], on_progress: Callable[[float, float], None] | None) -> R:
        if job_calls.is_long(call):
            async with await self.jobs.begin(call) as job:
                return await job.wait(on_progress=on_progress)
        if on_progress is None:
            return await self.call(call)
        subscription = await self._transport.subscribe(_PROGRESS_TOPICS)
        reporter = asyncio.create_task(_report(subscription, call.progress_path, on_progress))
        try:
            return await self.call(call)
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)
            subscription.close()

    async def _run(self) -> None:
        """Wait for answers as long as somebody waits for one."""
        while self._answers:
            pings = self._requests.expire(self._clock())
            self._hand_out()
            try:
                for ping in pings:
                    await self._transport.send(ping)
                data = await self._transport.receive(self._patience_s())
            except TransportError:
                self._requests.lost()
            else:
                if data is not None:
                    self._requests.receive(data, self._clock())
            self._hand_out()

    def _patience_s(self) -> float:
        wake_ns = self._requests.wake_ns()
        if wake_ns is None:
            return 0.0
        return min(_LOOK_EVERY_S, max(0.0, (wake_ns - self._clock()) / NS_PER_S))

    def _hand_out(self) -> None:
        for key in self._requests.settled():
            answer = self._answers.pop(key)
            try:
                reply = self._requests.outcome(key)
            except ReeldError as error:
                if not answer.done():
                    answer.set_exception(error)
            else:
                if reply is not None and not answer.done():
                    answer.set_result(reply)

    async def aclose(self) -> None:
        """Let go of the connection; what is under way is cancelled. May be called twice."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._pump = None
        for answer in self._answers.values():
            answer.cancel()
        self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()


async def _report(
    subscription: AsyncSubscription, path: str | None, on_progress: Callable[[float, float], None]
) -> None:
    while True:
        try:
            data = await subscription.receive(_FOREVER_S)
            event = None if data is None else unpack(data, AnyEvent).body
        except TransportError:
            return  # the question itself fails on the control connection, and says what was under way
        except RequestRejected:
            continue
        if isinstance(event, ExportProgress) and event.path == path:
            on_progress(event.done_s, event.total_s)
