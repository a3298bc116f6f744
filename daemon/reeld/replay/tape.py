"""One session of the rolling buffer: from its start until it was told to stop, and is durable."""

import asyncio
from collections.abc import Callable

from reeld.config import Config
from reeld.replay.lease import BufferWorkers, House
from reeld.runtime.logs import get_logger
from reeld.sessions.service import SessionService
from reeld.supervisor.signals import Role
from reeld_proto.commands import ErrorReply, Reply, SessionStarted, StartSession
from reeld_proto.records import SessionInfo, SessionState

NAME = "rolling buffer"


class Tape:
    """Belongs to the event loop's thread. on_live: told its session's id when it begins, and None when it is over."""

    def __init__(
        self,
        house: House,
        config: Config,
        *,
        free_bytes: Callable[[], int],
        on_live: Callable[["Tape", str | None], None],
    ) -> None:
        self._workers = BufferWorkers(house, lambda session: on_live(self, session))
        self._config = config
        self.service = SessionService(
            self._workers,
            config,
            read_session=_nothing,
            free_bytes=free_bytes,
            publish=lambda _event: None,
            buffer=True,
        )
        self._ending: asyncio.Task[None] | None = None

    async def start(self, arrived_ns: int) -> Reply:
        """Record what the config says; `SessionStarted` or `ErrorReply`. Raises RequestRejected once it was ended."""
        replay = self._config.replay
        return await self.service.start(
            StartSession(
                name=NAME,
                displays=replay.displays,
                microphone=replay.microphone,
                system_audio=replay.system_audio,
                fps=replay.fps,
                quality=replay.quality,
            ),
            arrived_ns,
        )

    def step_aside(self) -> asyncio.Task[None]:
        """Free the roles at once and end the session; the task ends when it is durable. May be called twice."""
        self._workers.step_aside()
        return self.end()

    def end(self) -> asyncio.Task[None]:
        """End the session; the task ends when it is durable. May be called twice."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())
        return self._ending

    def worker_lost(self, role: Role, reason: str) -> None:
        """The worker serving `role` is gone."""
        self.service.worker_lost(role, reason)

    async def _end(self) -> None:
        await self.service.close("a session begins")


async def _nothing(session: str) -> SessionInfo:
    """Nobody looks at the answer to the end of a tape, so nothing is read from the store for it."""
    return SessionInfo(session=session, name=NAME, state=SessionState.COMPLETED, started_at="", duration_s=0.0, bytes=0)


def complain(reply: Reply) -> str:
    """Why a tape did not start, for the log; empty if it did. Also logs what it lacks."""
    if isinstance(reply, SessionStarted):
        get_logger().info("replay.recording", session_id=reply.session, warnings=reply.warnings)
        return ""
    return reply.message if isinstance(reply, ErrorReply) else type(reply).__name__
