"""A desk that asks a scripted daemon, for the requests of the bridge."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from reeld.config import ObsConfig
from reeld.obs.conversation import Asked, AskedBatch
from reeld.obs.desk import Desk
from reeld.obs.requests import Requests
from reeld.obs.wire import Message
from reeld_client import AsyncClient
from tests.client.fake_reeld import FakeReeld, serving

T = TypeVar("T")


class Remote:
    """What a remote asks and hears. events: what was told to all, as (type, data)."""

    def __init__(self, client: AsyncClient, config: ObsConfig) -> None:
        self.events: list[tuple[str, Message]] = []
        self.desk = Desk(client, config, self._told)
        self.requests = Requests(self.desk)

    def _told(self, message: Message) -> None:
        self.events.append((message["d"]["eventType"], message["d"]["eventData"]))

    async def ask(self, name: str, **data: Any) -> Any:
        """The data of a request that must succeed, or its code if it does not."""
        said = (await self.requests.answer(Asked("1", name, data)))["d"]
        assert (said["requestId"], said["requestType"]) == ("1", name)
        msgspec.json.encode(said)
        return said.get("responseData") if said["requestStatus"]["result"] else said["requestStatus"]["code"]

    async def settle(self) -> None:
        """Until what goes on beside the requests is done."""
        await asyncio.gather(*self.desk._work)

    async def batch(self, *names: str, halt: bool = False, execution: int = 0, **data: Any) -> list[int]:
        """The codes of a batch."""
        batch = AskedBatch("1", [Asked(None, name, data) for name in names], halt, execution)
        said = (await self.requests.answer_batch(batch))["d"]
        return [each["requestStatus"]["code"] for each in said["results"]]


def drive(
    fake: FakeReeld, folder: Path, work: Callable[[Remote], Coroutine[Any, Any, T]], **settings: Any
) -> tuple[T, Remote]:
    """What a remote does with a daemon that only talks, and what it heard."""

    async def main() -> tuple[T, Remote]:
        async with AsyncClient(folder) as client:
            remote = Remote(client, ObsConfig(**settings))
            return await asyncio.wait_for(work(remote), 20), remote

    with serving(fake, folder):
        return asyncio.run(main())
