"""What is kept beside sessions. Harm guarded against: a damaged note that hides a session, or its neighbour's notes."""

import pytest

from reeld.store import orders, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, name_key, session_prefix, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import NoteEntry
from reeld.store.revisions import latest
from reeld.store.said import KINDS, Said, SaidBetween, said_of
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.records import GapReason
from reeld_proto.store_orders import RepairChunks
from reeld_proto.workers import RecordMarker, RecordPause
from tests.daemon.store.builders import NS, SESSION, creation, finish, gap, land

# Ids of which one begins another, and neighbours on both sides.
NAMES = ["a", "a\x01", "ab", "b"]


@pytest.fixture
def shelf(store: StoreEnvironment) -> StoreEnvironment:
    """Sessions with something of every kind."""
    with store.write() as txn:
        for name in NAMES:
            sessions.create(txn, creation(name, name, warnings=["no camera"]))
            sessions.mark(txn, RecordMarker(session=name, media_ns=1, text=name))
            sessions.pause(txn, RecordPause(session=name, start_ns=2 * NS, end_ns=3 * NS))
            txn.put_record(Table.NOTES, name_key(name), NoteEntry(f"note {name}"))
    for name in NAMES:
        for track in ("video-1", "mix"):
            land(store, gap(0, NS, GapReason.HIDDEN, session=name, track=track))
    with store.write() as txn:
        for name in NAMES:
            sessions.finish(txn, finish(NS, name))
    return store


def row_of(table: Table, session: str) -> bytes:
    """The key of one row of a session."""
    return {
        Table.GAPS: at(track_prefix(session, "mix"), 0),
        Table.PAUSES: at(session_prefix(session), 2 * NS),
        Table.WARNINGS: at(session_prefix(session), 0),
        Table.NOTES: name_key(session),
    }[table]


def key_in(store: StoreEnvironment, table: Table, session: str) -> bytes:
    if table is not Table.MARKERS:
        return row_of(table, session)
    with store.read() as txn:
        return next(key for key, _ in txn.scan(table, session_prefix(session)))


def both(store: StoreEnvironment, names: list[str]) -> tuple[list[Said], list[Said]]:
    """One by one, and as a stretch."""
    with store.read() as txn:
        between = SaidBetween.read(txn, name_key(names[0]), name_key(names[-1]))
        return [said_of(txn, name) for name in names], [between.of(name) for name in names]


def plain(said: list[Said]) -> list[list[object]]:
    """Values only for notes: their keys are not asked for."""
    rows = [[list(getattr(each, table)) for table in KINDS if table is not Table.NOTES] for each in said]
    return [[each.lost, [note for _, note in each.notes], *its] for each, its in zip(said, rows, strict=True)]


@pytest.mark.parametrize("names", [NAMES, NAMES[:1], NAMES[1:3], [*NAMES, "unknown"]])
def test_a_stretch_says_of_each_what_is_said_of_it_alone(shelf: StoreEnvironment, names: list[str]) -> None:
    singly, together = both(shelf, names)
    assert plain(singly) == plain(together)
    assert len(singly[0].gaps) == 2
    assert singly[0].notes[0][1].text == f"note {names[0]}"


@pytest.mark.parametrize("table", KINDS)
def test_a_damaged_row_costs_that_row_and_is_told(shelf: StoreEnvironment, table: Table) -> None:
    """Not the session, not the list, and not what stands beside it."""
    key = key_in(shelf, table, "a\x01")
    with shelf.write() as txn:
        txn.put(table, key, b"\x91\xc1")
    singly, together = both(shelf, NAMES)
    assert plain(singly) == plain(together)
    assert [each.lost for each in together] == [0, 1, 0, 0]
    reader = StoreReader(shelf)
    assert [each.session for each in reader.list_sessions()] == ["b", "ab", "a\x01", "a", SESSION]
    told = reader.show("a\x01").warnings
    assert any("reelctl verify" in each for each in told)
    assert reader.show("a").warnings == ["no camera"]
    assert {fault.session for fault in verify(shelf, None).faults} == {"a\x01"}
    assert not verify(shelf, "a\x01").ok
    assert verify(shelf, "a").ok


@pytest.mark.parametrize("table", KINDS)
def test_a_repair_sets_a_damaged_row_aside_and_the_index_learns_of_it(shelf: StoreEnvironment, table: Table) -> None:
    key = key_in(shelf, table, "a")
    reader = StoreReader(shelf)
    with shelf.write() as txn:
        txn.put(table, key, b"\xc1")
        before = latest(txn)
    reader.list_sessions()
    with shelf.write() as txn:
        orders.carry_out(txn, RepairChunks(staged="", lost=[], at_wall_ns=1), Circumstances(shelf.path, ()))
    with shelf.read() as txn:
        assert sessions.load(txn, "a").revision > before
        assert txn.count(Table.QUARANTINE) == 1
    (listed,) = [each for each in reader.list_sessions() if each.session == "a"]
    assert listed == reader.show("a")
    assert not any("reelctl verify" in each for each in listed.warnings)
    assert verify(shelf, None).ok
