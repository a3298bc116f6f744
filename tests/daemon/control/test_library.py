"""Reading the store. Harm guarded against: a command that stops the daemon's loop while it reads, and a reader that
keeps a store from being opened again."""

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from reeld.control import library as library_module
from reeld.control.library import Library, PackedSessions, page
from reeld.store import sessions, suspicion
from reeld.store.environment import StoreEnvironment
from reeld.store.index import FILE_NAME
from reeld.store.listing import Card
from reeld.store.reader import StoreReader
from reeld.store.selection import selection_of
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.commands import AnyReply, ListSessions, SessionList
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import SessionInfo, SessionState, TrackKind
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


async def names(library: Library, **filters: Any) -> list[str]:
    reply = await library.find(selection_of(ListSessions(**filters)))
    return [found.name for found in as_client(reply).sessions]


def as_client(reply: PackedSessions) -> SessionList:
    """What a client makes of it."""
    return cast("SessionList", codec.unpack(codec.pack(reply), AnyReply, limit=codec.MESSAGE_BYTES_MAX).body)


def test_sessions_are_listed_filtered_and_shown(tmp_path: Path) -> None:
    async def read() -> None:
        library = Library(tmp_path)
        assert await names(library) == ["two", "one"]
        assert await names(library, tag="one") == ["one"]
        assert await names(library, status=SessionState.ERROR) == []
        assert await names(library, text="TW*") == ["two"]
        assert await names(library, text="nothing") == []
        assert await names(library, text="one OR two", limit=1) == ["two"]
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


def test_room_is_known_at_once_and_surveyed_unless_that_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "one", "two")

    async def read() -> None:
        library = Library(tmp_path)
        assert 0 < await library.bytes_in_use() <= (tmp_path / "data.mdb").stat().st_size
        found = await library.survey_if_quick()
        assert found is not None
        assert [room.session for room in found.sessions] == ["s0", "s1"]
        monkeypatch.setattr("reeld.store.usage.ENTRIES_IN_PASSING", -1)
        assert await library.survey_if_quick() is None
        await library.close()

    asyncio.run(read())


def test_a_library_that_was_never_opened_can_be_closed(tmp_path: Path) -> None:
    async def close() -> None:
        library = Library(tmp_path)
        with pytest.raises(RequestRejected):
            await library.show("s")
        await library.close()

    asyncio.run(close())


def test_the_index_is_kept_beside_the_store_and_compared_with_it(tmp_path: Path) -> None:
    async def read() -> None:
        library = Library(tmp_path)
        await library.catch_up()
        assert not (tmp_path / FILE_NAME).exists()
        assert await names(library, text="one") == ["one"]
        assert await library.check_index(rebuild=False) == (2, [])
        assert await library.check_index(rebuild=True) == (2, [])
        await library.catch_up()
        await library.close()
        assert (tmp_path / FILE_NAME).exists()

    write(tmp_path, "one", "two")
    asyncio.run(read())


def card(number: int) -> Card:
    info = codec.encoded(
        SessionInfo(
            session=f"s{number}", name="x" * 200, state=SessionState.COMPLETED, started_at="", duration_s=1, bytes=1
        )
    )
    return Card(f"s{number}", SessionState.COMPLETED, (), 0, 1, hidden=False, info=info, size=len(bytes(info)))


@pytest.mark.parametrize("bytes_max", [1, 500, 1000, 1200, 10**6])
def test_a_list_that_no_message_holds_comes_in_pages(bytes_max: int) -> None:
    """Else the client would drop the connection, or the daemon the reply."""
    cards = [card(number) for number in range(7)]
    seen: list[str] = []
    more = True
    while more:
        reply = as_client(page(cards, seen[-1] if seen else "", bytes_max))
        assert reply.sessions
        assert len(reply.sessions) == 1 or sum(card(0).size for _ in reply.sessions) <= bytes_max
        seen += [each.session for each in reply.sessions]
        more = reply.more
    assert seen == [f"s{number}" for number in range(7)]


def test_an_empty_list_is_one_page() -> None:
    assert as_client(page([])) == SessionList(sessions=[])


