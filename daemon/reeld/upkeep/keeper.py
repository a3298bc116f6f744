"""When background work is done, one kind at a time: never in the way of a recording, and not at all while paused.

DESIGN: work runs in job processes of low priority, in slices of some seconds; between two slices, and by cancelling a
slice, it can be paused at any time and loses nothing but the slice. What has to be remembered between runs is in the
store, not here. Belongs to the event loop's thread.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.units import NS_PER_S
from reeld_proto.upkeep import UpkeepTask

FIRST_AFTER_S = 900.0
"""Nothing is done in the first quarter of an hour: a person who has just logged in wants the machine for himself."""

LOOK_EVERY_S = 60.0
RETRY_S = 300.0
"""How soon work is tried again that could not be done, because of a recording or a fault."""


class Ledger:
    """What one run of a kind of work tells while it goes on. asked: a person wants it now, worth the while or not."""

    def __init__(self, *, asked: bool = False) -> None:
        self.asked = asked
        self.done_bytes = 0
        self.total_bytes = 0
        self.detail = ""


@dataclass(frozen=True)
class Work:
    """A kind of background work.

    run: does it, in slices, and raises ReeldError; every_s: how often, None for never unasked. needs_quiet: whether it
    waits until nothing is recorded.
    """

    kind: str
    run: Callable[[Ledger], Awaitable[None]]
    every_s: float | None
    needs_quiet: bool = False


@dataclass
class _Kind:
    work: Work
    due_ns: int | None
    paused: bool = False
    again: bool = False
    """Hastened, perhaps while it ran: what it is needed for may have come too late for that run."""
    ledger: Ledger = field(default_factory=Ledger)
    last_run_at: str = ""
    waiting: str = ""
    task: "asyncio.Task[None] | None" = None


class Upkeep:
    """All background work of a daemon. is_recording: whether somebody records now."""

    def __init__(self, *, is_recording: Callable[[], bool], first_after_s: float = FIRST_AFTER_S) -> None:
        self._first_ns = monotonic_ns() + round(first_after_s * NS_PER_S)
        self._kinds: dict[str, _Kind] = {}
        self._is_recording = is_recording
        self._turn = asyncio.Lock()

    def add(self, work: Work) -> None:
        """Take up a kind of work."""
        self._kinds[work.kind] = _Kind(work, None if work.every_s is None else self._first_ns)

    def retime(self, name: str, every_s: float | None) -> None:
        """Do this kind of work so often from now on, None for never unasked; what runs goes on."""
        kind = self._kinds[name]
        if kind.work.every_s == every_s:
            return
        kind.work = replace(kind.work, every_s=every_s)
        now_ns = monotonic_ns()
        if every_s is None:
            kind.due_ns = None
        elif kind.due_ns is None:
            kind.due_ns = max(self._first_ns, now_ns)
        else:
            kind.due_ns = min(kind.due_ns, max(self._first_ns, now_ns + round(every_s * NS_PER_S)))

    def status(self) -> list[UpkeepTask]:
        """Every kind of work and what it does now."""
        return [
            UpkeepTask(
                kind=name,
                state=_state(kind),
                done_bytes=kind.ledger.done_bytes,
                total_bytes=kind.ledger.total_bytes,
                last_run_at=kind.last_run_at,
                detail=kind.waiting or kind.ledger.detail,
            )
            for name, kind in self._kinds.items()
        ]

    def is_paused(self, name: str) -> bool:
        """Whether a person has paused this kind of work."""
        return name in self._kinds and self._kinds[name].paused

    def hasten(self, name: str) -> None:
        """Have this kind of work done at the next look, if nobody has paused it."""
        if name in self._kinds:
            self._kinds[name].due_ns = monotonic_ns()
            self._kinds[name].again = True

    async def serve(self) -> None:
        """Do what is due, until cancelled."""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                await self.do_due(monotonic_ns())
        finally:
            await self._cancel(list(self._kinds.values()))

    async def do_due(self, now_ns: int) -> None:
        """Do everything that is due at `now_ns`, the longest due first."""
        due = [kind for kind in self._kinds.values() if not kind.paused and kind.due_ns is not None]
        for kind in sorted(due, key=lambda each: each.due_ns or 0):
            if kind.paused or kind.due_ns is None or kind.due_ns > now_ns:
                continue
            try:
                await self._run(kind)
            except ReeldError as error:
                get_logger().warning("upkeep.failed", kind=kind.work.kind, code=error.code, reason=str(error))

    async def pause(self, name: str | None) -> None:
        """Stop this kind of work, or all, and do no more of it. Raises RequestRejected for an unknown kind."""
        kinds = self._chosen(name)
        for kind in kinds:
            kind.paused = True
        await self._cancel(kinds)

    def resume(self, name: str | None) -> None:
        """Go on with this kind of work, or all."""
        for kind in self._chosen(name):
            kind.paused = False

    async def run(self, name: str | None) -> None:
        """Do this kind of work, or all, now, and wait for its end; paused or not. Raises what went wrong."""
        for kind in self._chosen(name):
            await self._run(kind, asked=True)

    async def _run(self, kind: _Kind, *, asked: bool = False) -> None:
        async with self._turn:
            if kind.work.needs_quiet and self._is_recording():
                kind.waiting = "waits until nothing is recorded"
                kind.due_ns = _after(kind.work, RETRY_S)
                raise RequestRejected(
                    f"{kind.work.kind} {kind.waiting}",
                    code=ErrorCode.WRONG_STATE,
                    remedy="Stop the session first, or let it be done later by itself.",
                )
            kind.waiting = ""
            kind.ledger = Ledger(asked=asked)
            kind.again = False
            kind.task = asyncio.ensure_future(_done(kind.work, kind.ledger))
            kind.due_ns = _after(kind.work, RETRY_S)
            try:
                await asyncio.shield(kind.task)
            except asyncio.CancelledError:
                if kind.task.cancelled():
                    return  # paused: nothing is lost, it goes on later
                kind.task.cancel()
                raise
            except ReeldError as error:
                kind.ledger.detail = str(error)
                raise
            finally:
                kind.task = None
            kind.last_run_at = datetime.fromtimestamp(wall_ns() / NS_PER_S, UTC).astimezone().isoformat("T", "seconds")
            kind.due_ns = monotonic_ns() if kind.again else _after(kind.work, kind.work.every_s or 0.0)

    async def _cancel(self, kinds: list[_Kind]) -> None:
        tasks = [kind.task for kind in kinds if kind.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _chosen(self, name: str | None) -> list[_Kind]:
        if name is None:
            return list(self._kinds.values())
        if name not in self._kinds:
            raise RequestRejected(
                f"there is no background work called {name}", remedy=f"There are {', '.join(self._kinds)}."
            )
        return [self._kinds[name]]


async def _done(work: Work, ledger: Ledger) -> None:
    await work.run(ledger)


def _after(work: Work, seconds: float) -> int | None:
    return None if work.every_s is None else monotonic_ns() + round(seconds * NS_PER_S)


def _state(kind: _Kind) -> str:
    if kind.task is not None:
        return "running"
    if kind.paused:
        return "paused"
    return "waiting" if kind.waiting else "idle"
