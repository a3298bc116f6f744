import pytest
from msgspec import structs

from reeld.store import sessions, verify
from reeld.store.environment import StoreEnvironment, Table
from reeld.store.keys import at, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, References, SessionRecord
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land


@pytest.fixture
def recorded(store: StoreEnvironment) -> StoreEnvironment:
    """One finished session, and another that shares a chunk with it."""
    land(store, *(chunk(number * NS, (number + 1) * NS, bytes([number]) * 1000) for number in range(5)))
    land(store, gap(5 * NS, 6 * NS), chunk(0, 6 * NS, track="mix"))
    with store.write() as txn:
        sessions.finish(txn, finish(6 * NS))
        sessions.create(txn, creation("other"))
    land(store, chunk(0, NS, bytes([0]) * 1000, session="other"))
    return store


def kinds(store: StoreEnvironment, session: str | None = None) -> set[str]:
    verified = verify.verify(store, session)
    assert verified.ok == (not verified.faults)
    return {fault.kind for fault in verified.faults}


def digest(store: StoreEnvironment, index: int = 2) -> bytes:
    return list(StoreReader(store).segments(SESSION, "video-1"))[index].chunk


def test_an_intact_store_is_clean_and_counted(recorded: StoreEnvironment) -> None:
    verified = verify.verify(recorded, None)
    assert (verified.ok, verified.checked_chunks) == (True, 7)
    assert verified.checked_bytes == 5 * 1000 + len(b"mix 0 6000000000") + len(b"init")


def test_one_flipped_bit_is_found_and_named(recorded: StoreEnvironment) -> None:
    key = digest(recorded)
    with recorded.write() as txn:
        data = bytearray(txn.get(Table.CHUNKS, key) or b"")
        data[500] ^= 0x10
        txn.put(Table.CHUNKS, key, bytes(data))
    faults = verify.verify(recorded, SESSION).faults
    assert [(each.kind, each.session, each.track, each.chunk) for each in faults] == [
        ("chunk-damaged", SESSION, "video-1", key.hex())
    ]
    assert kinds(recorded) == {"chunk-damaged"}
    assert kinds(recorded, "other") == set()


def test_a_missing_chunk_is_found(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        txn.delete(Table.CHUNKS, digest(recorded))
    assert kinds(recorded) == {"chunk-missing"}


def test_a_removed_entry_is_a_hole_and_miscounted(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        txn.delete(Table.TIMELINE, at(track_prefix(SESSION, "video-1"), 2 * NS))
    assert kinds(recorded) == {"hole", "counter", "refcount"}


def test_an_entry_that_claims_too_much_is_an_overlap(recorded: StoreEnvironment) -> None:
    key = at(track_prefix(SESSION, "video-1"), NS)
    with recorded.write() as txn:
        entry = txn.record(Table.TIMELINE, key, ChunkEntry)
        assert entry is not None
        txn.put_record(Table.TIMELINE, key, structs.replace(entry, end_ns=3 * NS))
    assert kinds(recorded) == {"overlap"}


@pytest.mark.parametrize("count", [0, 1, 7])
def test_wrong_reference_counts_are_found(recorded: StoreEnvironment, count: int) -> None:
    # Too low, and collecting garbage would destroy a recording; too high, and it would never be freed.
    with recorded.write() as txn:
        txn.put_record(Table.REFERENCES, digest(recorded, 0), References(count, 1000))
    assert kinds(recorded) == {"refcount"}


def test_chunks_that_nobody_needs_are_found(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        txn.put_record(Table.REFERENCES, b"o" * 32, References(1, 3))
        txn.put(Table.CHUNKS, b"o" * 32, b"abc")
        txn.put(Table.CHUNKS, b"p" * 32, b"abc")
    assert len([each for each in verify.verify(recorded, None).faults if each.kind == "refcount"]) == 2
    assert kinds(recorded, SESSION) == set()


def test_counters_that_lie_are_found(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        record = txn.record(Table.SESSIONS, SESSION.encode(), SessionRecord)
        assert record is not None
        record.tracks[0].frames += 1
        txn.put_record(Table.SESSIONS, SESSION.encode(), record)
    assert kinds(recorded) == {"counter"}


def test_records_that_cannot_be_read_do_not_end_the_check(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        txn.put(Table.SESSIONS, b"broken", b"\xc1")
        txn.put(Table.TIMELINE, at(track_prefix("other", "video-1"), 0), b"\xc1")
    assert "record-damaged" in kinds(recorded)
    assert kinds(recorded, "other") == {"record-damaged"}


def test_a_check_can_be_watched_and_stopped(recorded: StoreEnvironment) -> None:
    seen: list[tuple[int, int]] = []

    def watch(done: int, total: int) -> bool:
        seen.append((done, total))
        return len(seen) < 3

    assert verify.verify(recorded, None, watch).checked_chunks == 3
    assert seen == sorted(seen)


def test_an_unknown_session_cannot_be_clean(recorded: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        verify.verify(recorded, "none")
    assert caught.value.code is ErrorCode.NOT_FOUND
