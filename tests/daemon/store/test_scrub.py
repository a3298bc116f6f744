"""The order of checks. Harm guarded against: chunks that no check of limited time ever reaches."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store import scrub
from reeld.store.environment import StoreEnvironment
from reeld.store.verify import verify
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import RecordCheck
from tests.daemon.store.builders import NS, chunk, land

digests = st.binary(min_size=32, max_size=32)


@given(st.sets(digests), digests)
def test_every_chunk_has_its_turn_and_what_was_checked_comes_last(found: set[bytes], cursor: bytes) -> None:
    turn = scrub.in_turn(found, cursor)
    assert set(turn) == found
    assert len(turn) == len(found)
    later = [digest for digest in turn if digest > cursor]
    assert turn == later + sorted(found - set(later))


@given(st.sets(digests, min_size=1, max_size=30), st.integers(1, 7))
def test_checks_of_limited_time_meet_all_within_one_round(found: set[bytes], at_a_time: int) -> None:
    cursor, met = b"", []
    for _ in range(-(-len(found) // at_a_time)):
        portion = scrub.in_turn(found, cursor)[:at_a_time]
        met += portion
        cursor = portion[-1]
    assert set(met) == found


def test_the_place_is_kept_and_rounds_are_counted(store: StoreEnvironment) -> None:
    first, second = b"\x01" * 32, b"\x02" * 32
    for cursor in (first, second, first):
        with store.write() as txn:
            scrub.record(txn, RecordCheck(cursor=cursor.hex(), at_wall_ns=7))
    with store.read() as txn:
        assert scrub.place(txn) == scrub.ScrubPlace(first, 7, 1)


@pytest.mark.parametrize("cursor", ["x", "00", "00" * 33])
def test_a_place_that_is_no_digest_is_refused(store: StoreEnvironment, cursor: str) -> None:
    with pytest.raises(RequestRejected), store.write() as txn:
        scrub.record(txn, RecordCheck(cursor=cursor, at_wall_ns=7))
    with store.read() as txn:
        assert scrub.place(txn).cursor == b""


def test_a_check_without_time_still_checks_one_chunk_and_says_where_it_stopped(store: StoreEnvironment) -> None:
    """Else a scrub with too small a budget would never get anywhere."""
    land(store, *(chunk(number * NS, (number + 1) * NS, bytes([number]) * 99) for number in range(5)))
    met = set()
    for _ in range(6):
        found = verify(store, None, max_duration_s=0)
        assert (found.ok, found.checked_chunks, found.complete) == (True, 1, False)
        met.add(found.next_chunk)
        with store.write() as txn:
            scrub.record(txn, RecordCheck(cursor=found.next_chunk, at_wall_ns=7))
    expected = {hashlib.sha256(bytes([number]) * 99).hexdigest() for number in range(5)}
    assert met == expected | {hashlib.sha256(b"init").hexdigest()}


def test_a_check_with_time_enough_is_complete(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    found = verify(store, None, max_duration_s=60)
    assert (found.complete, found.checked_chunks) == (True, 2)
