"""The daemon's side: starts the process of the bridge, starts it again when it has died, ends it."""

import asyncio
from importlib.util import find_spec

import msgspec

from reeld.config import ObsConfig
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.supervisor import Premises
from reeld.supervisor.budget import RestartBudget
from reeld.supervisor.process import spawn
from reeld_proto.units import NS_PER_S

SETTINGS = "REELD_OBS"
"""The environment variable with the settings: others of this machine see arguments, but no environments."""

MODULE = "reeld.obs"
LEAVE_S = 2.0
RETRY_S = 1.0
"""Between two tries: a port that is taken is not free again at once, and nothing is lost while a remote waits."""


class ObsKeeper:
    """Belongs to the event loop's thread. The process leaves by itself when the daemon dies, however it does."""

    def __init__(self, premises: Premises, config: ObsConfig, *, module: str = MODULE) -> None:
        self.pid = 0
        self._premises = premises
        self._config = config
        self._module = module

    async def serve(self) -> None:
        """Keep the bridge running, if the config enables it. Never returns; cancelling ends the process."""
        if self._config.enabled and find_spec("websockets") is None:
            get_logger().error("obs.not_installed", remedy="pip install 'reeld[obs]'")
        elif self._config.enabled:
            budget = RestartBudget()
            while budget.spend(monotonic_ns()):
                try:
                    await self._run()
                except OSError as error:
                    get_logger().error("obs.not_started", reason=str(error))
                await asyncio.sleep(RETRY_S + budget.backoff_ns(monotonic_ns()) / NS_PER_S)
            get_logger().error("obs.given_up", restarts=budget.total, remedy="See what `reeld` logged as obs.ended.")
        await asyncio.Event().wait()

    async def _run(self) -> None:
        """One life of the process."""
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        process = spawn(
            self._module,
            name="obs",
            runtime_dir=self._premises.endpoints.runtime_dir,
            store_dir=self._premises.store_dir,
            on_exit=exited.set_result,
            environment={SETTINGS: msgspec.json.encode(self._config).decode()},
            gently=True,
        )
        self.pid = process.pid
        try:
            status = await asyncio.shield(exited)
            get_logger().warning("obs.exited", status=status)
        except asyncio.CancelledError:
            await process.end(exited, LEAVE_S)
            raise
        finally:
            self.pid = 0
