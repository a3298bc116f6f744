"""Levels and health of the sound that is recorded, for whoever wants to see them; nothing is done while nobody does.

Belongs to the event loop's thread.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from msgspec import structs

from reeld.control.publisher import Publisher
from reeld.runtime.logs import get_logger
from reeld.supervisor.signals import Role
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.events import LevelsMeasured, SoundHealthReported
from reeld_proto.records import SessionBrief
from reeld_proto.units import seconds
from reeld_proto.workers import AnyOrder, AnyReport, DescribeSound, LevelsTold, SoundDescribed, StartAudio, WatchLevels

HEALTH_EVERY_S = 10.0
ANSWER_S = 2.0
"""How long an audio worker may take to answer; one that takes longer is busy recording, which comes first."""


class Asking(Protocol):
    """What is needed of the supervisor."""

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves the role."""
        ...


class SoundWatch:
    """brief: the session, None without one. health_every_s: for tests."""

    def __init__(
        self,
        workers: Asking,
        publisher: Publisher,
        brief: Callable[[], SessionBrief | None],
        *,
        health_every_s: float = HEALTH_EVERY_S,
    ) -> None:
        self._workers = workers
        self._publisher = publisher
        self._brief = brief
        self._health_every_s = health_every_s
        self._watched = False
        self._tasks: set[asyncio.Task[None]] = set()

    def dress(self, order: AnyOrder) -> AnyOrder:
        """A start order together with whether levels are wanted; any other as it is."""
        return structs.replace(order, levels=self._watched) if isinstance(order, StartAudio) else order

    def subscriptions_changed(self) -> None:
        """Somebody subscribed to events, or nobody listens to a topic any more."""
        watched = self._publisher.is_asked_for(b"levels")
        if watched != self._watched:
            self._watched = watched
            task = asyncio.get_running_loop().create_task(self._tell(WatchLevels(on=watched)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def told(self, telemetry: LevelsTold) -> None:
        """The worker measured; of the rolling buffer nobody is told."""
        session = self._brief()
        if session is None or session.id != telemetry.session or not self._watched:
            return
        for moment in telemetry.moments:
            self._publisher.publish(
                LevelsMeasured(session=session.id, at_s=seconds(moment.at_ns), levels=moment.levels)
            )

    async def describe(self) -> SoundDescribed | None:
        """How the session's graph does; None if no worker can tell now."""
        session = self._brief()
        if session is None:
            return None
        try:
            report = await self._workers.ask_active(Role.AUDIO, DescribeSound(), ANSWER_S)
        except ReeldError:
            return None
        fits = isinstance(report, SoundDescribed) and report.session == session.id
        return report if fits and isinstance(report, SoundDescribed) else None

    async def serve(self) -> None:
        """Publish the health of the sound every now and then, while somebody listens. Ends when it is cancelled."""
        while True:
            await asyncio.sleep(self._health_every_s)
            if not self._publisher.has_subscriber(b"audio"):
                continue
            found = await self.describe()
            if found is not None and found.nodes:
                self._publisher.publish(
                    SoundHealthReported(
                        session=found.session, nodes=found.nodes, edges=found.edges, latency=found.latency
                    )
                )

    async def close(self) -> None:
        """Wait for the orders that are out."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, order: WatchLevels) -> None:
        try:
            await self._workers.ask_active(Role.AUDIO, order, ANSWER_S)
        except ReeldError as error:
            # Without a worker there is nothing to measure; one that starts is told with its first order.
            if error.code != ErrorCode.WORKER_LOST:
                get_logger().warning("sound.levels_not_watched", reason=str(error))
