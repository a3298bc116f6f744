"""Keeps the rolling buffer: records while nobody else does, and recycles what has become too old.

DESIGN: the buffer is made of hidden sessions ("tapes"), one after the other. A tape lasts until a person's session
begins; while that lasts, paused or not, nothing but that session is recorded. A tape that cannot start is tried again
later and later, and the reason is logged when it changes. Recycling is the store's work, ordered every `TRIM_S`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec.structs import replace

from reeld.config import Config
from reeld.replay.lease import House, SharedWorkers
from reeld.replay.tape import Tape, complain
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.runtime.logs import get_logger
from reeld.sessions.service import Workers
from reeld.supervisor.signals import POOLED, Role
from reeld_proto.errors import ReeldError
from reeld_proto.records import BufferInfo
from reeld_proto.replay_orders import BufferMoment, BufferTrimmed, FillKept, Kept, TrimBuffer
from reeld_proto.units import NS_PER_S, seconds
from reeld_proto.workers import CutTracks

TRIM_S = 2.0
"""How often the buffer is recycled; it is that much longer than its size at most, and a chunk."""

RETRY_S_MIN, RETRY_S_MAX = 2.0, 60.0
"""A tape that could not start is tried again after this long, twice as long after each failure."""

STORE_S = 15.0
CUT_S, CUT_LIMIT_S = 0.04, 0.05
"""How long the workers may take to hand over what they hold, and how long they are waited for. What the store does not
have by then is left out of what is kept."""

FILL_MS = 30.0
"""Length of one transaction that fills a kept session in, about twice this: a recording goes between two of them."""

FILL_PAUSE_S = 0.05

KEYFRAME_S = 10.0
"""Pictures of the buffer have a key frame at least this often, also while nothing moves: it can begin only there."""

Collect = Callable[[], Coroutine[Any, Any, None]]
"""Removes garbage from the store. Raises ReeldError."""


class ReplayKeeper:
    """Belongs to the event loop's thread. Without `[replay] minutes` it only clears what an earlier buffer left."""

    def __init__(self, house: House, config: Config, *, free_bytes: Callable[[], int], collect: Collect) -> None:
        self._house = house
        self._config = config
        self._free_bytes = free_bytes
        self._collect = collect
        self.keep_ns = round((config.replay.minutes or 0) * 60 * NS_PER_S)
        self._person: str | None = None
        self._tape: Tape | None = None
        self._tape_session: str | None = None
        self._changed = asyncio.Event()
        self._endings: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._held: tuple[int, int] = (0, 0)
        self._told = ""
        self._refreshed_ns = 0
        self._unfilled: set[str] = set()
        self._filling: asyncio.Task[None] | None = None
        self._closing = False

    # -- life -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The store is up: record, and recycle."""
        loop = asyncio.get_running_loop()
        self._loops.append(loop.create_task(self._recycle()))
        if self.is_allowed:
            self._loops.append(loop.create_task(self._record()))

    async def close(self) -> None:
        """End the tape and every task; returns when what was recorded is durable."""
        self._closing = True
        tasks = [*self._loops, *([self._filling] if self._filling is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._tape is not None:
            self._end(self._tape.end())
            self._tape = None
        await asyncio.gather(*self._endings, return_exceptions=True)

    def reconfigure(self, config: Config) -> None:
        """Other settings of recordings from the next tape on; how much is kept stays as it was."""
        self._config = replace(config, replay=self._config.replay)

    @property
    def is_allowed(self) -> bool:
        """Whether the config allows a rolling buffer."""
        return self.keep_ns > 0

    def brief(self) -> BufferInfo | None:
        """The buffer as others see it; None if there may be none."""
        if not self.is_allowed:
            return None
        held_ns, at_ns = self._held
        recording = self._tape_session is not None
        if recording:
            held_ns += monotonic_ns() - at_ns
        held_s = round(seconds(min(held_ns, self.keep_ns)), 3)
        return BufferInfo(minutes=self._config.replay.minutes or 0.0, held_s=held_s, recording=recording)

    def moment(self) -> BufferMoment:
        """Now, for orders to the store."""
        return BufferMoment(mono_ns=monotonic_ns(), wall_ns=wall_ns(), live=self._person or self._tape_session or "")

    # -- who records ------------------------------------------------------------------------------------------------

    def workers(self) -> Workers:
        """The workers for a person's session: the buffer steps aside for it."""
        return SharedWorkers(self._house, self._person_live)

    def worker_lost(self, role: Role, reason: str) -> None:
        """The worker serving `role` is gone: the tape's, if there is one."""
        if self._tape is not None:
            self._tape.service.worker_lost(role, reason)

    def role_failed(self, role: Role, reason: str) -> None:
        """The supervisor gave `role` up."""
        if self._tape is not None:
            self._tape.service.role_failed(role, reason)

    def fill(self, session: str) -> None:
        """The store still has to fill `session` in: see to it."""
        self._unfilled.add(session)
        if self._filling is None or self._filling.done():
            self._filling = asyncio.get_running_loop().create_task(self._fill())

    async def until_filled(self, session: str) -> None:
        """Wait until `session` is filled in; at once for all others."""
        while session in self._unfilled and self._filling is not None:
            await asyncio.wait([self._filling])
            if self._filling.done():
                self._unfilled.discard(session)

    async def cut(self) -> None:
        """Have the workers that record hand over what they hold, as far as they can in `CUT_S`."""
        cuts = [self._house.ask_active(role, CutTracks(wait_s=CUT_S), CUT_LIMIT_S) for role in POOLED]
        # Nobody may record, or somebody may be slow: then what is durable is what there is.
        await asyncio.gather(*cuts, return_exceptions=True)

    def _person_live(self, session: str | None) -> None:
        self._person = session
        if session is not None and self._tape is not None:
            tape, self._tape, self._tape_session = self._tape, None, None
            self._end(tape.step_aside())
        self._tell_house()
        self._changed.set()

    def _tape_live(self, tape: Tape, session: str | None) -> None:
        if tape is not self._tape:
            return
        self._tape_session = session
        if session is None:
            self._tape = None
        self._tell_house()
        self._changed.set()

    def _tell_house(self) -> None:
        self._house.set_live_session(self._person or self._tape_session)

    def _end(self, ending: asyncio.Task[None]) -> None:
        self._endings.add(ending)
        ending.add_done_callback(self._ended)

    def _ended(self, ending: asyncio.Task[None]) -> None:
        self._endings.discard(ending)
        if not ending.cancelled() and ending.exception() is not None:
            get_logger().error("replay.end_failed", exc_info=ending.exception())

    async def _record(self) -> None:
        retry_s = RETRY_S_MIN
        while True:
            if self._person is not None or self._tape is not None:
                self._changed.clear()
                await self._changed.wait()
                continue
            if await self._start():
                retry_s = RETRY_S_MIN
                continue
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(retry_s):
                    await self._changed.wait()
            retry_s = min(RETRY_S_MAX, 2 * retry_s)

    async def _start(self) -> bool:
        """Begin a tape; False if that is not possible now."""
        tape = self._tape = Tape(self._house, self._config, free_bytes=self._free_bytes, on_live=self._tape_live)
        why = complain(await tape.start(monotonic_ns()))
        if self._tape is not tape:
            return True  # it stepped aside, or is over already
        if why:
            self._tape = self._tape_session = None
            self._end(tape.end())
            if why != self._told:
                get_logger().warning("replay.unavailable", reason=why)
        self._told = why
        return not why

    # -- recycling --------------------------------------------------------------------------------------------------

    async def _recycle(self) -> None:
        # What an earlier run of the daemon left to be filled in.
        await self._fill()
        failure = ""
        while True:
            try:
                await self._trim()
                failure = ""
            except ReeldError as error:
                if str(error) != failure:
                    get_logger().warning("replay.recycle_failed", reason=str(error))
                failure = str(error)
            if not self.is_allowed:
                return
            await self._refresh()
            await asyncio.sleep(TRIM_S)

    async def _refresh(self) -> None:
        """Have key frames made where nothing moves."""
        every_s = min(KEYFRAME_S, seconds(self.keep_ns) / 4)
        if self._tape_session is not None and monotonic_ns() - self._refreshed_ns >= every_s * NS_PER_S:
            self._refreshed_ns = monotonic_ns()
            order = CutTracks(keyframe_after_s=every_s / 2)
            # A worker that is being replaced begins with a key frame anyway.
            with contextlib.suppress(ReeldError):
                await self._house.ask_active(Role.CAPTURE, order, STORE_S)

    async def _fill(self) -> None:
        while True:
            try:
                report = await self._house.ask_store(FillKept(work_ms=FILL_MS), STORE_S)
            except ReeldError as error:
                get_logger().warning("replay.fill_failed", reason=str(error))
                return
            waiting = set(report.waiting) if isinstance(report, Kept) else set()
            resting = waiting == self._unfilled
            self._unfilled = waiting
            if not waiting:
                return
            if resting:
                # Most likely they wait for the last chunk of what is being recorded.
                await asyncio.sleep(FILL_PAUSE_S)

    async def _trim(self) -> None:
        dropped = 0
        while True:
            report = await self._house.ask_store(TrimBuffer(now=self.moment(), keep_ns=self.keep_ns), STORE_S)
            if not isinstance(report, BufferTrimmed):
                break
            self._held = (report.held_ns, monotonic_ns())
            dropped += report.dropped
            if report.complete:
                break
        if dropped:
            await self._collect()
