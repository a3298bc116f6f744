"""Performs what the session core decides, and gives clients' asks their answers. Belongs to the event loop's thread."""

import asyncio
import itertools
import secrets
import string
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from reeld.config import Config
from reeld.profiles import resolve
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld.sessions import signals
from reeld.sessions.core import SessionCore
from reeld.sessions.journal import error_reply
from reeld.sessions.pictures import wants_video
from reeld.sessions.signals import Service
from reeld.sessions.sounds import wants_audio
from reeld.sessions.states import RUNNING, SETTLED
from reeld.sessions.validation import Surroundings
from reeld.supervisor.signals import Role
from reeld_proto.commands import ArrangePictures, ErrorReply, Reply, SessionStarted, Sources, StartSession
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, error_for
from reeld_proto.events import Event
from reeld_proto.records import SessionBrief, SessionInfo, SessionState
from reeld_proto.sound_graph import DeviceNode, SoundChange, SoundGraph
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyOrder, AnyReport, ListWorkerSources, StopTracks, TracksStarted

SURVEY_VIDEO_S = 3.0
SURVEY_AUDIO_S = 1.0
"""How long a start waits for the lists of sources; a sound server that is slower than that is a warning."""

COLD_S = 5.0
"""How long a question waits for a worker that is itself still starting."""

CLAIM_S = 20.0
DEVICE_S = 5.0
STOP_S = 10.0
STORE_S = 15.0
"""Limits of calls: find a worker, speak to a device, drain, make durable (a store restart included)."""

CLOCK_CHECK_S = 1.0

ROLES = {Service.VIDEO: Role.CAPTURE, Service.AUDIO: Role.AUDIO}
SERVICES = {role: service for service, role in ROLES.items()}


class Workers(Protocol):
    """What a session needs of the supervisor."""

    async def ask_any(self, role: Role, order: AnyOrder, timeout_s: float, *, ready_s: float) -> AnyReport:
        """A question to whichever worker of the role is free."""
        ...

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves the role."""
        ...

    async def ask_store(self, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the store, through its restarts."""
        ...

    async def claim(self, role: Role, timeout_s: float) -> str:
        """Have the role served."""
        ...

    def release(self, role: Role) -> None:
        """The role is needed no longer."""
        ...

    def distrust(self, role: Role, reason: str) -> None:
        """The serving worker did not answer."""
        ...

    def expect_progress(self, role: Role, *, recording: bool) -> None:
        """Whether the serving worker must show progress."""
        ...

    def set_live_session(self, session: str | None) -> None:
        """The session a restarted store must keep open."""
        ...


