"""Workers shared between a person's session and the rolling buffer: the person comes first.

DESIGN: both sessions are ordinary ones with a core of their own; they differ in whose workers they speak to. When a
person's session begins, the buffer's workers are retired: they serve no role any more, so the person's session takes
the warm standbys at once, and the buffer's last orders reach its old workers by name. Neither waits for the other, and
the buffer ends where the session begins.
"""

from collections.abc import Callable
from typing import Protocol

from reeld.sessions.service import Workers
from reeld.supervisor.signals import POOLED, Role
from reeld_proto.errors import ErrorCode, InternalError
from reeld_proto.workers import AnyOrder, AnyReport

OnLive = Callable[[str | None], None]
"""Told the session whose workers these are when it begins, and None when it is over."""


class House(Workers, Protocol):
    """What the buffer needs of the supervisor beside what a session needs."""

    def retire(self, role: Role) -> str | None:
        """The role is free for others; its worker's name, which drains first."""
        ...

    def dismiss(self, name: str) -> None:
        """A retired worker may leave."""
        ...

    async def ask_named(self, name: str, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to a worker by its name."""
        ...


class SharedWorkers:
    """The workers of a person's session. on_live: called before its roles are claimed."""

    def __init__(self, house: House, on_live: OnLive) -> None:
        self._house = house
        self._on_live = on_live

    async def ask_any(self, role: Role, order: AnyOrder, timeout_s: float, *, ready_s: float) -> AnyReport:
        """A question to whichever worker of the role is free."""
        return await self._house.ask_any(role, order, timeout_s, ready_s=ready_s)

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves the role."""
        return await self._house.ask_active(role, order, timeout_s)

    async def ask_store(self, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the store."""
        return await self._house.ask_store(order, timeout_s)

    async def claim(self, role: Role, timeout_s: float) -> str:
        """Have the role served."""
        return await self._house.claim(role, timeout_s)

    def release(self, role: Role) -> None:
        """The role is needed no longer."""
        self._house.release(role)

    def distrust(self, role: Role, reason: str) -> None:
        """The serving worker did not answer."""
        self._house.distrust(role, reason)

    def expect_progress(self, role: Role, *, recording: bool) -> None:
        """Whether the serving worker must show progress."""
        self._house.expect_progress(role, recording=recording)

    def set_live_session(self, session: str | None) -> None:
        """A session begins, or is over."""
        self._on_live(session)


class BufferWorkers(SharedWorkers):
    """The same for one session of the buffer: after `step_aside` it has its old workers only, and no new ones."""

    def __init__(self, house: House, on_live: OnLive) -> None:
        super().__init__(house, on_live)
        self._retired: dict[Role, str] = {}
        self._aside = False

    def step_aside(self) -> None:
        """Free the roles at once. May be called twice."""
        if self._aside:
            return
        self._aside = True
        for role in POOLED:
            name = self._house.retire(role)
            if name is not None:
                self._retired[role] = name

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves this session. Raises InternalError WORKER_LOST if none does any more."""
        if not self._aside:
            return await self._house.ask_active(role, order, timeout_s)
        name = self._retired.get(role)
        if name is None:
            raise _aside(role)
        return await self._house.ask_named(name, order, timeout_s)

    async def claim(self, role: Role, timeout_s: float) -> str:
        """Have the role served. Raises InternalError WORKER_LOST once a person's session has it."""
        if self._aside:
            raise _aside(role)
        name = await self._house.claim(role, timeout_s)
        if self._aside:
            raise _aside(role)
        return name

    def release(self, role: Role) -> None:
        """The role is needed no longer; a retired worker may leave."""
        if not self._aside:
            self._house.release(role)
        elif role in self._retired:
            self._house.dismiss(self._retired.pop(role))

    def distrust(self, role: Role, reason: str) -> None:
        """The serving worker did not answer; a retired one has a limited time anyway."""
        if not self._aside:
            self._house.distrust(role, reason)

    def expect_progress(self, role: Role, *, recording: bool) -> None:
        """Whether the serving worker must show progress; nothing more is expected of a retired one."""
        if not self._aside:
            self._house.expect_progress(role, recording=recording)


def _aside(role: Role) -> InternalError:
    return InternalError(f"the {role} worker of the rolling buffer was freed for a session", code=ErrorCode.WORKER_LOST)
