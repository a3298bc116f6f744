import pytest

from reeld.store import chunks, gc
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.commands import Collected
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import CollectChunks

AT = 1_700_000_000_000_000_000


def garbage(store: StoreEnvironment, count: int, since_wall_ns: int = AT, reason: str = "deleted") -> list[bytes]:
    """Bytes that were needed once."""
    made = []
    with store.write() as txn:
        for number in range(count):
            digest = chunks.add(txn, f"{reason} {since_wall_ns} {number}".encode())
            chunks.release(txn, digest, reason=reason, now_wall_ns=since_wall_ns)
            made.append(digest)
    return made


def collect(store: StoreEnvironment, **fields: object) -> Collected:
    with store.write() as txn:
        return gc.collect(txn, CollectChunks(**fields))  # type: ignore[arg-type]


def rows(store: StoreEnvironment) -> list[int]:
    with store.read() as txn:
        return [txn.count(table) for table in (Table.CHUNKS, Table.REFERENCES, Table.GARBAGE)]


def test_what_nothing_refers_to_goes_whole(store: StoreEnvironment) -> None:
    garbage(store, 7)
    done = collect(store)
    assert (done.chunks, done.complete, len(done.items)) == (7, True, 7)
    assert done.bytes == sum(item.bytes for item in done.items) > 0
    assert {item.reason for item in done.items} == {"deleted"}
    assert all(item.since.startswith("2023-11-1") for item in done.items)
    assert rows(store) == [0, 0, 0]
    assert verify(store, None).ok


def test_a_dry_run_changes_nothing_and_says_the_same(store: StoreEnvironment) -> None:
    garbage(store, 3)
    told = collect(store, dry_run=True)
    assert rows(store) == [3, 3, 3]
    done = collect(store)
    assert told.items == done.items
    assert told.dry_run


def test_what_something_needs_again_stays(store: StoreEnvironment) -> None:
    # Else a clip made between delete and gc would lose its picture.
    needed, unneeded = garbage(store, 2)
    with store.write() as txn:
        chunks.hold(txn, needed)
    assert [item.chunk for item in collect(store).items] == [unneeded.hex()]
    with store.read() as txn:
        assert chunks.load(txn, needed)


def test_a_chunk_with_a_count_is_never_deleted_even_if_it_is_listed_as_garbage(store: StoreEnvironment) -> None:
    (digest,) = garbage(store, 1)
    with store.read() as txn:
        listed = txn.get(Table.GARBAGE, digest)
    assert listed is not None
    with store.write() as txn:
        chunks.hold(txn, digest)
        txn.put(Table.GARBAGE, digest, listed)
    assert collect(store).chunks == 0
    assert rows(store) == [1, 1, 0]


def test_what_a_running_job_may_still_read_stays(store: StoreEnvironment) -> None:
    garbage(store, 2, AT, "old")
    garbage(store, 3, AT + 10, "young")
    done = collect(store, keep_since_wall_ns=AT + 10)
    assert {item.reason for item in done.items} == {"old"}
    assert {item.reason for item in done.kept} == {"young"}
    assert rows(store) == [3, 3, 3]


@pytest.mark.parametrize("chunks_max", [1, 3, 10, 1000])
def test_batches_reach_everything_past_what_is_kept(store: StoreEnvironment, chunks_max: int) -> None:
    # Else a few young chunks in front would keep the rest for ever.
    garbage(store, 10, AT, "old")
    garbage(store, 10, AT + 10, "young")
    after, removed, batches = "", 0, 0
    while True:
        done = collect(store, keep_since_wall_ns=AT + 10, chunks_max=chunks_max, after=after)
        removed += done.chunks
        batches += 1
        assert len(done.items) + len(done.kept) <= chunks_max
        assert verify(store, None).faults == []
        if done.complete:
            break
        after = max(item.chunk for item in (*done.items, *done.kept))
    assert removed == 10
    assert batches >= 20 // chunks_max
    assert rows(store) == [10, 10, 10]


def test_stopped_between_batches_it_goes_on_the_next_time(store: StoreEnvironment) -> None:
    garbage(store, 10)
    assert not collect(store, chunks_max=4).complete
    assert verify(store, None).ok
    assert collect(store).chunks == 6


def test_nothing_to_do_is_no_error(store: StoreEnvironment) -> None:
    assert collect(store) == Collected(dry_run=False, chunks=0, bytes=0, items=[], kept=[], erased_bytes=0)


def test_a_place_to_go_on_from_that_is_none_is_refused(store: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected):
        collect(store, after="no digest")
