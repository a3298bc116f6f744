import pytest
from msgspec import structs

from reeld.store import derive, manifests, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, GarbageEntry, PrerollEntry, References, SessionRecord
from reeld.store.transaction import Table, decode
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.store_orders import DeriveSession, RemoveSession, SessionPart
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


@pytest.fixture
def with_garbage(recorded: StoreEnvironment) -> StoreEnvironment:
    """A clip that needs something before it, and garbage."""
    land(recorded, chunk(NS, 2 * NS, b"x" * 1000, session="other", keyframe=False))
    part = SessionPart(session="other", from_ns=NS, to_ns=2 * NS)
    around = Circumstances(recorded.path, ())
    with recorded.write() as txn:
        sessions.finish(txn, finish(2 * NS, "other"))
        derive.derive(txn, DeriveSession(session="clip", name="clip", tags=[], parts=[part]), around)
        manifests.remove(txn, RemoveSession(session=SESSION, reason="test"), around)
    return recorded


def test_what_is_needed_for_decoding_and_garbage_are_counted(with_garbage: StoreEnvironment) -> None:
    with with_garbage.read() as txn:
        assert txn.count(Table.PREROLL) == 1
        assert txn.count(Table.GARBAGE) == 5
    assert kinds(with_garbage) == kinds(with_garbage, "clip") == set()


def test_what_a_decoder_needs_and_nothing_has_is_found(with_garbage: StoreEnvironment) -> None:
    with with_garbage.write() as txn:
        (chain,) = [value for _, value in txn.scan(Table.PREROLL)]
        txn.delete(Table.CHUNKS, decode(chain, PrerollEntry).chunks[0][0])
    assert kinds(with_garbage, "clip") == {"chunk-missing"}


def test_a_preroll_without_its_entry_is_found(with_garbage: StoreEnvironment) -> None:
    with with_garbage.write() as txn:
        txn.delete(Table.PREROLL, at(track_prefix("clip", "video-1"), 0))
        txn.put_record(Table.PREROLL, at(track_prefix("clip", "video-1"), 1), PrerollEntry([]))
    assert kinds(with_garbage) == {"record-damaged", "refcount"}


def test_garbage_that_is_not_called_so_is_found(with_garbage: StoreEnvironment) -> None:
    """It would never be collected."""
    with with_garbage.write() as txn:
        key = next(key for key, _ in txn.scan(Table.GARBAGE))
        txn.delete(Table.GARBAGE, key)
    assert kinds(with_garbage) == {"refcount"}


def test_what_is_called_garbage_but_needed_is_found(with_garbage: StoreEnvironment) -> None:
    """It would be collected."""
    with with_garbage.write() as txn:
        needed = next(key for key, value in txn.scan(Table.REFERENCES) if decode(value, References).count)
        txn.put_record(Table.GARBAGE, needed, GarbageEntry(1, 1, "wrong"))
        txn.put_record(Table.GARBAGE, b"u" * 32, GarbageEntry(1, 1, "unknown"))
    faults = [each for each in verify.verify(with_garbage, None).faults if each.kind == "refcount"]
    assert {each.chunk for each in faults} == {needed.hex(), (b"u" * 32).hex()}


def test_garbage_whose_bytes_are_gone_is_found(with_garbage: StoreEnvironment) -> None:
    with with_garbage.write() as txn:
        txn.delete(Table.CHUNKS, next(key for key, _ in txn.scan(Table.GARBAGE)))
    assert kinds(with_garbage) == {"chunk-missing"}
