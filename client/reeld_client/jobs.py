"""Long work that is begun now and asked for later: `client.jobs`, and the `Job` that it gives."""

import contextlib
from collections.abc import Callable, Sequence
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar, Unpack

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
    from reeld_client.client import Client
    from reeld_client.transport import Subscription

R = TypeVar("R")


class CallMeanwhile(Protocol):
    """Asks a question; the function is called ten times a second until the answer comes."""

    def __call__(self, call: Call[R], meanwhile: Callable[[], None]) -> R:
        """The answer. Raises what the client raises."""


class Job(Generic[R]):
    """A job of the daemon, which goes on when its client leaves. Shares its client's thread.

    In a `with` it is cancelled when the block is left by an exception, Ctrl-C included. info: what was last heard.
    """

    def __init__(self, client: "Client", call_meanwhile: CallMeanwhile, info: JobInfo, call: Call[R]) -> None:
        self.info = info
        self._call_meanwhile = call_meanwhile
        self._client = client
        self._call = call

    @property
    def id(self) -> str:
        """Its name, by which other processes find it."""
        return self.info.id

    @property
    def progress(self) -> float | None:
        """0 to 1 as of now; None while nobody can tell."""
        return self.refresh().progress

    def refresh(self) -> JobInfo:
        """How it does now."""
        if self.info.state not in ENDED:
            self.info = self._client.call(job_calls.show(self.id)).job
        return self.info

    def wait(self, timeout_s: float | None = None, *, on_progress: OnProgress | None = None) -> R:
        """Its result. Raises the error that ended it, RequestRejected(CANCELLED) if it was cancelled.

        After `timeout_s` TransportError(TIMEOUT), and the job goes on. on_progress: called with (done, total), total 1.
        """
        call = job_calls.wait(self.id, self._call, timeout_s)
        if on_progress is None:
            return self._client.call(call)
        with closing(self._client.subscribe(job_calls.TOPICS)) as subscription:
            return self._call_meanwhile(call, lambda: self._report(subscription, on_progress))

    def cancel(self) -> JobInfo:
        """End it, and return when nothing of it is left; one that ended stays as it is."""
        self.info = self._client.call(job_calls.cancel(self.id)).job
        return self.info

    def _report(self, subscription: "Subscription", on_progress: OnProgress) -> None:
        while True:
            try:
                data = subscription.receive(0)
                if data is None:
                    return
                event = unpack(data, AnyEvent).body
            except TransportError:
                return  # the question itself fails on the control connection, and says what was under way
            except RequestRejected:
                continue
            if isinstance(event, JobChanged) and event.job.id == self.id:
                self.info = event.job
                if event.job.progress is not None:
                    on_progress(event.job.progress, 1.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # What the daemon itself answered has ended the job, or left it alone on purpose (`wait` with a time limit).
        if kind is not None and not issubclass(kind, ReeldError):
            with contextlib.suppress(ReeldError):
                self.cancel()


class Jobs:
    """Long work of one client, begun without waiting. Errors are those of the client."""

    def __init__(self, client: "Client", call_meanwhile: CallMeanwhile) -> None:
        self._client = client
        self._call_meanwhile = call_meanwhile

    def begin(self, call: Call[R], *, timeout_s: float | None = None) -> Job[R]:
        """Begin one of the questions of `reeld_client.calls` that take long. After `timeout_s` it is cancelled."""
        begun = self._client.call(job_calls.start(call, timeout_s))
        return Job(self._client, self._call_meanwhile, begun.job, call)

    def export(self, session: str, path: StrPath, **options: Unpack[ExportOptions]) -> Job[Exported]:
        """Begin to write a session as a file; see `Client.export`."""
        return self.begin(calls.export(session, path, **options))

    def verify(self, session: str | None = None, *, max_duration_s: float | None = None) -> Job[Verified]:
        """Begin to check chunks; see `Client.verify`."""
        return self.begin(calls.verify(session, max_duration_s))

    def sync(self, target: str) -> Job[Synced]:
        """Begin to copy the store; see `Client.sync`."""
        return self.begin(library_calls.sync(target))

    def bundle(self, session: str, path: StrPath) -> Job[Bundled]:
        """Begin to write a bundle; see `Client.bundle`."""
        return self.begin(library_calls.bundle(session, path))

    def import_media(self, paths: Sequence[StrPath], *, name: str = "", tags: Sequence[str] = ()) -> Job[Imported]:
        """Begin to take files in; see `Client.import_media`."""
        return self.begin(library_calls.import_media(paths, name, tags))

    def list(self) -> list[JobInfo]:
        """Jobs under way and those that ended within the last hour, whoever began them; the newest last."""
        return self._client.call(job_calls.listed())

    def get(self, id: str) -> Job[AnyReply]:
        """A job that somebody else began. Raises RequestRejected(NOT_FOUND)."""
        call = job_calls.show(id)
        found = self._client.call(call)
        return Job(self._client, self._call_meanwhile, found.job, Call(call.command, _whatever, None))


def _whatever(reply: AnyReply) -> AnyReply:
    return reply
