"""Reading the store. Harm guarded against: a command that stops the daemon's loop while it reads, and a reader that
keeps a store from being opened again."""

import asyncio
from pathlib import Path

import pytest

from reeld.control.library import Library
from reeld.store import sessions
from reeld.store.environment import StoreEnvironment
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState, TrackKind
from reeld_proto.workers import CreateSession, TrackRecord

pytestmark = pytest.mark.usefixtures("no_leaks")


def write(folder: Path, *names: str) -> None:
    store = StoreEnvironment.open_write(folder)
    track = TrackRecord(id="mic", kind=TrackKind.AUDIO, codec="aac", label="mic", source="m")
    with store.write() as txn:
        for number, name in enumerate(names):
            order = CreateSession(
                session=f"s{number}",
                name=name,
                tags=[name],
                started_wall_ns=10**18 + number,
                started_mono_ns=number,
                tracks=[track],
            )
            sessions.create(txn, order)
    store.close()


def test_sessions_are_listed_filtered_and_shown(tmp_path: Path) -> None:
    async def read() -> None:
        library = Library(tmp_path)
        assert [found.name for found in await library.list_sessions(None, None, None)] == ["two", "one"]
        assert [found.name for found in await library.list_sessions(None, "one", None)] == ["one"]
        assert await library.list_sessions(SessionState.ERROR, None, None) == []
        assert [found.name for found in await library.list_sessions(None, None, "TW")] == ["two"]
        assert (await library.show("s1")).name == "two"
        with pytest.raises(RequestRejected) as caught:
            await library.show("nothing")
        assert caught.value.code == ErrorCode.NOT_FOUND
        await library.close()

    write(tmp_path, "one", "two")
    asyncio.run(read())
    # Closed for good: py-lmdb refuses a second opening in one process.
    write(tmp_path)


def test_many_reads_at_a_time_take_turns(tmp_path: Path) -> None:
    async def read() -> None:
        library = Library(tmp_path)
        found = await asyncio.gather(*(library.show("s0") for _ in range(50)))
        assert len(found) == 50
        await library.close()

    write(tmp_path, "one")
    asyncio.run(read())


def test_a_library_that_was_never_opened_can_be_closed(tmp_path: Path) -> None:
    async def close() -> None:
        library = Library(tmp_path)
        with pytest.raises(RequestRejected):
            await library.show("s")
        await library.close()

    asyncio.run(close())
