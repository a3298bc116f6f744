"""Commands that make, change and delete sessions, over a real store. Harm guarded against: a command that changes
something although it was refused, or that deletes what somebody reads."""

import asyncio
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.control.areas import edits
from reeld.control.parts import Parts
from reeld.store import orders, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionInfo, SessionState
from reeld_proto.workers import AnyOrder, AnyReport
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

OTHER = "20261122-171000-abcd"


class House:
    """The parts of a daemon that these commands speak to."""

    def __init__(self, store: StoreEnvironment) -> None:
        self.store = store
        self.busy_with = ""
        library = SimpleNamespace(show=self._show)
        jobs = SimpleNamespace(is_busy_with=lambda session: session == self.busy_with)
        enrich = SimpleNamespace(forget_session=lambda _session: None)
        parts = SimpleNamespace(
            library=library, jobs=jobs, ask_store=self._ask_store, store_dir=store.path, enrich=enrich
        )
        self._table = edits.commands(cast("Parts", parts))

    async def _show(self, session: str) -> SessionInfo:
        return StoreReader(self.store).show(session)

    async def _ask_store(self, order: AnyOrder, _timeout_s: float) -> AnyReport:
        with self.store.write() as txn:
            return orders.carry_out(txn, order, Circumstances(self.store.path, ()))

    def __call__(self, command: c.Command) -> Any:
        work = self._table[type(command)](command, 1)
        assert not isinstance(work, c.Reply)
        return asyncio.run(cast("Any", work))

    def refusal(self, command: c.Command) -> RequestRejected:
        """The error, after which nothing has changed."""
        before = self.state()
        with pytest.raises(RequestRejected) as caught:
            self(command)
        assert self.state() == before
        return caught.value

    def state(self) -> list[tuple[bytes, bytes]]:
        with self.store.read() as txn:
            return [row for table in Table if table is not Table.CHUNKS for row in txn.scan(table)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with new_store(tmp_path / "store", creation(name="stand-up", tags=["work"]), creation(OTHER, tags=["b"])) as store:
        for session in (SESSION, OTHER):
            land(store, *(chunk(at * NS, (at + 2) * NS, session=session) for at in range(0, 10, 2)))
            with store.write() as txn:
                sessions.finish(txn, finish(10 * NS, session))
        yield House(store)


def test_a_clip_is_a_session_of_its_own(house: House) -> None:
    made = house(c.ClipSession(session=SESSION, from_s=1.5, to_s=4.25, name=" best "))
    assert (made.name, made.duration_s, made.new_bytes) == ("best", 2.75, 0)
    assert (made.info.state, made.info.origins, made.info.tags) == (SessionState.COMPLETED, [SESSION], ["work"])
    assert made.bytes == made.info.bytes > 0
    assert StoreReader(house.store).show(made.session) == made.info


def test_new_sessions_are_the_newest_and_named_after_what_they_are(house: House) -> None:
    made = house(c.ClipSession(session=SESSION, from_s=0, to_s=1))
    assert (made.name, made.session > OTHER) == ("stand-up (clip)", True)
    house(c.EditSession(session=SESSION, name="x" * 255))
    assert house(c.ClipSession(session=SESSION, from_s=0, to_s=1)).name == "x" * 248 + " (clip)"
    assert house(c.MergeSessions(sessions=[SESSION, OTHER])).name == "x" * 246 + " (merged)"


def test_a_trimmed_session_keeps_what_was_written_about_it(house: House) -> None:
    house(c.EditSession(session=SESSION, note="important"))
    made = house(c.TrimSession(session=SESSION, from_s=4))
    assert (made.name, made.info.tags, made.info.note, made.duration_s) == ("stand-up", ["work"], "important", 6.0)
    assert house(c.TrimSession(session=SESSION, to_s=9.5)).duration_s == 9.5
    assert StoreReader(house.store).show(SESSION).duration_s == 10.0


def test_merged_sessions_follow_one_another(house: House) -> None:
    made = house(c.MergeSessions(sessions=[OTHER, SESSION, OTHER], name="all"))
    assert (made.name, made.duration_s, made.info.origins) == ("all", 30.0, [OTHER, SESSION])
    assert made.info.tags == ["b", "work"]


@pytest.mark.parametrize(
    ("command", "faults", "code"),
    [
        (c.ClipSession(session=SESSION, from_s=8, to_s=11, name="x" * 256), 2, ErrorCode.INVALID_REQUEST),
        (c.ClipSession(session=SESSION, from_s=math.nan, to_s=math.inf), 2, ErrorCode.INVALID_REQUEST),
        (c.ClipSession(session=SESSION, from_s=-1e300, to_s=3), 1, ErrorCode.INVALID_REQUEST),
        (c.ClipSession(session="none", from_s=0, to_s=3), 0, ErrorCode.NOT_FOUND),
        (c.TrimSession(session=SESSION, from_s=11, to_s=12), 2, ErrorCode.INVALID_REQUEST),
        (c.MergeSessions(sessions=["one", SESSION, "two"]), 2, ErrorCode.NOT_FOUND),
        (c.MergeSessions(sessions=[]), 0, ErrorCode.INVALID_REQUEST),
        (c.EditSession(session=SESSION, name=" ", add_tags=[""]), 2, ErrorCode.INVALID_REQUEST),
        (c.EditSession(session="none", name="x"), 0, ErrorCode.NOT_FOUND),
        (c.DeleteSession(session="none"), 0, ErrorCode.NOT_FOUND),
    ],
)
def test_every_fault_is_told_and_nothing_changes(
    house: House, command: c.Command, faults: int, code: ErrorCode
) -> None:
    error = house.refusal(command)
    assert (len(error.faults), error.code) == (faults, code)


@pytest.mark.parametrize(
    ("command", "read"),
    [
        (c.EditSession(session=SESSION, name="new"), lambda info: info.name == "new"),
        (c.EditSession(session=SESSION, note="why"), lambda info: (info.note, info.name) == ("why", "stand-up")),
        (c.EditSession(session=SESSION, add_tags=["x"], remove_tags=["work"]), lambda info: info.tags == ["x"]),
        (c.EditSession(session=SESSION, pinned=True), lambda info: info.pinned),
    ],
)
def test_an_edit_answers_with_the_session_as_it_is_now(
    house: House, command: c.EditSession, read: Callable[[SessionInfo], bool]
) -> None:
    assert read(house(command).session)
    assert read(StoreReader(house.store).show(SESSION))


def test_a_deleted_session_is_gone_and_says_what_is_left(house: House) -> None:
    clip = house(c.ClipSession(session=SESSION, from_s=0, to_s=2))
    done = house(c.DeleteSession(session=SESSION))
    held = len(b"video-1 0 2000000000")
    others = sum(len(b"video-1 %d %d" % (at * NS, (at + 2) * NS)) for at in range(2, 10, 2))
    # The other session has chunks of the same bytes, and all share an init segment.
    assert (done.freed_bytes, done.shared_bytes) == (0, held + others + len(b"init"))
    assert house(c.DeleteSession(session=OTHER)).freed_bytes == others
    assert house.refusal(c.DeleteSession(session=SESSION)).code is ErrorCode.NOT_FOUND
    assert StoreReader(house.store).show(clip.session).duration_s == 2.0


def test_a_session_that_an_export_reads_is_not_deleted(house: House) -> None:
    """The file would end in the middle."""
    house.busy_with = SESSION
    assert house.refusal(c.DeleteSession(session=SESSION)).code is ErrorCode.WRONG_STATE
    house.busy_with = ""
    house(c.DeleteSession(session=SESSION))
