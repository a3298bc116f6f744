"""Repair. Harm guarded against: good media thrown away with the bad, pictures shown that cannot be decoded, and a store
that is unsound after it was mended."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reeld.store import repair, sessions
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, name_key, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, PrerollEntry, References, SessionRecord
from reeld.store.staging import StagingWriter
from reeld.store.transaction import Table, Transaction
from reeld.store.verify import damaged_chunks, verify
from reeld.upkeep.healing import blob
from reeld_proto.commands import Repaired
from reeld_proto.records import GapReason
from reeld_proto.store_orders import RepairChunks
from tests.daemon.store.builders import NS, SESSION, chunk, finish, land

KEYFRAMES = {0, 3, 6}
VIDEO = track_prefix(SESSION, "video-1")


def payload(number: int) -> bytes:
    return bytes([number]) * 500


@pytest.fixture
def recorded(store: StoreEnvironment) -> StoreEnvironment:
    """Nine seconds of picture with a key frame every three, and of sound."""
    land(store, *(chunk(n * NS, (n + 1) * NS, payload(n), keyframe=n in KEYFRAMES) for n in range(9)))
    land(store, *(chunk(n * NS, (n + 1) * NS, payload(100 + n), track="mix") for n in range(9)))
    with store.write() as txn:
        sessions.finish(txn, finish(9 * NS))
    assert verify(store, None).ok
    return store


def change(store: StoreEnvironment, work: Callable[[Transaction], None]) -> None:
    with store.write() as txn:
        work(txn)


def damage(store: StoreEnvironment, number: int) -> bytes:
    digest = digest_of(payload(number))
    change(store, lambda txn: txn.put(Table.CHUNKS, digest, b"rotten"))
    return digest


def mend(store: StoreEnvironment, healed: list[bytes] | None = None) -> Repaired:
    staged = ""
    if healed:
        with StagingWriter(store.path) as writer:
            for data in healed:
                writer.add(blob(data))
        staged = str(writer.path)
    lost = [digest.hex() for digest in damaged_chunks(store)]
    with store.write() as txn:
        order = RepairChunks(staged=staged, lost=lost, at_wall_ns=5)
        return repair.repair(txn, order, Circumstances(store.path, ()))


def starts(store: StoreEnvironment, track: str = "video-1") -> list[int]:
    return [segment.start_ns // NS for segment in StoreReader(store).segments(SESSION, track)]


def test_a_sound_store_is_not_changed_by_a_repair(recorded: StoreEnvironment) -> None:
    with recorded.read() as txn:
        before = {table: list(txn.scan(table)) for table in Table}
    assert mend(recorded) == Repaired(healed=[], quarantined=[], gaps=0, fixed=0)
    with recorded.read() as txn:
        assert {table: list(txn.scan(table)) for table in Table} == before


def test_a_damaged_picture_takes_with_it_only_what_cannot_be_decoded_without_it(recorded: StoreEnvironment) -> None:
    bad = damage(recorded, 4)
    assert not verify(recorded, None).ok
    mended = mend(recorded)
    assert (mended.quarantined, mended.gaps) == ([bad.hex()], 1)
    assert starts(recorded) == [0, 1, 2, 3, 6, 7, 8]
    (gap,) = StoreReader(recorded).gaps(SESSION, "video-1")
    assert (gap.start_ns, gap.end_ns, gap.reason) == (4 * NS, 6 * NS, GapReason.DAMAGED)
    assert starts(recorded, "mix") == list(range(9))
    assert verify(recorded, None).ok


def test_a_damaged_sound_takes_nothing_else_with_it(recorded: StoreEnvironment) -> None:
    damage(recorded, 104)
    mend(recorded)
    assert starts(recorded, "mix") == [0, 1, 2, 3, 5, 6, 7, 8]
    assert starts(recorded) == list(range(9))
    assert verify(recorded, None).ok


@pytest.mark.parametrize("again", [False, True])
def test_what_a_second_copy_has_is_put_back_now_or_later(recorded: StoreEnvironment, again: bool) -> None:
    bad = damage(recorded, 3)
    if again:
        assert mend(recorded).healed == []
        assert starts(recorded) == [0, 1, 2, 6, 7, 8]
    assert mend(recorded, [payload(3)]).healed == [bad.hex()]
    assert starts(recorded) == list(range(9))
    assert verify(recorded, None).ok
    assert StoreReader(recorded).gaps(SESSION, "video-1") == []
    with recorded.read() as txn:
        assert txn.count(Table.QUARANTINE) == 0


def test_missing_bytes_are_set_aside_like_damaged_ones(recorded: StoreEnvironment) -> None:
    change(recorded, lambda txn: txn.delete(Table.CHUNKS, digest_of(payload(8))))
    mend(recorded)
    assert starts(recorded) == list(range(8))
    assert verify(recorded, None).ok


def test_a_damaged_init_segment_is_damage_to_all_that_need_it(recorded: StoreEnvironment) -> None:
    change(recorded, lambda txn: txn.put(Table.CHUNKS, digest_of(b"init"), b"rotten"))
    mend(recorded)
    assert starts(recorded) == starts(recorded, "mix") == []
    assert mend(recorded, [b"init"]).gaps == 0
    assert starts(recorded) == starts(recorded, "mix") == list(range(9))
    assert verify(recorded, None).ok


def test_what_a_clip_needs_before_its_first_picture_counts_too(recorded: StoreEnvironment) -> None:
    """Else a clip would be shown that begins with pictures of nothing."""

    def add_preroll(txn: Transaction) -> None:
        first = txn.record(Table.TIMELINE, at(VIDEO, 7 * NS), ChunkEntry)
        assert first is not None
        txn.put_record(Table.PREROLL, at(VIDEO, 7 * NS), PrerollEntry([(digest_of(payload(1)), first.init)]))
        for digest in (digest_of(payload(1)), first.init):
            known = txn.record(Table.REFERENCES, digest, References)
            assert known is not None
            txn.put_record(Table.REFERENCES, digest, References(known.count + 1, known.size))

    change(recorded, add_preroll)
    damage(recorded, 1)
    mend(recorded)
    assert starts(recorded) == [0, 3, 4, 5, 6]
    assert verify(recorded, None).ok
    mend(recorded, [payload(1)])
    assert starts(recorded) == list(range(9))
    assert verify(recorded, None).ok
    with recorded.read() as txn:
        assert txn.count(Table.PREROLL) == 1


def test_counters_references_and_covers_are_set_right(recorded: StoreEnvironment) -> None:
    def disturb(txn: Transaction) -> None:
        record = sessions.load(txn, SESSION)
        record.tracks[0].chunks += 5
        sessions.save(txn, record)
        txn.put_record(Table.REFERENCES, digest_of(payload(2)), References(7, 500))
        txn.delete(Table.REFERENCES, digest_of(payload(5)))
        txn.put(Table.CHUNKS, digest_of(b"stray"), b"stray")
        txn.delete(Table.TIMELINE, at(track_prefix(SESSION, "mix"), 2 * NS))

    change(recorded, disturb)
    assert len({fault.kind for fault in verify(recorded, None).faults}) >= 3
    mended = mend(recorded)
    assert mended.gaps == 1
    assert mended.fixed >= 4
    assert verify(recorded, None).ok
    assert mend(recorded) == Repaired(healed=[], quarantined=[], gaps=0, fixed=0)


def test_entries_that_overlap_are_shortened(recorded: StoreEnvironment) -> None:
    def overlap(txn: Transaction) -> None:
        value = txn.record(Table.TIMELINE, at(VIDEO, 2 * NS), ChunkEntry)
        assert value is not None
        fields = [getattr(value, name) for name in value.__struct_fields__]
        txn.put_record(Table.TIMELINE, at(VIDEO, 2 * NS), ChunkEntry(4 * NS + 5, *fields[1:]))

    change(recorded, overlap)
    mend(recorded)
    assert verify(recorded, None).ok


def test_rows_that_cannot_be_read_are_set_aside(recorded: StoreEnvironment) -> None:
    change(recorded, lambda txn: txn.put(Table.TIMELINE, at(VIDEO, 4 * NS), b"\xc1"))
    change(recorded, lambda txn: txn.put(Table.REFERENCES, digest_of(payload(7)), b"\xc1"))
    mended = mend(recorded)
    assert mended.fixed >= 2
    assert starts(recorded) == [0, 1, 2, 3, 6, 7, 8], "the fifth second cannot be decoded without the fourth"
    assert verify(recorded, None).ok


def test_a_session_whose_record_is_gone_is_recovered_from_its_media(recorded: StoreEnvironment) -> None:
    change(recorded, lambda txn: txn.put(Table.SESSIONS, name_key(SESSION), b"\xc1"))
    mend(recorded)
    with recorded.read() as txn:
        record = txn.record(Table.SESSIONS, name_key(SESSION), SessionRecord)
    assert record is not None
    assert {track.id for track in record.tracks} == {"video-1", "mix"}
    assert record.end_ns == 9 * NS
    assert starts(recorded) == list(range(9))
    assert verify(recorded, None).ok


def test_a_staged_chunk_that_nobody_asked_for_is_not_stored(recorded: StoreEnvironment, tmp_path: Path) -> None:
    assert tmp_path.exists()
    assert mend(recorded, [b"never seen"]).healed == []
    with recorded.read() as txn:
        assert txn.get(Table.CHUNKS, digest_of(b"never seen")) is None
