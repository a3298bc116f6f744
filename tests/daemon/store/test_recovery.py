from pathlib import Path

from reeld.store import recovery, sessions, verify
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.records import Position
from reeld.store.transaction import Table
from reeld_proto.records import GapReason, SessionState
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land


def put_position(store: StoreEnvironment) -> None:
    with store.write() as txn:
        txn.put_record(Table.PRODUCERS, b"capture-1", Position(7))


def test_a_session_that_a_crash_left_open_is_interrupted_and_complete_up_to_its_last_commit(
    store: StoreEnvironment,
) -> None:
    land(store, chunk(0, 5 * NS), chunk(0, 3 * NS, track="mix"))
    assert recovery.recover(store, "") == [SESSION]
    reader = StoreReader(store)
    info = reader.show(SESSION)
    assert (info.state, info.duration_s) == (SessionState.INTERRUPTED, 5.0)
    assert [(each.track, each.start_s, each.end_s, each.reason) for each in info.gaps] == [
        ("mix", 3.0, 5.0, GapReason.WORKER_RESTART)
    ]
    assert verify.verify(store, None).ok


def test_recovery_after_a_crash_during_recovery_does_the_same(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    recovery.recover(store, "")
    before = StoreReader(store).show(SESSION)
    assert recovery.recover(store, "") == []
    assert StoreReader(store).show(SESSION) == before


def test_the_session_that_is_being_recorded_survives_a_restart_of_the_store_alone(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("old"))
    put_position(store)
    assert recovery.recover(store, SESSION) == ["old"]
    assert StoreReader(store).show(SESSION).state is SessionState.ACTIVE
    assert recovery.positions(store) == {"capture-1": 7}
    assert land(store, chunk(0, NS))[0].reason == ""


def test_producers_of_an_earlier_daemon_are_forgotten(store: StoreEnvironment) -> None:
    # A worker of the next daemon may have the same name; its first messages must not count as known.
    put_position(store)
    recovery.recover(store, "")
    assert recovery.positions(store) == {}


def test_finished_sessions_are_left_alone(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    with store.write() as txn:
        sessions.finish(txn, finish(NS, state=SessionState.PARTIAL))
    assert recovery.recover(store, "") == []
    assert StoreReader(store).show(SESSION).state is SessionState.PARTIAL


def test_an_empty_session_is_closed_with_no_length(tmp_path: Path, store: StoreEnvironment) -> None:
    recovery.recover(store, "")
    info = StoreReader(store).show(SESSION)
    assert (info.state, info.duration_s, info.gaps) == (SessionState.INTERRUPTED, 0.0, [])
    assert verify.verify(store, None).ok
