"""The order that forgets. Harm guarded against: a transaction that loses what it was not told to, keeps what it was
told to lose, or leaves the store's counts wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from reeld.store import chunks
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, GarbageEntry, SessionRecord
from reeld.store.removing import receipts
from reeld.store.staging import StagedChunk, StagingWriter, read_staged
from reeld.store.transaction import Table
from reeld_proto.errors import InternalError, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.store_orders import ForgetMedia
from tests.daemon.export.cutting import capture, carry_out, check, derive, forget, held_numbers, made_anew
from tests.daemon.export.recording import NS, Recording

SESSION = "20261122-170509-test"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    recording = Recording.new(tmp_path / "store", tracks=("video-1",))
    capture(recording, 90, keyframes=(0, 60))
    recording.finish(3.0)
    yield recording.store
    recording.store.close()


def order(from_s: float, to_s: float, staged: str = "") -> ForgetMedia:
    return ForgetMedia(session=SESSION, from_ns=round(from_s * NS), to_ns=round(to_s * NS), staged=staged)


def staged(store: StoreEnvironment, *found: StagedChunk) -> str:
    with StagingWriter(store.path) as writer:
        for chunk in found:
            writer.add(chunk)
    return str(writer.path)


def test_the_receipt_names_what_is_garbage_now_and_is_kept(store: StoreEnvironment) -> None:
    receipt = forget(store, SESSION, 1.0, 1.2)
    with store.read() as txn:
        assert receipts(txn) == [receipt]
        for gone in receipt.gone:
            garbage = txn.record(Table.GARBAGE, bytes.fromhex(gone.chunk), GarbageEntry)
            assert garbage is not None
            assert garbage.size == gone.bytes
    assert receipt.gone_bytes == sum(each.bytes for each in receipt.gone) > 0
    check(store)


def test_two_receipts_of_one_instant_are_two(store: StoreEnvironment) -> None:
    forget(store, SESSION, 1.0, 1.2)
    forget(store, SESSION, 2.0, 2.2)
    with store.read() as txn:
        assert len(receipts(txn)) == 2


def test_a_chunk_that_a_stranger_holds_is_named_with_who_holds_it(store: StoreEnvironment) -> None:
    # Equal bytes under two names are stored once; the stranger made no clip of this recording.
    derive(store, "stranger", (SESSION, 0, None))
    with store.write() as txn:
        record = txn.record(Table.SESSIONS, b"stranger", SessionRecord)
        assert record is not None
        record.origins = []
        txn.put_record(Table.SESSIONS, b"stranger", record)
    receipt = forget(store, SESSION, 1.0, 1.2)
    assert receipt.sessions == [SESSION]
    assert receipt.kept
    assert all(kept.held_by == ["stranger"] for kept in receipt.kept)
    check(store)


def test_a_gap_inside_the_range_says_forgotten_and_one_beside_it_stays(tmp_path: Path) -> None:
    recording = Recording.new(tmp_path / "other", tracks=("video-1",))
    capture(recording, 30)
    recording.gap("video-1", 1.0, 3.0, GapReason.HIDDEN)
    recording.finish(3.0)
    forget(recording.store, SESSION, 1.5, 2.0)
    gaps = StoreReader(recording.store).gaps(SESSION, "video-1")
    assert [(gap.start_ns / NS, gap.end_ns / NS, gap.reason) for gap in gaps] == [
        (1.0, 1.5, GapReason.HIDDEN),
        (1.5, 2.0, GapReason.FORGOTTEN),
        (2.0, 3.0, GapReason.HIDDEN),
    ]
    check(recording.store)
    recording.store.close()


def test_staged_media_lands_only_where_something_went(store: StoreEnvironment) -> None:
    made = made_anew(store, SESSION, 1.0, 1.2)
    good = list(read_staged(store.path, made.staged))
    elsewhere = structs.replace(good[0], start_ns=0, end_ns=NS // 10)
    twice = good[0]
    before = StoreReader(store).show(SESSION).tracks[0].chunks
    receipt = carry_out(store, order(1.0, 1.2, staged(store, elsewhere, *good, twice)))
    assert receipt.new_bytes == sum(len(chunk.payload) for chunk in good)
    check(store)
    assert held_numbers(store) == set(range(90)) - set(range(30, 36))
    assert StoreReader(store).show(SESSION).tracks[0].chunks > before - 4


def test_staged_media_that_holds_something_of_the_range_is_refused_and_nothing_changes(
    store: StoreEnvironment,
) -> None:
    with store.read() as txn:
        prefix = track_prefix(SESSION, "video-1")
        key = next(key for key, _ in txn.scan(Table.TIMELINE, prefix, at(prefix, NS)))
        entry = txn.record(Table.TIMELINE, key, ChunkEntry)
        assert entry is not None
        payload, init = chunks.load(txn, entry.chunk), chunks.load(txn, entry.init)
        before = [row for table in Table for row in txn.scan(table)]
    liar = StagedChunk(SESSION, "video-1", round(1.2 * NS), round(1.3 * NS), 0, 1, True, "h264", 0, 0, 0, payload, init)
    with pytest.raises(InternalError):
        carry_out(store, order(1.0, 1.2, staged(store, liar)))
    with store.read() as txn:
        assert [row for table in Table for row in txn.scan(table)] == before


def test_a_staged_file_of_elsewhere_is_refused(store: StoreEnvironment, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected):
        carry_out(store, order(1.0, 1.2, str(tmp_path / "file")))
    assert held_numbers(store) == set(range(90))
