"""Harm guarded against: a clip that claims another hour, or pauses that move."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.store import sessions
from reeld.store.civil import CivilClock, pauses_of, put_jumps, put_pauses
from reeld.store.environment import StoreEnvironment
from reeld.store.timeline import Pause, PauseMap
from reeld.store.transaction import Table
from reeld_proto.workers import RecordClockJump, RecordPause
from tests.daemon.store.builders import SESSION

WALL = 1_700_000_000 * 1_000_000_000


def clock(store: StoreEnvironment) -> CivilClock:
    with store.read() as txn:
        return CivilClock(txn, sessions.load(txn, SESSION))


def test_without_pauses_and_jumps_the_clock_goes_on_with_the_media(store: StoreEnvironment) -> None:
    assert [clock(store).wall_ns(at) - WALL for at in (0, 7, 10**12)] == [0, 7, 10**12]


def test_pauses_and_jumps_move_it(store: StoreEnvironment) -> None:
    with store.write() as txn:
        put_pauses(txn, SESSION, [(10, 5), (20, 1)])
        put_jumps(txn, SESSION, [(15, WALL - 1000)])
    found = clock(store)
    assert [found.wall_ns(at) - WALL for at in (9, 10, 14, 15, 19, 20)] == [9, 15, 19, -1000, -996, -994]
    assert [found.session_clock_ns(at) for at in (9, 10, 20)] == [9, 15, 26]


def test_a_pause_at_the_very_beginning(store: StoreEnvironment) -> None:
    with store.write() as txn:
        put_pauses(txn, SESSION, [(0, 100)])
    assert clock(store).wall_ns(3) == WALL + 103


def test_only_what_lies_inside_a_range_is_found(store: StoreEnvironment) -> None:
    with store.write() as txn:
        put_pauses(txn, SESSION, [(10, 5), (20, 1), (30, 2)])
        put_jumps(txn, SESSION, [(10, 1), (20, 2), (30, 3)])
    found = clock(store)
    assert found.pauses_within(10, 30) == [(20, 1)]
    assert found.jumps_within(10, 30) == [(20, 2)]
    assert found.pauses_within(9, 31) == [(10, 5), (20, 1), (30, 2)]


@pytest.mark.parametrize("end", [None, 3])
def test_a_pause_that_lasts_or_has_no_length_is_none(store: StoreEnvironment, end: int | None) -> None:
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=3, end_ns=end))
    with store.read() as txn:
        assert pauses_of(txn, SESSION) == []


def test_jumps_are_read_as_they_are_recorded(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.clock_jump(txn, RecordClockJump(session=SESSION, media_ns=5, wall_ns=77))
    assert clock(store).wall_ns(6) == 78


@given(st.dictionaries(st.integers(0, 1000), st.integers(1, 1000), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_pauses_come_back_at_the_same_instants(store: StoreEnvironment, pauses: dict[int, int]) -> None:
    with store.write() as txn:
        txn.clear(Table.PAUSES)
        put_pauses(txn, SESSION, pauses.items())
    with store.read() as txn:
        found = pauses_of(txn, SESSION)
    assert all(isinstance(each, Pause) for each in found)
    assert dict(PauseMap(found).points) == pauses
