"""The synchronous client: what scripts, the tray and `reelctl` use."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

from reeld_client import calls, job_calls
from reeld_client.access_client import AccessMethods
from reeld_client.calls import ArrangeOptions, SessionFilters, StartOptions
from reeld_client.core import Call, EventTracker, Requests
from reeld_client.enrich_client import EnrichMethods
from reeld_client.jobs import Jobs
from reeld_client.library_client import LibraryMethods
from reeld_client.settings_methods import SettingsMethods
from reeld_client.transport import Subscription, Transport
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
    Verified,
)
from reeld_proto.commands import Sources as SourcesReply
from reeld_proto.commands import Status as StatusReply
from reeld_proto.endpoints import chosen_connection, chosen_token, default_runtime_dir
from reeld_proto.errors import RequestRejected, TransportError
from reeld_proto.events import AnyEvent, ExportProgress
from reeld_proto.records import SessionInfo
from reeld_proto.reloading import ConfigReloaded
from reeld_proto.sound_graph import SampleFormat, SoundChange, SoundGraph
from reeld_proto.stats import Stats
from reeld_proto.units import NS_PER_S

if TYPE_CHECKING:
    from reeld_client.connection import Connection

R = TypeVar("R")

OnProgress = Callable[[float, float], None]
"""Called with (done, total) of the work, in whatever unit, from the thread that waits for the reply."""

_PROGRESS_EVERY_S = 0.1
_PROGRESS_TOPICS = ("export",)
_FOREVER_S = 3600.0


class EventStream(Iterator[Snapshot | AnyEvent]):
    """Events of a daemon, beginning with a `Snapshot` of the state they continue.

    Another `Snapshot` follows wherever events were missed, so that state built from the stream is never wrong.
    Iterating waits as long as it takes and raises TransportError when the daemon goes away. `seq` is the number of
    the last event applied. Shares its client's thread; close it, or use it in a `with`.
    """

    def __init__(self, client: "Client", subscription: Subscription, topics: tuple[str, ...]) -> None:
        self._client = client
        self._subscription = subscription
        self._tracker = EventTracker(sees_all=not topics)

    @property
    def seq(self) -> int | None:
        """Number of the last event applied; None before the first snapshot."""
        return self._tracker.seq

    def receive(self, timeout_s: float) -> Snapshot | AnyEvent | None:
        """The next item; None when none came within `timeout_s`. Raises TransportError when the daemon went away."""
        deadline = time.monotonic() + timeout_s
        while True:
            if self._tracker.needs_snapshot:
                snapshot = self._client.snapshot()
                self._tracker.start(snapshot)
                return snapshot
            event = self._tracker.release()
            if event is None:
                data = self._subscription.receive(max(0.0, deadline - time.monotonic()))
                if data is None:
                    return None
                event = self._tracker.receive(data)
            if event is not None:
                return event

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Snapshot | AnyEvent:
        while True:
            item = self.receive(_FOREVER_S)
            if item is not None:
                return item

    def close(self) -> None:
        """Stop listening. May be called twice."""
        self._subscription.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Client(LibraryMethods, AccessMethods, EnrichMethods, SettingsMethods):
    """One daemon, asked in turn. Opens nothing before the first question; use it from one thread, close it.

    runtime: the daemon's runtime directory, by default `REELD_RUNTIME_DIR` or the user's own.
    token: has less than all scopes; by default `REELD_TOKEN`, and without that the client is the owner.
    connection: a file that `reelctl token create --new-connection` made, to reach the daemon over TCP; by default
        `REELD_CONNECTION`, where no runtime is named.
    transport, clock: for tests; clock returns monotonic nanoseconds.

    Every method raises TransportError when no daemon answers (within 0.3 s when none runs) or an answer is overdue,
    RequestRejected when the daemon refuses, StoreCorrupt for damaged recordings, InternalError for faults of reeld.
    After a restart of the daemon the next question reaches the new one.
    """

    def __init__(
        self,
        runtime: str | os.PathLike[str] | None = None,
        *,
        token: str | None = None,
        connection: str | os.PathLike[str] | None = None,
        transport: Transport | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.runtime = default_runtime_dir() if runtime is None else Path(runtime).absolute()
        self._connection = chosen_connection() if connection is None and runtime is None else connection
        self._transport = transport
        self._clock = clock
        self._requests = Requests(os.urandom(4).hex(), chosen_token() if token is None else token)

    def ping(self) -> float:
        """Seconds that a round trip to the daemon takes."""
        begun_ns = self._clock()
        self.call(calls.ping())
        return (self._clock() - begun_ns) / NS_PER_S

    def status(self) -> StatusReply:
        """Daemon, workers and the current session."""
        return self.call(calls.status())

    def sources(self) -> SourcesReply:
        """What can be recorded now."""
        return self.call(calls.sources())

    def start(self, **options: Unpack[StartOptions]) -> SessionStarted:
        """Start recording; returns after the first frame (or first sound) was captured."""
        return self.call(calls.start(options))

    def pause(self) -> SessionChanged:
        """Pause the current session."""
        return self.call(calls.pause())

    def resume(self) -> SessionChanged:
        """Resume the paused session."""
        return self.call(calls.resume())

    def set_paused(self, paused: bool) -> SessionChanged:  # noqa: FBT001 - it is what the command says
        """Pause or resume, whichever is not so yet."""
        return self.call(calls.set_paused(paused))

    def mark(self, text: str) -> SessionChanged:
        """Put a note at this instant of the current session."""
        return self.call(calls.mark(text))

    def reload_config(self) -> ConfigReloaded:
        """Have the daemon read its config file again; what needs a restart is told."""
        return self.call(calls.reload_config())

    def set_private(self, private: bool) -> PrivacyChanged:  # noqa: FBT001 - it is what the command says
        """Private mode on or off: while it is on nothing is recorded, over the end of the session and the daemon."""
        return self.call(calls.set_private(private))

    def arrange(self, **options: Unpack[ArrangeOptions]) -> PictureArranged:
        """Change layout or sources of the picture that is being recorded."""
        return self.call(calls.arrange(options))

    def sound(self) -> SoundGraphReply:
        """The graph of sounds of the session with its counters and levels, or the one of the next session."""
        return self.call(calls.sound())

    def adjust_sound(self, changes: Sequence[SoundChange]) -> SoundAdjusted:
        """Change settings in the graph of sounds that is being recorded, without a click."""
        return self.call(calls.adjust_sound(changes))

    def edit_sound(self, graph: SoundGraph) -> SoundAdjusted:
        """Record the sound through another graph from now on, into the same tracks."""
        return self.call(calls.edit_sound(graph))

    def stop(self) -> SessionStopped:
        """End the current session; returns after the last commit."""
        return self.call(calls.stop())

    def sessions(self, **filters: Unpack[SessionFilters]) -> list[SessionInfo]:
        """The sessions in the store that pass the filters given (see `ListSessions`), newest or best match first."""
        return self.list_sessions(**filters).sessions

    def list_sessions(self, **filters: Unpack[SessionFilters]) -> SessionList:
        """As `sessions`, with warnings about sessions that cannot be read and are left out."""
        page = self.call(calls.sessions(filters))
        found = page.sessions
        warnings = page.warnings
        while page.more and page.sessions:
            page = self.call(calls.sessions(filters, found[-1].session))
            found += page.sessions
        return SessionList(sessions=found, warnings=warnings)

    def show(self, session: str) -> SessionInfo:
        """One session with its tracks, gaps and markers."""
        return self.call(calls.show(session))

    def export(
        self,
        session: str,
        path: str | os.PathLike[str],
        *,
        from_s: float | None = None,
        to_s: float | None = None,
        tracks: list[str] | None = None,
        samples: SampleFormat | None = None,
        remix: list[SoundChange] | None = None,
        on_progress: OnProgress | None = None,
    ) -> Exported:
        """Write a session, or a range of it in playback seconds, as an MP4 file; returns once it is synced.

        A path that ends in .wav, .flac, .opus, .ogg, .m4a or .aac gets one sound of it instead, exact to the frame.
        samples: how they lie in a WAV file; 24-bit whole numbers if not given. remix: render the mix again from the
        tracks of its sources, with these settings from beginning to end; an empty list repeats what was done then.
        """
        call = calls.export(session, path, from_s, to_s, tracks, samples, remix)
        return self._call_with_progress(call, on_progress)

    def verify(
        self,
        session: str | None = None,
        *,
        max_duration_s: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Verified:
        """Check every chunk of the store, or of one session. Faults found are in the result, not raised."""
        return self._call_with_progress(calls.verify(session, max_duration_s), on_progress)

    @property
    def jobs(self) -> Jobs:
        """Long work without waiting for it: `client.jobs.export(...)` gives a `Job`."""
        return Jobs(self, self._call_meanwhile)

    def stats(self) -> Stats:
        """One snapshot of all counters."""
        return self.call(calls.stats())

    def snapshot(self) -> Snapshot:
        """The state from which events continue."""
        return self.call(calls.snapshot())

    def events(self, *topics: str) -> EventStream:
        """Events of the topics `session`, `worker`, `stats`, `job`, `export`, `audio`, or of all; see `EventStream`.

        `levels`, ten a second while sound is recorded, come only to who names that topic. The daemon collects counters
        only while somebody subscribes to `stats`. With topics chosen a loss does not show, for the numbers of events
        rise over all topics.
        """
        return EventStream(self, self.subscribe(topics), topics)

    def call(self, call: Call[R]) -> R:
        """Ask one question of `reeld_client.calls` and wait for its answer."""
        return call.read(self._ask(call))

    def _call_meanwhile(self, call: Call[R], meanwhile: Callable[[], None]) -> R:
        """As `call`; `meanwhile` is called ten times a second until the answer comes."""
        return call.read(self._ask(call, meanwhile))

    def subscribe(self, topics: tuple[str, ...] = ()) -> Subscription:
        """Raw event envelopes, for streams of one's own."""
        return self._connected().subscribe(topics)

    def _call_with_progress(self, call: Call[R], on_progress: OnProgress | None) -> R:
        if job_calls.is_long(call):
            with self.jobs.begin(call) as job:
                return job.wait(on_progress=on_progress)
        if on_progress is None:
            return self.call(call)
        with closing(self.subscribe(_PROGRESS_TOPICS)) as subscription:
            return self._call_meanwhile(call, lambda: _report(subscription, call.progress_path, on_progress))

    def _connected(self) -> Transport:
        if self._transport is None:
            where = self._where()
            from reeld_client.zmq_transport import ZmqTransport  # noqa: PLC0415 - 40 ms

            self._transport = ZmqTransport(where)
        self._transport.connect()
        return self._transport

    def _where(self) -> "Path | Connection":
        if self._connection:
            from reeld_client.connection import read_connection  # noqa: PLC0415 - for TCP alone

            return read_connection(Path(self._connection))
        # A machine without a daemon is told so before ZeroMQ is loaded.
        from reeld_client.transport import path_of, probe  # noqa: PLC0415
        from reeld_proto.endpoints import Endpoints  # noqa: PLC0415

        probe(path_of(Endpoints(self.runtime).control))
        return self.runtime

    def _ask(self, call: Call[R], meanwhile: Callable[[], None] | None = None) -> AnyReply:
        transport = self._connected()
        key, data = self._requests.begin(call.command, self._clock(), call.timeout_s, call.name)
        try:
            transport.send(data)
            while (reply := self._requests.outcome(key)) is None:
                self._wait(transport, _PROGRESS_EVERY_S if meanwhile else _FOREVER_S)
                if meanwhile:
                    meanwhile()
        finally:
            self._requests.forget(key)
        return reply

    def _wait(self, transport: Transport, at_most_s: float) -> None:
        pings = self._requests.expire(self._clock())
        wake_ns = self._requests.wake_ns()
        if wake_ns is None:
            return
        try:
            for ping in pings:
                transport.send(ping)
            data = transport.receive(min(at_most_s, max(0.0, (wake_ns - self._clock()) / NS_PER_S)))
        except TransportError:
            self._requests.lost()
            return
        if data is not None:
            self._requests.receive(data, self._clock())

    def close(self) -> None:
        """Let go of the connection. May be called twice; a later question opens it again."""
        if self._transport is not None:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _report(subscription: Subscription, path: str | None, on_progress: OnProgress) -> None:
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
        if isinstance(event, ExportProgress) and event.path == path:
            on_progress(event.done_s, event.total_s)
