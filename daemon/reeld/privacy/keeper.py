"""Private mode and whatever else hides everything: told to the workers that record, and to those that begin to.

DESIGN: an order names the instant at which its command arrived, so what was captured since is taken back however long
the order takes. A worker that does not obey is replaced; its successor is told with its first order. Private mode is
kept in a file beside the store, so that neither a restart of the daemon nor of the machine ends it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

import msgspec

from reeld.capture.privacy import PrivacyRules
from reeld.config import PrivacyConfig
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.supervisor.signals import POOLED, Role
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.workers import AnyOrder, AnyReport, HideTracks, StartAudio, StartVideo

HIDE_S = 5.0
"""How long a worker may take to hide; one that takes longer is replaced."""

FILE_NAME = "private-mode"
PRIVATE, LOCKED = "private", "locked"
"""What gaps say of private mode and of a locked session."""


class Obeying(Protocol):
    """What the keeper needs of the supervisor."""

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves the role."""
        ...

    def distrust(self, role: Role, reason: str) -> None:
        """The serving worker did not answer."""
        ...


class PrivacyKeeper:
    """Belongs to the event loop's thread. flag_dir: where the file of private mode is. civil: the time of day."""

    def __init__(
        self,
        workers: Obeying,
        config: PrivacyConfig,
        flag_dir: Path,
        *,
        civil: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        self._workers = workers
        self._config = config
        self._rules = PrivacyRules(config.rules)
        self._flag = flag_dir / FILE_NAME
        self._civil = civil
        self._private = self._flag.exists()
        self._locked = False
        self._by_rule = self._find_rule()
        self._told = self.hidden
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def private(self) -> bool:
        """Whether private mode is on."""
        return self._private

    @property
    def hidden(self) -> str:
        """Why nothing may be recorded now; empty if it may. Rules for single screens are the workers' own business."""
        if self._private:
            return PRIVATE
        return LOCKED if self._locked else self._by_rule

    def set_private(self, private: bool, at_ns: int) -> None:  # noqa: FBT001 - it is what the command says
        """Private mode from monotonic `at_ns` on, or no more."""
        self._private = private
        try:
            if private:
                self._flag.touch(mode=0o600)
            else:
                self._flag.unlink(missing_ok=True)
        except OSError as error:
            # It holds as long as the daemon runs; to refuse it would be worse.
            get_logger().error("privacy.not_kept", reason=str(error))
        self._tell(at_ns)

    def set_locked(self, locked: bool, at_ns: int) -> None:  # noqa: FBT001 - it is what the signal says
        """The session of the desktop is locked since monotonic `at_ns`, or unlocked."""
        self._locked = locked and self._config.pause_on_lock
        self._tell(at_ns)

    def reconfigure(self, config: PrivacyConfig, at_ns: int) -> None:
        """Other rules: those that hide everything hold from monotonic `at_ns` on, the others from the next start on."""
        self._config = config
        self._rules = PrivacyRules(config.rules)
        self._by_rule = self._find_rule()
        self._changed.set()
        self._tell(at_ns)

    def dress(self, order: AnyOrder) -> AnyOrder:
        """A start order together with what must not be recorded; any other as it is."""
        if isinstance(order, StartVideo):
            return msgspec.structs.replace(order, hidden=self.hidden, privacy=list(self._config.rules))
        if isinstance(order, StartAudio):
            return msgspec.structs.replace(order, hidden=self.hidden)
        return order

    async def serve(self) -> None:
        """Look at the clock whenever a minute begins, if a rule has hours. Ends when it is cancelled."""
        while True:
            self._changed.clear()
            wait_s = max(1, 60 - self._civil().tm_sec) if self._rules.watch_clock else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            self._by_rule = self._find_rule()
            self._tell(monotonic_ns())

    async def close(self) -> None:
        """Wait for the orders that are out."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _find_rule(self) -> str:
        now = self._civil()
        return self._rules.screen([], now.tm_hour * 60 + now.tm_min) or ""

    def _tell(self, at_ns: int) -> None:
        if self.hidden == self._told:
            return
        self._told = self.hidden
        get_logger().info("privacy.changed", hidden=bool(self.hidden), private=self._private)
        for role in POOLED:
            self._run(self._order(role, HideTracks(at_ns=at_ns, detail=self.hidden)))

    async def _order(self, role: Role, order: HideTracks) -> None:
        try:
            await self._workers.ask_active(role, order, HIDE_S)
        except ReeldError as error:
            if error.code != ErrorCode.WORKER_LOST:
                self._workers.distrust(role, f"it does not hide what it records: {error}")

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