def test_a_page_behind_a_session_that_is_gone_is_refused() -> None:
    """Else the list would begin again and never end."""
    with pytest.raises(RequestRejected) as caught:
        page([card(1)], "s7")
    assert caught.value.code == ErrorCode.NOT_FOUND


def test_a_file_cut_off_while_the_daemon_serves_it_is_an_error_and_not_its_end(tmp_path: Path) -> None:
    # Reading behind the end of a mapped file ends the process: the recording and everybody's daemon.
    async def read() -> None:
        write(tmp_path, *(f"name {number}" for number in range(300)))
        (tmp_path / "in-use").touch()
        library = Library(tmp_path)
        assert len(await library.sessions()) == 300
        os.truncate(tmp_path / "data.mdb", 3 * 4096)
        for _ in range(2):
            with pytest.raises(StoreCorrupt, match="cut off") as caught:
                await library.show("s7")
            assert caught.value.remedy
        assert suspicion.is_suspect(tmp_path), "the next writer looks at it"


def damage(folder: Path, session: str) -> None:
    store = StoreEnvironment.open_write(folder)
    with store.write() as txn:
        txn.put(Table.SESSIONS, session.encode(), b"\xc1")
    store.close()


def test_a_damaged_session_is_named_once_in_the_log_and_in_every_list(tmp_path: Path) -> None:
    """And costs the list nothing but itself."""

    async def read() -> None:
        library = Library(tmp_path)
        with capture_logs() as logs:
            for _ in range(3):
                reply = as_client(await library.find(selection_of(ListSessions())))
                assert [found.session for found in reply.sessions] == ["s2", "s0"]
                (warning,) = reply.warnings
                assert "s1" in warning
                assert "reelctl repair" in warning
            behind = as_client(await library.find(selection_of(ListSessions()), "s2"))
            assert behind.warnings == [], "said with the first page"
        assert [each["session_id"] for each in logs if each["event"] == "session.damaged"] == ["s1"]
        assert await names(library, text="three") == ["three"]
        found = await library.survey_if_quick()
        assert found is not None
        assert [room.session for room in found.sessions] == ["s0", "s2"]
        await library.close()

    write(tmp_path, "one", "two", "three")
    damage(tmp_path, "s1")
    asyncio.run(read())


def test_the_first_list_of_a_large_store_is_prepared_behind_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is prepared for a small one; what is asked meanwhile waits for one portion only."""
    monkeypatch.setattr("reeld.store.listing.WARM_NEW", 1)
    monkeypatch.setattr("reeld.control.library.WARM_SESSIONS_MIN", 3)
    portions = 0
    warm = StoreReader.warm

    def spy(reader: StoreReader, after: bytes = b"") -> bytes | None:
        nonlocal portions
        portions += 1
        return warm(reader, after)

    monkeypatch.setattr(StoreReader, "warm", spy)

    async def read(count: int) -> None:
        library = Library(tmp_path)
        library.begin_warming()
        library.begin_warming()
        await library.show("s0")
        assert portions <= 2 * library_module.WARM_PORTIONS
        assert library._warming is not None
        await library._warming
        assert len(await names(library)) == count
        await library.close()

    write(tmp_path, "one", "two")
    asyncio.run(read(2))
    assert portions == 0
    store = tmp_path / "data.mdb"
    store.unlink()
    write(tmp_path, "one", "two", "three")
    asyncio.run(read(3))
    assert portions == 4


def test_a_library_can_be_closed_while_it_prepares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that ends must not wait for it."""
    monkeypatch.setattr("reeld.control.library.WARM_SESSIONS_MIN", 1)
    monkeypatch.setattr(StoreReader, "warm", lambda _reader, after=b"": after)  # never done

    async def read() -> None:
        library = Library(tmp_path)
        library.begin_warming()
        await library.show("s0")
        await asyncio.wait_for(library.close(), 10)

    write(tmp_path, "one")
    asyncio.run(read())


def test_a_store_that_cannot_be_prepared_is_told_to_whoever_asks(tmp_path: Path) -> None:
    """Not to the daemon, which would end of it."""

    async def read() -> None:
        library = Library(tmp_path)
        library.begin_warming()
        assert library._warming is not None
        await library._warming
        with pytest.raises(RequestRejected):
            await library.sessions()
        await library.close()

    asyncio.run(read())
