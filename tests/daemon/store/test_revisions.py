"""Harm guarded against: an index that never learns of a change, or of a session that is gone."""

from collections.abc import Callable

from reeld.store import derive, manifests, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import number_of
from reeld.store.recovery import recover
from reeld.store.revisions import bury, latest, touch
from reeld.store.transaction import Table, Transaction
from reeld_proto.records import SessionState
from reeld_proto.store_orders import DeriveSession, EditRecord, RemoveSession, SessionPart
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
