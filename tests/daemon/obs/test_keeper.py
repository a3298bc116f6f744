"""The daemon's side. Harm guarded against: a bridge that cannot run and is started again for ever, or that nobody asked
for."""

import asyncio
from functools import partial

import psutil
import pytest
from structlog.testing import capture_logs

from reeld.config import ObsConfig
from reeld.obs import keeper as module
from reeld.obs.keeper import ObsKeeper
from reeld.supervisor.budget import RestartBudget
from tests.support.premises import eventually, premises

ON = ObsConfig(enabled=True, password="secret")


def test_nothing_is_started_unless_it_is_enabled() -> None:
    async def main() -> None:
        with premises() as there:
            serving = asyncio.create_task(ObsKeeper(there, ObsConfig()).serve())
            before = psutil.Process().children()
            await asyncio.sleep(0)
            assert psutil.Process().children() == before
            assert not serving.done()
            serving.cancel()

    asyncio.run(main())


def test_without_the_library_a_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _name: None)

    async def main() -> None:
        with premises() as there:
            serving = asyncio.create_task(ObsKeeper(there, ON).serve())
            await asyncio.sleep(0)
            assert not serving.done()
            serving.cancel()

    with capture_logs() as logs:
        asyncio.run(main())
    assert [(line["event"], line["remedy"]) for line in logs] == [("obs.not_installed", "pip install 'reeld[obs]'")]


def test_one_that_cannot_run_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no daemon, so it leaves."""
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    monkeypatch.setattr(module, "RestartBudget", partial(RestartBudget, restarts_max=2))

    async def main() -> None:
        with premises() as there:
            serving = asyncio.create_task(ObsKeeper(there, ON).serve())
            await eventually(lambda: any(line["event"] == "obs.given_up" for line in logs))
            assert not serving.done()
            serving.cancel()

    with capture_logs() as logs:
        asyncio.run(main())
    assert [line["event"] for line in logs] == ["obs.exited", "obs.exited", "obs.given_up"]
    assert [line["status"] for line in logs[:2]] == [1, 1]


def test_it_is_ended_with_its_keeper_and_its_password_is_no_argument() -> None:
    async def main() -> None:
        with premises() as there:
            keeper = ObsKeeper(there, ON)
            serving = asyncio.create_task(keeper.serve())
            pid = await eventually(lambda: keeper.pid)
            assert not any("secret" in word for word in psutil.Process(pid).cmdline())
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            assert not psutil.pid_exists(pid)

    asyncio.run(main())
