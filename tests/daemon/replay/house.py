"""Workers and a store played in memory for the rolling buffer: orders are carried out at once unless told otherwise."""

# ruff: noqa: ARG002 - the fakes ignore what they do not need

import asyncio
from typing import Any

from reeld.supervisor.signals import POOLED, Role
from reeld_proto.errors import ErrorCode, InternalError
from reeld_proto.replay_orders import BufferTrimmed, FillKept, Kept, TrimBuffer
from reeld_proto.workers import AnyOrder, AnyReport, Done, ListWorkerSources, StartAudio, StartVideo, TracksStarted
from tests.daemon.sessions.conversation import PICTURES, SOUNDS


class House:
    """Implements `reeld.replay.lease.House`.

    serving: the worker of each role, by a name that is never used twice. orders: (worker or role, order) as they came.
    fail: what raises at these orders; delay: what these orders wait for.
    """

    def __init__(self) -> None:
        self.orders: list[tuple[str, AnyOrder]] = []
        self.serving: dict[Role, str | None] = dict.fromkeys(POOLED)
        self.gone: list[str] = []
        self.live: list[str | None] = []
        self.distrusted: list[Role] = []
        self.expected: list[tuple[Role, bool]] = []
        self.fail: dict[type[Any], Exception] = {}
        self.delay: dict[type[Any], asyncio.Event] = {}
        self.trimmed = BufferTrimmed(held_ns=0, bytes=0, dropped=0)
        self.waiting: list[list[str]] = []
        self.collected = 0
        self._count = 0

    async def collect(self) -> None:
        self.collected += 1

    def ordered(self, kind: type[Any], to: str = "") -> list[Any]:
        return [order for name, order in self.orders if isinstance(order, kind) and name.startswith(to)]

    async def _do(self, name: str, order: AnyOrder) -> AnyReport:
        self.orders.append((name, order))
        await asyncio.sleep(0)  # as any real order does, it lets others go on
        if type(order) in self.delay:
            await self.delay[type(order)].wait()
        if type(order) in self.fail:
            raise self.fail[type(order)]
        match order:
            case ListWorkerSources():
                return PICTURES if name.startswith("capture") else SOUNDS
            case StartVideo(clock=clock):
                return TracksStarted(first_ns=clock.start_ns + 7_000_000)
            case StartAudio():
                return TracksStarted()
            case TrimBuffer():
                return self.trimmed
            case FillKept():
                return Kept(waiting=self.waiting.pop(0) if self.waiting else [])
        return Done()

    async def ask_any(self, role: Role, order: AnyOrder, timeout_s: float, *, ready_s: float) -> AnyReport:
        return await self._do(role, order)

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        name = self.serving[role]
        if name is None:
            raise InternalError("nobody serves", code=ErrorCode.WORKER_LOST)
        return await self._do(name, order)

    async def ask_named(self, name: str, order: AnyOrder, timeout_s: float) -> AnyReport:
        if name in self.gone:
            raise InternalError("it is gone", code=ErrorCode.WORKER_LOST)
        return await self._do(name, order)

    async def ask_store(self, order: AnyOrder, timeout_s: float) -> AnyReport:
        return await self._do(Role.STORE, order)

    async def claim(self, role: Role, timeout_s: float) -> str:
        await asyncio.sleep(0)
        name = self.serving[role]
        if name is None:
            self._count += 1
            name = self.serving[role] = f"{role}-{self._count}"
        return name

    def release(self, role: Role) -> None:
        name, self.serving[role] = self.serving[role], None
        if name is not None:
            self.gone.append(name)

    def retire(self, role: Role) -> str | None:
        name, self.serving[role] = self.serving[role], None
        return name

    def dismiss(self, name: str) -> None:
        self.gone.append(name)

    def distrust(self, role: Role, reason: str) -> None:
        self.distrusted.append(role)

    def expect_progress(self, role: Role, *, recording: bool) -> None:
        self.expected.append((role, recording))

    def set_live_session(self, session: str | None) -> None:
        self.live.append(session)
