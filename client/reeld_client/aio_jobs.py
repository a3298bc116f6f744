"""Long work for asyncio: `AsyncClient.jobs`, and the `AsyncJob` that it gives."""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar, Unpack

from reeld_client import calls, job_calls, library_calls
from reeld_client.core import Call
from reeld_client.job_calls import ENDED, ExportOptions
from reeld_client.library_calls import OnProgress, StrPath
from reeld_proto.codec import unpack
from reeld_proto.commands import AnyReply, Bundled, Exported, Imported, Synced, Verified
from reeld_proto.errors import ReeldError, RequestRejected, TransportError
from reeld_proto.events import AnyEvent, JobChanged
from reeld_proto.jobs import JobInfo

if TYPE_CHECKING:
    from reeld_client.aio import AsyncClient
    from reeld_client.aio_transport import AsyncSubscription

R = TypeVar("R")

_FOREVER_S = 3600.0


class AsyncJob(Generic[R]):
    """What `Job` says holds here too. In an `async with` it is cancelled when the task that waits is."""

    def __init__(self, client: "AsyncClient", info: JobInfo, call: Call[R]) -> None:
        self.info = info
        self._client = client
        self._call = call

    @property
    def id(self) -> str:
        """See `Job.id`."""
        return self.info.id

    async def refresh(self) -> JobInfo:
        """See `Job.refresh`."""
        if self.info.state not in ENDED:
            self.info = (await self._client.call(job_calls.show(self.id))).job
        return self.info

    async def wait(self, timeout_s: float | None = None, *, on_progress: OnProgress | None = None) -> R:
        """See `Job.wait`."""
        call = job_calls.wait(self.id, self._call, timeout_s)
        if on_progress is None:
            return await self._client.call(call)
        subscription = await self._client.subscribe(job_calls.TOPICS)
        reporter = asyncio.create_task(self._report(subscription, on_progress))
        try:
            return await self._client.call(call)
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)
            subscription.close()

    async def cancel(self) -> JobInfo:
        """See `Job.cancel`."""
        self.info = (await self._client.call(job_calls.cancel(self.id))).job
        return self.info

    async def _report(self, subscription: "AsyncSubscription", on_progress: OnProgress) -> None:
        while True:
            try:
                data = await subscription.receive(_FOREVER_S)
                event = None if data is None else unpack(data, AnyEvent).body
            except TransportError:
                return  # the question itself fails on the control connection, and says what was under way
            except RequestRejected:
                continue
            if isinstance(event, JobChanged) and event.job.id == self.id:
                self.info = event.job
                if event.job.progress is not None:
                    on_progress(event.job.progress, 1.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, ReeldError):
            with contextlib.suppress(ReeldError):
                await self.cancel()


class AsyncJobs:
    """Long work of one client, begun without waiting. `Jobs` says what its methods do."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client

    async def begin(self, call: Call[R], *, timeout_s: float | None = None) -> AsyncJob[R]:
        """See `Jobs.begin`."""
        return AsyncJob(self._client, (await self._client.call(job_calls.start(call, timeout_s))).job, call)

    async def export(self, session: str, path: StrPath, **options: Unpack[ExportOptions]) -> AsyncJob[Exported]:
        """See `Jobs.export`."""
        return await self.begin(calls.export(session, path, **options))

    async def verify(self, session: str | None = None, *, max_duration_s: float | None = None) -> AsyncJob[Verified]:
        """See `Jobs.verify`."""
        return await self.begin(calls.verify(session, max_duration_s))

    async def sync(self, target: str) -> AsyncJob[Synced]:
        """See `Jobs.sync`."""
        return await self.begin(library_calls.sync(target))

    async def bundle(self, session: str, path: StrPath) -> AsyncJob[Bundled]:
        """See `Jobs.bundle`."""
        return await self.begin(library_calls.bundle(session, path))

    async def import_media(
        self, paths: Sequence[StrPath], *, name: str = "", tags: Sequence[str] = ()
    ) -> AsyncJob[Imported]:
        """See `Jobs.import_media`."""
        return await self.begin(library_calls.import_media(paths, name, tags))

    async def list(self) -> list[JobInfo]:
        """See `Jobs.list`."""
        return await self._client.call(job_calls.listed())

    async def get(self, id: str) -> AsyncJob[AnyReply]:
        """See `Jobs.get`."""
        call = job_calls.show(id)
        return AsyncJob(self._client, (await self._client.call(call)).job, Call(call.command, _whatever, None))


def _whatever(reply: AnyReply) -> AnyReply:
    return reply
