"""What the requests share: the client of the daemon, the settings, and where events go."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reeld.config import ObsConfig
from reeld.obs.wire import Message
from reeld.runtime.logs import get_logger
from reeld_client import AsyncClient
from reeld_proto.errors import ReeldError


@dataclass
class Desk:
    """publish: gives an event to the remotes that want it; heard, said: how many messages came and went."""

    client: AsyncClient
    config: ObsConfig
    publish: Callable[[Message], None]
    heard: int = 0
    said: int = 0
    _work: "set[asyncio.Task[None]]" = field(default_factory=set)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let this go on beside the requests."""
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def path_of(self, session: str) -> Path | None:
        """Where a recording that was made through a remote is exported to; None if it is not."""
        folder = self.config.export_dir
        return None if folder is None else Path(folder).expanduser().absolute() / f"{session}.mp4"

    async def export(self, session: str) -> str:
        """What OBS calls the path of a recording: the exported file; the session's id where there is none."""
        path = self.path_of(session)
        if path is None:
            return session
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            await self.client.export(session, path)
        except (ReeldError, OSError) as error:
            get_logger().error("obs.export_failed", session=session, reason=str(error))
            return session
        return str(path)
