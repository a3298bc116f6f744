"""Enrichment that nobody asks for: of every session, while it is recorded and when it has ended, if so configured.

DESIGN: lazy enrichment waits until somebody looks at a session or searches in it; what is looked at most goes first,
and in it the part that is looked at.
"""

import asyncio

from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig
from reeld.runtime.logs import get_logger
from reeld_proto.enrich import EnrichState
from reeld_proto.errors import ReeldError
from reeld_proto.events import Event, SessionStateChanged
from reeld_proto.records import SessionState

OFF = "off"
LIVE_EVERY_S = 60.0
PRIORITY = -10
"""Whatever a person asks for goes first."""
WANTED_MAX = -1
_LIVE = frozenset({SessionState.ACTIVE, SessionState.PAUSED, SessionState.PARTIAL})
_ENDED = frozenset({SessionState.COMPLETED, SessionState.INTERRUPTED})


class Unasked:
    """Belongs to the event loop's thread. live_every_s: how often what is being recorded is looked at."""

    def __init__(self, keeper: EnrichKeeper, config: EnrichConfig, *, live_every_s: float = LIVE_EVERY_S) -> None:
        self._keeper, self._config, self._live_every_s = keeper, config, live_every_s
        self._live = ""
        self._looks: dict[str, int] = {}
        self._due: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    def reconfigure(self, config: EnrichConfig) -> None:
        """Another plan from now on."""
        self._config = config

    def heard(self, event: Event) -> None:
        """An event of the daemon's was published; never blocks and never raises."""
        if not isinstance(event, SessionStateChanged):
            return
        session, state = event.session, event.state
        if state in _LIVE:
            self._live = session
        elif state in _ENDED:
            self._live = "" if self._live == session else self._live
            if not self._config.lazy:
                self._due.put_nowait((session, PRIORITY))

    def wanted(self, session: str, at_ns: int = 0) -> None:
        """Somebody looks at a session that there is, around this media time, or searches in it; never blocks."""
        self._keeper.want(session, at_ns)
        if self._config.lazy and not self._is_done(session):
            self._looks[session] = looks = self._looks.get(session, 0) + 1
            self._due.put_nowait((session, min(WANTED_MAX, PRIORITY + looks)))

    def _is_done(self, session: str) -> bool:
        """Whether all that the plan finds was found. More may be recorded of one that goes on."""
        jobs = self._keeper.jobs(session)
        plan = self._config.plan
        done = any(job.plan == plan and job.state is EnrichState.COMPLETED for job in jobs)
        return done and session != self._live

    async def serve(self) -> None:
        """Begin jobs, until cancelled."""
        while True:
            session, priority = "", PRIORITY
            try:
                async with asyncio.timeout(self._live_every_s):
                    session, priority = await self._due.get()
            except TimeoutError:
                session = "" if self._config.lazy else self._live
            if session and self._config.plan != OFF:
                await self._begin(session, priority)

    async def _begin(self, session: str, priority: int) -> None:
        try:
            await self._keeper.start(session, self._config.plan, priority, asked=False)
        except ReeldError as error:
            get_logger().warning("enrich.not_begun", session_id=session, code=error.code, reason=str(error))
