"""The daemon's end of searching by meaning: a worker of its own, so that a question does not wait for a job."""

import asyncio

from reeld.enrich.attempt import Worker
from reeld_proto.enrich_orders import FindMeanings, MeaningsFound
from reeld_proto.errors import InternalError

FIND_S = 20.0
"""With the start of the worker less than a client waits for a search."""
STAY_S = 60.0
"""Who asks once asks again: so long the worker stays, with its model."""


class MeaningSearch:
    """Belongs to the event loop's thread."""

    def __init__(self, hand: Worker) -> None:
        self._hand = hand
        self._one = asyncio.Lock()
        self._leaving: asyncio.Task[None] | None = None
        self._closing = False

    async def find(self, order: FindMeanings, memory_bytes: int) -> MeaningsFound:
        """What the worker finds. Raises ReeldError: RequestRejected (NOT_FOUND) if no model is installed."""
        async with self._one:
            self._stay()
            try:
                report = await self._hand.ask(order, memory_bytes, FIND_S)
            finally:
                if not self._closing:
                    self._leaving = asyncio.create_task(self._leave())
        if not isinstance(report, MeaningsFound):
            raise InternalError(f"the searching worker answered {type(report).__name__}")
        return report

    async def close(self) -> None:
        """End the worker."""
        self._closing = True
        self._stay()
        await self._hand.kill()

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    async def _leave(self) -> None:
        await asyncio.sleep(STAY_S)
        async with self._one:
            await self._hand.kill()
