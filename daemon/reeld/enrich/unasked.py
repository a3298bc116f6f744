"""Enrichment that nobody asks for: of every session, while it is recorded and when it has ended, if so configured."""

import asyncio

from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ReeldError
from reeld_proto.events import Event, SessionStateChanged
from reeld_proto.records import SessionState

OFF = "off"
LIVE_EVERY_S = 60.0
PRIORITY = -10
"""Whatever a person asks for goes first."""
_LIVE = frozenset({SessionState.ACTIVE, SessionState.PAUSED, SessionState.PARTIAL})
_ENDED = frozenset({SessionState.COMPLETED, SessionState.INTERRUPTED})


class Unasked:
    """Belongs to the event loop's thread. live_every_s: how often what is being recorded is looked at."""

    def __init__(self, keeper: EnrichKeeper, config: EnrichConfig, *, live_every_s: float = LIVE_EVERY_S) -> None:
        self._keeper, self._config, self._live_every_s = keeper, config, live_every_s
        self._live = ""
        self._ended: asyncio.Queue[str] = asyncio.Queue()

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
            self._ended.put_nowait(session)

    async def serve(self) -> None:
        """Begin jobs, until cancelled."""
        while True:
            session = ""
            try:
                async with asyncio.timeout(self._live_every_s):
                    session = await self._ended.get()
            except TimeoutError:
                session = self._live
            if session and self._config.plan != OFF:
                await self._begin(session)

    async def _begin(self, session: str) -> None:
        try:
            await self._keeper.start(session, self._config.plan, PRIORITY, asked=False)
        except ReeldError as error:
            get_logger().warning("enrich.not_begun", session_id=session, code=error.code, reason=str(error))
