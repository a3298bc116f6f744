"""Harm guarded against: an index that never learns of a change, or of a session that is gone."""

from collections.abc import Callable
from pathlib import Path

from reeld.store import derive, manifests, repair, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.index.finder import Finder
from reeld.store.index.query import parse
from reeld.store.keys import at, number_of, track_prefix
from reeld.store.recovery import recover
from reeld.store.revisions import bury, latest, touch
from reeld.store.transaction import Table, Transaction
from reeld_proto.records import SessionState
from reeld_proto.store_orders import DeriveSession, EditRecord, RemoveSession, RepairChunks, SessionPart
from reeld_proto.workers import RecordMarker, RecordPause, RecordState
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land


def rows(store: StoreEnvironment) -> dict[int, str]:
    with store.read() as txn:
        return {number_of(key, b""): value.decode() for key, value in txn.scan(Table.REVISIONS)}


def number(store: StoreEnvironment, session: str = SESSION) -> int:
    with store.read() as txn:
        return sessions.load(txn, session).revision


def changes(store: StoreEnvironment, work: Callable[[Transaction], object], session: str = SESSION) -> bool:
    """Whether `work` gave the session the next number. Every session has one row, under its number, at any time."""
    with store.read() as txn:
        before = latest(txn)
    with store.write() as txn:
        work(txn)
    with store.read() as txn:
        after = latest(txn)
    assert after - before in (0, 1)
    assert rows(store)[number(store, session)] == session
    assert len(set(rows(store).values())) == len(rows(store))
    return after > before and number(store, session) == after


def test_whatever_is_said_about_a_session_gives_it_a_number(store: StoreEnvironment) -> None:
    assert number(store) == 1
    mark = RecordMarker(session=SESSION, media_ns=1, text="x")
    pause = RecordPause(session=SESSION, start_ns=1, end_ns=2)
    warn = RecordState(session=SESSION, state=SessionState.ACTIVE, warning="no sound")
    state = RecordState(session=SESSION, state=SessionState.PAUSED)
    for work in (
        lambda txn: sessions.mark(txn, mark),
        lambda txn: sessions.pause(txn, pause),
        lambda txn: sessions.set_state(txn, warn),
        lambda txn: sessions.set_state(txn, state),
        lambda txn: sessions.finish(txn, finish(5)),
    ):
        assert changes(store, work)
        assert not changes(store, work), "given twice"
    assert changes(store, lambda txn: manifests.edit(txn, EditRecord(session=SESSION, name="new")))


def test_chunks_say_nothing_about_a_session(store: StoreEnvironment) -> None:
    """An index is not to be brought up to date twice a second."""
    land(store, chunk(0, NS))
    assert (number(store), rows(store)) == (1, {1: SESSION})


def test_new_and_removed_sessions_are_found_by_what_comes_after_the_last_number(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    order = DeriveSession(session="clip", name="clip", tags=[], parts=[SessionPart(session=SESSION)])
    around = Circumstances(store.path, ())
    with store.write() as txn:
        derive.derive(txn, order, around)
    assert rows(store) == {1: SESSION, 2: "clip"}
    with store.write() as txn:
        manifests.remove(txn, RemoveSession(session="clip", reason="test"), around)
    assert rows(store) == {1: SESSION, 3: "clip"}
    with store.read() as txn:
        assert txn.get(Table.SESSIONS, b"clip") is None


def test_sessions_that_a_crash_left_are_touched_when_they_are_closed(store: StoreEnvironment) -> None:
    recover(store, "")
    assert rows(store) == {2: SESSION}


def test_a_record_from_elsewhere_takes_no_row_of_others(store: StoreEnvironment) -> None:
    """Its number may be another session's here."""
    with store.write() as txn:
        foreign = sessions.load(txn, SESSION)
        foreign.id = "imported"
        touch(txn, foreign)
    assert rows(store) == {1: SESSION, 2: "imported"}
    with store.write() as txn:
        foreign.revision = 1
        bury(txn, foreign)
    assert rows(store)[1] == SESSION


def test_a_number_is_never_given_twice(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("other"))
        sessions.finish(txn, finish(0, "other"))
        manifests.remove(txn, RemoveSession(session="other", reason="test"), Circumstances(store.path, ()))
        assert latest(txn) == 4


def mend(txn: Transaction) -> None:
    repair.repair(txn, RepairChunks(staged="", lost=[], at_wall_ns=1), Circumstances(Path(), ()))


def test_a_repair_that_changes_a_session_gives_it_a_number(store: StoreEnvironment) -> None:
    """Else the index and the list go on with what the record said before."""
    land(store, chunk(0, NS), chunk(NS, 2 * NS, seq=2))
    with store.write() as txn:
        sessions.finish(txn, finish(2 * NS))
    assert not changes(store, mend), "nothing to mend"
    with store.write() as txn:
        record = sessions.load(txn, SESSION)
        record.tracks[0].frames += 1
        sessions.save(txn, record)
    assert changes(store, mend), "a counter"
    with store.write() as txn:
        txn.delete(Table.GAPS, at(track_prefix(SESSION, "mix"), 0))
    assert changes(store, mend), "a gap, which no record tells"
    assert not changes(store, mend), "given twice"


def test_a_record_that_a_repair_makes_anew_takes_the_place_of_the_damaged_one(store: StoreEnvironment) -> None:
    """One row a session, under a number that an index has not seen."""
    land(store, chunk(0, NS))
    with store.write() as txn:
        sessions.finish(txn, finish(NS))
        sessions.create(txn, creation("other"))
        txn.put(Table.SESSIONS, SESSION.encode(), b"\xc1")
        before = latest(txn)
        mend(txn)
    assert rows(store)[number(store)] == SESSION
    assert number(store) > before
    assert sorted(rows(store).values()) == [SESSION, "other"]


def test_a_damaged_record_without_media_is_buried_as_a_removed_one(store: StoreEnvironment) -> None:
    with store.write() as txn:
        txn.put(Table.SESSIONS, SESSION.encode(), b"\xc1")
        mend(txn)
        assert txn.get(Table.SESSIONS, SESSION.encode()) is None
    assert rows(store) == {2: SESSION}


def test_the_index_notices_a_repair(store: StoreEnvironment) -> None:
    """What was searched for under the old name must not be found any more, and the new one must."""
    land(store, chunk(0, NS))
    with store.write() as txn:
        sessions.finish(txn, finish(NS))
    finder = Finder(store)
    assert list(finder.search(parse("work"))) == [SESSION]
    with store.write() as txn:
        txn.put(Table.SESSIONS, SESSION.encode(), b"\xc1")
        mend(txn)
    assert list(finder.search(parse("work"))) == []
    assert list(finder.search(parse("recovered"))) == [SESSION]
    assert finder.check(rebuild=False) == (1, [])
    finder.close()
