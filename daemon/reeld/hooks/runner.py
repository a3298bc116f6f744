"""Runs hooks beside everything else: a hook that fails, hangs or floods costs the daemon nothing but a line in the log.

Programs are run by a few threads, so that the event loop never waits for one, and what cannot be run soon is dropped.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reeld.hooks.happenings import Happening, Happenings
from reeld.hooks.process import run
from reeld.hooks.settings import HooksConfig
from reeld.runtime.logs import get_logger
from reeld_proto.events import Event

LIMIT_S = 10.0
RUNNING_MAX = 8
WAITING_MAX = 64
"""Programs that run or wait for one to end; more are dropped: somebody sets markers by the hundred."""

CLOSE_S = 3.0
"""How long the daemon, ending, waits for hooks; `on_stop` of the last session is among them."""


class HookRunner:
    """Belongs to the event loop's thread. runtime_dir: told to hooks, so that their `reelctl` finds this daemon."""

    def __init__(self, config: HooksConfig, runtime_dir: Path, *, limit_s: float = LIMIT_S) -> None:
        self._config = config
        self._runtime = {"REELD_RUNTIME_DIR": str(runtime_dir)}
        self._limit_s = limit_s
        self._happenings = Happenings()
        self._threads = ThreadPoolExecutor(RUNNING_MAX, thread_name_prefix="hook")
        self._ending = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def reconfigure(self, config: HooksConfig) -> None:
        """Other commands from now on; what runs goes on."""
        self._config = config

    def heard(self, event: Event) -> None:
        """An event of the daemon's was published; never blocks and never raises."""
        happening = self._happenings.see(event)
        command = self._config.of(happening.kind) if happening is not None else []
        if happening is None or not command or self._ending.is_set():
            return
        if len(self._tasks) >= WAITING_MAX:
            get_logger().warning("hook.dropped", hook=happening.kind, waiting=len(self._tasks))
            return
        task = asyncio.get_running_loop().create_task(self._run(happening, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, wait_s: float = CLOSE_S) -> None:
        """Wait a little for what runs, then kill it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=wait_s)
        self._ending.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown()

    async def _run(self, happening: Happening, command: list[str]) -> None:
        outcome = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: run(
                command,
                {**happening.environment, **self._runtime},
                happening.document,
                limit_s=self._limit_s,
                ending=self._ending,
            ),
        )
        log = get_logger()
        (log.info if outcome.ok else log.warning)(
            "hook.finished" if outcome.ok else "hook.failed",
            hook=happening.kind,
            program=command[0],
            status=outcome.status,
            timed_out=outcome.timed_out,
            took_s=round(outcome.took_s, 3),
            output=outcome.output,
        )