def new_session_id(at_wall_ns: int) -> str:
    """UTC time of the start and four random characters: sorts by start, and two starts in a second differ."""
    start = datetime.fromtimestamp(at_wall_ns // NS_PER_S, UTC)
    letters = string.ascii_lowercase + string.digits
    return f"{start:%Y%m%d-%H%M%S}-{''.join(secrets.choice(letters) for _ in range(4))}"


def default_name(at_wall_ns: int) -> str:
    """Name of a session that was given none: its start in local time."""
    start = datetime.fromtimestamp(at_wall_ns // NS_PER_S, UTC).astimezone()
    return f"Session {start:%Y-%m-%d %H:%M}"


class SessionService:
    """The daemon's one session.

    read_session: what the store holds of a session (awaited). free_bytes: free disk where the store is.
    publish: called in the loop; must not block. buffer: its sessions are parts of the rolling buffer.
    """

    def __init__(
        self,
        workers: Workers,
        config: Config,
        *,
        read_session: Callable[[str], Coroutine[Any, Any, SessionInfo]],
        free_bytes: Callable[[], int],
        publish: Callable[[Event], None],
        buffer: bool = False,
    ) -> None:
        self._workers = workers
        self._buffer = buffer
        self._configured = config.audio
        self._profiles = config.profiles
        self._core = SessionCore(config, buffer=buffer)
        self._read_session = read_session
        self._free_bytes = free_bytes
        self._publish = publish
        self._ids = itertools.count(1)
        self._asks: dict[int, asyncio.Future[Reply]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled = asyncio.Event()
        self._settled.set()
        self._clock_timer: asyncio.TimerHandle | None = None
        self._closing = False

    # -- what clients ask -------------------------------------------------------------------------------------------

    def reconfigure(self, config: Config) -> None:
        """Use these settings from the next start on."""
        self._configured = config.audio
        self._profiles = config.profiles
        self._core.reconfigure(config)

    async def start(self, request: StartSession, arrived_ns: int) -> Reply:
        """Start a session; `SessionStarted`, or the error as ErrorReply. arrived_ns: when the command came.

        Raises RequestRejected: WRONG_STATE while the daemon is stopping, NOT_FOUND for an unknown profile.
        """
        if self._closing:
            raise RequestRejected("the daemon is stopping", code=ErrorCode.WRONG_STATE)
        whole = resolve(request, self._profiles, datetime.now().astimezone())
        reply = await self._ask(lambda ask: signals.StartAsked(ask=ask, request=whole, now_ns=arrived_ns))
        if isinstance(reply, SessionStarted) and not self._buffer:
            get_logger().info(
                "session.started",
                session_id=reply.session,
                state=reply.state,
                first_frame_ms=reply.first_frame_ms,
                warnings=reply.warnings,
            )
        return reply

    async def pause(self) -> Reply:
        """Pause; `SessionChanged` or ErrorReply."""
        return await self._ask(lambda ask: signals.PauseAsked(ask=ask, now_ns=monotonic_ns()))

    async def resume(self) -> Reply:
        """Resume; `SessionChanged` or ErrorReply."""
        return await self._ask(lambda ask: signals.ResumeAsked(ask=ask, now_ns=monotonic_ns()))

    async def mark(self, text: str) -> Reply:
        """Put a note at this instant; `SessionChanged` or ErrorReply."""
        now_ns = monotonic_ns()
        return await self._ask(lambda ask: signals.MarkAsked(ask=ask, text=text, now_ns=now_ns))

    async def arrange(self, request: ArrangePictures) -> Reply:
        """Change layout or sources of the picture; `PictureArranged` or ErrorReply."""
        listed: Sources | ErrorReply | None = None
        if request.adds:
            listed = await self.sources_of(Service.VIDEO, SURVEY_VIDEO_S, request.add_files)
        return await self._ask(
            lambda ask: signals.ArrangeAsked(ask=ask, request=request, listed=listed, now_ns=monotonic_ns())
        )

    async def adjust_sound(self, changes: list[SoundChange], arrived_ns: int) -> Reply:
        """Change settings in the graph of sounds from monotonic `arrived_ns` on; `SoundAdjusted` or ErrorReply."""
        return await self._ask(lambda ask: signals.AdjustAsked(ask=ask, changes=changes, now_ns=arrived_ns))

    async def edit_sound(self, graph: SoundGraph) -> Reply:
        """Record the sound through another graph from now on; `SoundAdjusted` or ErrorReply."""
        listed: Sources | ErrorReply | None = None
        if any(isinstance(node, DeviceNode) for node in graph.nodes):
            listed = await self.sources_of(Service.AUDIO, SURVEY_AUDIO_S)
        return await self._ask(
            lambda ask: signals.EditAsked(ask=ask, graph=graph, listed=listed, now_ns=monotonic_ns())
        )

    def sound_graph(self) -> SoundGraph | None:
        """The graph of sounds of the session as it is now; None if no sound is being recorded."""
        live = self._core.live
        return live.plan.sound.graph if live is not None and live.plan.audio else None

    async def stop(self, reason: str = "") -> Reply:
        """End the session; `SessionStopped` after everything is durable, or ErrorReply."""
        return await self._ask(lambda ask: signals.StopAsked(ask=ask, reason=reason, now_ns=monotonic_ns()))

    def brief(self) -> SessionBrief | None:
        """The session as others see it now; None without one."""
        return self._core.brief(monotonic_ns())

    # -- what the supervisor tells ----------------------------------------------------------------------------------

    def worker_lost(self, role: Role, reason: str) -> None:
        """The worker serving `role` is gone; a replacement can be claimed."""
        if role in SERVICES:
            self._handle(signals.WorkerLost(service=SERVICES[role], reason=reason, now_ns=monotonic_ns()))

    def role_failed(self, role: Role, reason: str) -> None:
        """The supervisor gave `role` up."""
        now_ns = monotonic_ns()
        if role in SERVICES:
            self._handle(signals.ServiceGivenUp(service=SERVICES[role], reason=reason, now_ns=now_ns))
        else:
            self._handle(signals.StoreGivenUp(reason=reason, now_ns=now_ns))

    async def close(self, reason: str) -> None:
        """End the session, if there is one, and every task. Returns when everything is durable or has failed."""
        self._closing = True
        await self._settled.wait()
        while self._is_busy():
            await self.stop(reason)
            await self._settled.wait()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._clock_timer is not None:
            self._clock_timer.cancel()

    def _is_busy(self) -> bool:
        return self._core.state != SessionState.IDLE

    # -- performing -------------------------------------------------------------------------------------------------

    async def _ask(self, make: Callable[[int], signals.Event]) -> Reply:
        ask = next(self._ids)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asks[ask] = future
        self._handle(make(ask))
        try:
            return await future
        finally:
            self._asks.pop(ask, None)

    def _handle(self, event: signals.Event) -> None:
        for command in self._core.handle(event):
            self._perform(command)
        if self._core.state in SETTLED:
            self._settled.set()
        else:
            self._settled.clear()
        if self._core.state in RUNNING and self._clock_timer is None:
            self._check_clock_later()

    def _perform(self, command: signals.Command) -> None:
        match command:
            case signals.Survey(request=request):
                self._run(self._survey(request))
            case signals.Claim():
                self._run(self._claim(command))
            case signals.StartService():
                self._run(self._start_service(command))
            case signals.OrderService():
                self._run(self._order_service(command))
            case signals.OrderStore():
                self._run(self._order_store(command))
            case signals.ReadSession(session=session):
                self._run(self._read(session))
            case signals.Answer(ask=ask, reply=reply):
                future = self._asks.get(ask)
                if future is not None and not future.done():
                    future.set_result(reply)
            case signals.Publish(event=event):
                self._publish(event)
            case _:
                self._tell_supervisor(command)

    def _tell_supervisor(self, command: signals.Command) -> None:
        match command:
            case signals.Release(service=service):
                self._workers.release(ROLES[service])
            case signals.Distrust(service=service, reason=reason):
                self._workers.distrust(ROLES[service], reason)
            case signals.ExpectProgress(service=service, recording=recording):
                self._workers.expect_progress(ROLES[service], recording=recording)
            case signals.KeepSession(session=session):
                self._workers.set_live_session(session)
            case signals.RetryLater():
                asyncio.get_running_loop().call_later(command.after_s, self._retry, command)

    async def _survey(self, request: StartSession) -> None:
        video, audio = await asyncio.gather(
            self.sources_of(Service.VIDEO, SURVEY_VIDEO_S, request.files) if wants_video(request) else _nothing(),
            self.sources_of(Service.AUDIO, SURVEY_AUDIO_S) if wants_audio(request, self._configured) else _nothing(),
        )
        wall, now_ns = wall_ns(), monotonic_ns()
        surroundings = Surroundings(
            video=video, audio=audio, free_bytes=self._free_bytes(), default_name=default_name(wall)
        )
        self._handle(
            signals.Surveyed(surroundings=surroundings, session=new_session_id(wall), wall_ns=wall, now_ns=now_ns)
        )

    async def sources_of(self, service: Service, timeout_s: float, files: Sequence[str] = ()) -> Sources | ErrorReply:
        """What the service's worker can record now, and what is in `files`; or why it cannot say."""
        order = ListWorkerSources(files=list(files))
        try:
            report = await self._workers.ask_any(ROLES[service], order, timeout_s, ready_s=COLD_S)
        except ReeldError as error:
            return error_reply(error)
        return report if isinstance(report, Sources) else _unexpected(report)

    async def _claim(self, command: signals.Claim) -> None:
        service, epoch = command.service, command.epoch
        try:
            await self._workers.claim(ROLES[service], CLAIM_S)
        except ReeldError as error:
            reply = error_reply(error)
            self._handle(signals.ServiceFailed(service=service, epoch=epoch, error=reply, now_ns=monotonic_ns()))
            return
        self._handle(signals.WorkerClaimed(service=service, epoch=epoch, now_ns=monotonic_ns()))

    async def _start_service(self, command: signals.StartService) -> None:
        service, epoch = command.service, command.epoch
        try:
            report = await self._workers.ask_active(ROLES[service], command.order, DEVICE_S)
            if not isinstance(report, TracksStarted):
                raise error_for(ErrorCode.INTERNAL, f"{type(report).__name__} is no answer to a start")
        except ReeldError as error:
            reply = error_reply(error)
            self._handle(signals.ServiceFailed(service=service, epoch=epoch, error=reply, now_ns=monotonic_ns()))
            return
        self._handle(signals.ServiceStarted(service=service, epoch=epoch, report=report, now_ns=monotonic_ns()))

    async def _order_service(self, command: signals.OrderService) -> None:
        limit_s = STOP_S if isinstance(command.order, StopTracks) else DEVICE_S
        error = await _outcome(self._workers.ask_active(ROLES[command.service], command.order, limit_s))
        self._handle(
            signals.ServiceAnswered(
                service=command.service,
                epoch=command.epoch,
                step=command.step,
                error=error,
                ask=command.ask,
                now_ns=monotonic_ns(),
            )
        )

    async def _order_store(self, command: signals.OrderStore) -> None:
        error = await _outcome(self._workers.ask_store(command.order, STORE_S))
        if error is not None:
            get_logger().error("session.store_refused", order=type(command.order).__name__, reason=error.message)
        self._handle(
            signals.StoreAnswered(
                step=command.step, error=error, mark=command.mark, ask=command.ask, now_ns=monotonic_ns()
            )
        )

    async def _read(self, session: str) -> None:
        try:
            found: SessionInfo | ErrorReply = await self._read_session(session)
        except ReeldError as error:
            found = error_reply(error)
        self._handle(signals.SessionRead(session=found, now_ns=monotonic_ns()))

    def _retry(self, command: signals.RetryLater) -> None:
        self._handle(signals.RetryDue(service=command.service, session=command.session, now_ns=monotonic_ns()))

    def _check_clock_later(self) -> None:
        self._clock_timer = asyncio.get_running_loop().call_later(CLOCK_CHECK_S, self._check_clock)

    def _check_clock(self) -> None:
        self._clock_timer = None
        self._handle(signals.ClockRead(wall_ns=wall_ns(), now_ns=monotonic_ns()))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            get_logger().error("session.task_failed", exc_info=task.exception())


async def _nothing() -> Sources:
    return Sources()


async def _outcome(work: Coroutine[Any, Any, AnyReport]) -> ErrorReply | None:
    try:
        report = await work
    except ReeldError as error:
        return error_reply(error)
    return report if isinstance(report, ErrorReply) else None


def _unexpected(report: AnyReport) -> ErrorReply:
    return error_reply(InternalError(f"{type(report).__name__} is no list of sources"))
