"""Recordings through the asyncio client. That both clients can do the same is tested in `test_library_client.py`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from reeld_client import AsyncClient
from reeld_proto import commands as c
from tests.client.fake_reeld import INFO, FakeReeld, serving
from tests.client.library_cases import CASES, answering


def test_each_method_asks_what_it_says(runtime: Path, no_leaks: None) -> None:
    async def ask_all() -> None:
        async with AsyncClient(runtime) as client:
            for name, words, options, _ in CASES:
                assert await getattr(client, name)(*words, **options) is not None

    fake = answering()
    with serving(fake, runtime):
        asyncio.run(asyncio.wait_for(ask_all(), 30))
    assert fake.heard == [command for _, _, _, command in CASES]


@pytest.mark.parametrize("pages", [1, 4])
def test_a_list_in_pages_is_one_list(runtime: Path, pages: int) -> None:
    def answer(command: c.ListSessions) -> Any:
        number = int(command.after or "0") + 1
        return c.SessionList(sessions=[structs.replace(INFO, session=str(number))], more=number < pages)

    async def ask() -> list[str]:
        async with AsyncClient(runtime) as client:
            return [each.session for each in await client.sessions(tag="x")]

    fake = FakeReeld(sessions_list=answer)
    with serving(fake, runtime):
        assert asyncio.run(asyncio.wait_for(ask(), 30)) == [str(number + 1) for number in range(pages)]
    assert len(fake.heard) == pages
