"""What `snapshots` answers. Harm guarded against: files in a folder that nobody meant."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.control.areas import snapshots
from reeld.control.library import Library
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.workers import RunSnapshots
from tests.daemon.store.builders import NS, SESSION, creation, land, new_store, still


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    with new_store(tmp_path / "store", creation(tracks=("video-1", "snapshots-1"))) as store:
        land(store, still(0, NS, b"a"), still(NS, 2 * NS, b"bb"))
    return tmp_path / "store"


def ask(store_dir: Path, command: c.Command) -> tuple[Any, list[Any]]:
    """The reply, and the orders that jobs were given."""
    orders: list[Any] = []

    async def run(order: Any) -> c.SnapshotList:
        orders.append(order)
        return c.SnapshotList()

    async def until_filled(session: str) -> None:
        orders.append(session)

    async def answer() -> Any:
        library = Library(store_dir)
        parts = SimpleNamespace(
            library=library,
            jobs=SimpleNamespace(run=run),
            replay=SimpleNamespace(until_filled=until_filled),
            store_dir=store_dir,
        )
        try:
            return await cast("Any", snapshots.commands(cast("Any", parts))[type(command)](command, 1))
        finally:
            await library.close()

    return asyncio.run(answer()), orders


def test_a_list_is_read_in_passing_and_files_are_a_job(store_dir: Path) -> None:
    reply, orders = ask(store_dir, c.ListSnapshots(session=SESSION))
    assert [(each.at_s, each.bytes) for each in reply.snapshots] == [(0, 1), (1, 2)]
    assert orders == []
    _, orders = ask(store_dir, c.ListSnapshots(session=SESSION, folder="/out"))
    assert orders == [SESSION, RunSnapshots(store=str(store_dir), session=SESSION, folder="/out")]


@pytest.mark.parametrize(
    ("session", "folder", "code"),
    [
        (SESSION, "out", ErrorCode.INVALID_REQUEST),
        ("nobody", None, ErrorCode.NOT_FOUND),
        ("nobody", "/out", ErrorCode.NOT_FOUND),
    ],
)
def test_mistakes_are_told_before_a_process_is_started(
    store_dir: Path, session: str, folder: str | None, code: ErrorCode
) -> None:
    with pytest.raises(RequestRejected) as caught:
        ask(store_dir, c.ListSnapshots(session=session, folder=folder))
    assert caught.value.code is code
