"""Records of sessions. Harm guarded against: one damaged record that hides every other session, or passes for sound."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from reeld.store import buffer, keeping, orders, roster, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.index.finder import Finder
from reeld.store.index.query import parse
from reeld.store.keeping import KeptRange, Pending, pending
from reeld.store.keys import TIME_NS_MAX, name_key
from reeld.store.listing import Cards
from reeld.store.opening import open_store
from reeld.store.reader import StoreReader
from reeld.store.records import SessionRecord
from reeld.store.recovery import recover
from reeld.store.transaction import Table, Transaction
from reeld.store.usage import survey
from reeld.store.verify import verify
from reeld_proto import codec
from reeld_proto.commands import Repaired
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import SessionState
from reeld_proto.replay_orders import BufferMoment, FillKept, KeepLast, Kept, LastKept
from reeld_proto.store_orders import DeriveSession, RepairChunks, SessionPart
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

GOOD, BAD = "20261123-a", "20261124-b"
Damage = Callable[[SessionRecord], bytes]

DAMAGES: dict[str, Damage] = {
    "cannot be decoded": lambda _record: b"\xc1",
    "is cut off": lambda record: codec.pack_record(record)[:40],
    "is of another session": lambda record: codec.pack_record(structs.replace(record, id=GOOD)),
    "ends before it began": lambda record: codec.pack_record(structs.replace(record, end_ns=-1)),
    "began in the year 2500": lambda record: codec.pack_record(structs.replace(record, started_wall_ns=2**64 - 1)),
    "has a track without a name": lambda record: codec.pack_record(_with_track(record, id="")),
    "has a track with a zero in its name": lambda record: codec.pack_record(_with_track(record, id="a\0b")),
    "has a track that ends at no time": lambda record: codec.pack_record(_with_track(record, end_ns=-5)),
    "has one track twice": lambda record: codec.pack_record(_with_track(record, id=record.tracks[1].id)),
}


def _with_track(record: SessionRecord, **fields: Any) -> SessionRecord:
    return structs.replace(record, tracks=[structs.replace(record.tracks[0], **fields), *record.tracks[1:]])


def damage(store: StoreEnvironment, how: Damage, session: str = BAD) -> None:
    with store.write() as txn:
        txn.put(Table.SESSIONS, name_key(session), how(sessions.load(txn, session)))


@pytest.fixture
def shelf(store: StoreEnvironment) -> StoreEnvironment:
    """Two finished sessions beside the running one, all with media."""
    with store.write() as txn:
        sessions.create(txn, creation(GOOD, "guitar"))
        sessions.create(txn, creation(BAD, "guitar"))
    for number, name in enumerate((SESSION, GOOD, BAD)):
        for track in ("video-1", "mix"):
            land(store, chunk(0, NS, bytes([number]) * 50 + track.encode(), session=name, track=track, seq=number + 1))
    with store.write() as txn:
        for name in (GOOD, BAD):
            sessions.finish(txn, finish(NS, name))
    return store


def carry_out(store: StoreEnvironment, order: Any) -> Any:
    with store.write() as txn:
        return orders.carry_out(txn, order, Circumstances(store.path, ()))


def mend(store: StoreEnvironment) -> Repaired:
    done = carry_out(store, RepairChunks(staged="", lost=[], at_wall_ns=1))
    assert isinstance(done, Repaired)
    return done


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
def test_one_damaged_record_hides_no_other_session(shelf: StoreEnvironment, how: Damage) -> None:
    """Listed, found, surveyed, checked; and a repair brings its media back under a name of its own."""
    damage(shelf, how)
    reader = StoreReader(shelf)
    assert [each.session for each in reader.list_sessions()] == [GOOD, SESSION]
    assert list(reader.damaged) == [BAD]
    assert BAD in reader.damaged[BAD]
    assert list(Finder(shelf, indexed=False).search(parse("guitar"))) == [GOOD]
    assert [each.session for each in survey(shelf).sessions] == [SESSION, GOOD]
    found = verify(shelf, None)
    assert {fault.session for fault in found.faults if fault.kind == "record-damaged"} == {BAD}
    assert verify(shelf, GOOD).ok
    with pytest.raises(StoreCorrupt) as caught:
        reader.show(BAD)
    assert "repair" in caught.value.remedy
    mend(shelf)
    assert verify(shelf, None).ok
    assert {each.session: each.name for each in reader.list_sessions()} == {
        SESSION: "work",
        GOOD: "guitar",
        BAD: f"recovered {BAD}",
    }
    assert reader.damaged == {}
    assert mend(shelf).fixed == 0, "once is enough"


def test_whatever_bit_flips_in_a_record_the_others_are_listed(shelf: StoreEnvironment) -> None:
    """It is damaged, or still a record of that session; every bit of one is tried."""
    cards = Cards()
    with shelf.write() as txn:
        whole = txn.get(Table.SESSIONS, name_key(BAD)) or b""
        found = damaged = 0
        for bit in range(len(whole) * 8):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            txn.put(Table.SESSIONS, name_key(BAD), bytes(data))
            listed = [card.session for card in cards.all(txn)]
            assert listed == [*([] if cards.damaged else [BAD]), GOOD, SESSION]
            found, damaged = found + len(listed) - 2, damaged + len(cards.damaged)
    assert found + damaged == len(whole) * 8
    assert found
    assert damaged


def test_a_record_that_reads_is_returned_as_it_is(shelf: StoreEnvironment) -> None:
    with shelf.read() as txn:
        rows = txn.rows(Table.SESSIONS)
        assert [record.id for record in roster.every(txn)] == [SESSION, GOOD, BAD]
    assert [record.id for record in roster.readable([*rows, (b"x", b"\xc1")])] == [SESSION, GOOD, BAD]
    assert roster.readable_one(b"x", None) is None
    latest = structs.replace(roster.read(*rows[2]), started_wall_ns=TIME_NS_MAX)
    assert roster.read(rows[2][0], codec.pack_record(latest)) == latest


def test_whatever_must_not_overlook_a_session_stops_at_a_damaged_one(shelf: StoreEnvironment) -> None:
    """Forgetting must find every holder of the range: it asks for a repair first."""
    damage(shelf, DAMAGES["cannot be decoded"])
    with shelf.read() as txn, pytest.raises(StoreCorrupt):
        list(roster.every(txn))


def test_what_only_a_damaged_session_holds_beside_others_is_not_counted_as_free(shelf: StoreEnvironment) -> None:
    """Else the budget would drop a session for room that does not come."""
    part = SessionPart(session=BAD)
    carry_out(shelf, DeriveSession(session="clip", name="clip", tags=[], parts=[part]))
    assert [BAD, "clip"] in [each.holders for each in survey(shelf).shared]
    damage(shelf, DAMAGES["cannot be decoded"])
    assert survey(shelf).shared == []


@pytest.mark.parametrize("at_all", [True, False], ids=["damaged", "gone"])
def test_a_damaged_record_of_a_running_session_does_not_keep_the_others_from_being_closed(
    shelf: StoreEnvironment, at_all: bool
) -> None:
    """A crash left both open; the store must come up, again and again."""
    with shelf.write() as txn:
        sessions.create(txn, creation("20261125-c"))
        key = name_key("20261125-c")
        txn.put(Table.SESSIONS, key, b"\xc1")
        if not at_all:
            txn.delete(Table.SESSIONS, key)
    assert recover(shelf, "") == [SESSION]
    assert recover(shelf, "") == []
    with shelf.read() as txn:
        assert txn.count(Table.UNFINISHED) == int(at_all)
        assert sessions.load(txn, SESSION).state is SessionState.INTERRUPTED
    mend(shelf)
    assert verify(shelf, None).ok
    with shelf.read() as txn:
        assert txn.count(Table.UNFINISHED) == 0


def test_a_store_with_a_damaged_record_is_opened_names_it_and_closes_the_others(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation(GOOD), creation(BAD)) as store:
        damage(store, DAMAGES["cannot be decoded"])
    opened = open_store(tmp_path / "store", "")
    try:
        assert BAD in opened.damage
        with opened.store.read() as txn:
            assert sessions.load(txn, GOOD).state is SessionState.INTERRUPTED
    finally:
        opened.store.close()
        opened.tenancy.end()


def _now(live: str = "") -> BufferMoment:
    wall_ns = 1_700_000_000 * NS
    return BufferMoment(mono_ns=10 * NS, wall_ns=wall_ns + 10 * NS, live=live)


def test_the_last_minutes_can_be_kept_beside_a_damaged_recording_and_a_damaged_part_of_the_buffer(
    shelf: StoreEnvironment,
) -> None:
    with shelf.write() as txn:
        sessions.create(txn, creation("tape", buffer=True))
    damage(shelf, DAMAGES["cannot be decoded"], "tape")
    damage(shelf, DAMAGES["cannot be decoded"])
    with shelf.write() as txn:
        assert buffer.members(txn) == []
    kept = carry_out(shelf, KeepLast(session="kept", name="kept", last_ns=60 * NS, now=_now(), work_ms=1000))
    assert isinstance(kept, LastKept)
    assert kept.duration_ns == NS


@pytest.mark.parametrize("bad", ["kept", BAD], ids=["its own", "of what it takes from"])
def test_a_damaged_record_that_hinders_filling_hinders_no_other_and_no_repair(
    shelf: StoreEnvironment, bad: str
) -> None:
    """Else the repair that sets it aside could never run."""
    promise = Pending([KeptRange(BAD, 0, NS, 0)], 0)
    with shelf.write() as txn:
        _promise(txn, "kept", promise)
        _promise(txn, "other", Pending([KeptRange(GOOD, 0, NS, 0)], 0))
    damage(shelf, DAMAGES["cannot be decoded"], bad)
    filled = carry_out(shelf, FillKept(work_ms=1000))
    assert filled == Kept(waiting=[])
    with shelf.read() as txn:
        assert pending(txn) == ["kept"]
        assert sessions.load(txn, "other").state is SessionState.COMPLETED
    mend(shelf)
    with shelf.read() as txn:
        assert pending(txn) == []
    assert verify(shelf, None).ok
    replayed = StoreReader(shelf)
    assert bad == "kept" or len(list(replayed.segments("kept", "video-1"))) == 1


def _promise(txn: Transaction, session: str, promise: Pending) -> None:
    record = structs.replace(sessions.load(txn, GOOD), id=session, state=SessionState.PERSISTING, revision=0)
    record.tracks = [structs.replace(track, chunks=0, bytes=0, frames=0) for track in record.tracks]
    keeping.begin(txn, record, promise.parts)
    sessions.save(txn, record)


def test_noise_is_never_taken_for_a_record(shelf: StoreEnvironment) -> None:
    chance = random.Random(3)
    for _ in range(200):
        damage_bytes = chance.randbytes(chance.randrange(1, 200))
        assert roster.readable_one(b"x", damage_bytes) is None
