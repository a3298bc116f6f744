"""Harm guarded against: a deletion that takes others' chunks along, or leaves rows behind; an edit that loses words."""

import pytest

from reeld.store import chunks, derive, manifests, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import session_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import GarbageEntry, References
from reeld.store.transaction import Table, decode
from reeld_proto.commands import Deleted
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.store_orders import DeriveSession, EditRecord, NewMarker, RemoveSession, SessionPart
from reeld_proto.workers import RecordClockJump, RecordMarker, RecordPause, RecordState
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land

OTHER = "20261122-171000-abcd"


@pytest.fixture
def recorded(store: StoreEnvironment) -> StoreEnvironment:
    """A session with something in every database, and a running one whose id begins alike."""
    land(
        store,
        *(chunk(number * NS, (number + 1) * NS, bytes([number]) * 1000, keyframe=not number) for number in range(4)),
    )
    land(store, gap(4 * NS, 5 * NS))
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=2 * NS))
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=NS, text="here"))
        sessions.clock_jump(txn, RecordClockJump(session=SESSION, media_ns=NS, wall_ns=NS))
        sessions.set_state(txn, RecordState(session=SESSION, state=SessionState.PARTIAL, warning="no sound"))
        sessions.finish(txn, finish(5 * NS))
        sessions.create(txn, creation(SESSION + "x", "neighbour"))
    land(store, chunk(0, NS, b"neighbour", session=SESSION + "x"))
    edit(store, note="a note", add_tags=["a"])
    return store


def test_a_marker_is_put_where_it_belongs_once_and_nowhere_else(recorded: StoreEnvironment) -> None:
    new = NewMarker(media_ns=500_000_000, text="decision")
    edit(recorded, add_markers=[new])
    edit(recorded, add_markers=[new, NewMarker(media_ns=500_000_000, text="another")])
    shown = StoreReader(recorded).show(SESSION)
    assert sorted(each.text for each in shown.markers if each.at_s == 0.5) == ["another", "decision"]
    end_ns = round(shown.duration_s * 1e9)
    for at_ns, text in ((-1, "x"), (end_ns + 2000, "x"), (0, " "), (0, "x" * 4097)):
        wrong = NewMarker(media_ns=at_ns, text=text)
        with pytest.raises(RequestRejected, match="marker"):
            edit(recorded, add_markers=[wrong])
    assert StoreReader(recorded).show(SESSION).markers == shown.markers


def edit(store: StoreEnvironment, **fields: object) -> None:
    with store.write() as txn:
        manifests.edit(txn, EditRecord(**{"session": SESSION, **fields}))  # type: ignore[arg-type]


def remove(store: StoreEnvironment, session: str = SESSION) -> Deleted:
    with store.write() as txn:
        order = RemoveSession(session=session, reason="for a test")
        done = manifests.remove(txn, order, Circumstances(store.path, ()))
    verified = verify.verify(store, None)
    assert verified.ok, verified.faults
    return done


def clip(store: StoreEnvironment, start: int, end: int) -> None:
    part = SessionPart(session=SESSION, from_ns=start * NS, to_ns=end * NS)
    order = DeriveSession(session=OTHER, name="clip", tags=[], parts=[part])
    with store.write() as txn:
        derive.derive(txn, order, Circumstances(store.path, ()))


def test_nothing_is_left_of_a_removed_session_but_garbage(recorded: StoreEnvironment) -> None:
    done = remove(recorded)
    # The neighbour needs the same init segment.
    assert done == Deleted(session=SESSION, freed_bytes=4000, shared_bytes=4)
    with recorded.read() as txn:
        for table in Table:
            left = [
                key for key, _ in txn.scan(table) if key == SESSION.encode() or key.startswith(session_prefix(SESSION))
            ]
            assert not left, table
        garbage = [decode(value, GarbageEntry) for _, value in txn.scan(Table.GARBAGE)]
    assert [(each.size, each.reason) for each in garbage] == [(1000, "for a test")] * 4
    assert [each.session for each in StoreReader(recorded).list_sessions()] == [SESSION + "x"]


def test_what_others_hold_stays(recorded: StoreEnvironment) -> None:
    """Also what a clip needs only for decoding."""
    clip(recorded, 2, 3)
    assert remove(recorded) == Deleted(session=SESSION, freed_bytes=1000, shared_bytes=3004)
    reader = StoreReader(recorded)
    (segment,) = reader.segments(OTHER, "video-1")
    assert reader.chunk(segment.chunk) == b"\2" * 1000
    assert remove(recorded, OTHER) == Deleted(session=OTHER, freed_bytes=3000, shared_bytes=4)


def test_bytes_that_come_again_are_no_garbage_any_more(recorded: StoreEnvironment) -> None:
    remove(recorded)
    land(recorded, chunk(NS, 2 * NS, b"\1" * 1000, session=SESSION + "x"))
    with recorded.read() as txn:
        assert txn.get(Table.GARBAGE, chunks.digest_of(b"\1" * 1000)) is None
        assert txn.count(Table.GARBAGE) == 3
    assert verify.verify(recorded, None).ok


def test_a_session_that_is_being_recorded_is_not_removed(recorded: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        remove(recorded, SESSION + "x")
    assert (caught.value.code, "stop" in caught.value.remedy) == (ErrorCode.WRONG_STATE, True)
    assert StoreReader(recorded).show(SESSION + "x").name == "neighbour"


def test_an_unknown_session_is_not_found_but_one_that_was_removed_stays_so(recorded: StoreEnvironment) -> None:
    """The order is given again when the store restarts before it could answer."""
    for order in (lambda: remove(recorded, "none"), lambda: edit(recorded, session="none")):
        with pytest.raises(RequestRejected) as caught:
            order()
        assert caught.value.code is ErrorCode.NOT_FOUND
    remove(recorded)
    assert remove(recorded) == Deleted(session=SESSION, freed_bytes=0, shared_bytes=0)


def test_a_broken_count_stops_a_removal_before_it_destroys(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        txn.put_record(Table.REFERENCES, chunks.digest_of(b"\1" * 1000), References(0, 1000))
    with pytest.raises(Exception, match="no reference to give up"):
        remove(recorded)
    assert StoreReader(recorded).show(SESSION).note == "a note"


def test_edits_change_what_they_name_and_nothing_else(recorded: StoreEnvironment) -> None:
    edit(recorded, name="new name")
    info = StoreReader(recorded).show(SESSION)
    assert (info.name, info.note, info.tags, info.pinned) == ("new name", "a note", ["a"], False)
    edit(recorded, add_tags=["b", "a", "b"], pinned=True)
    edit(recorded, remove_tags=["a", "never there"])
    info = StoreReader(recorded).show(SESSION)
    assert (info.name, info.note, info.tags, info.pinned) == ("new name", "a note", ["b"], True)
    edit(recorded, note="", pinned=False)
    info = StoreReader(recorded).show(SESSION)
    assert (info.note, info.tags, info.pinned) == ("", ["b"], False)


def test_a_session_can_be_edited_while_it_is_recorded(recorded: StoreEnvironment) -> None:
    edit(recorded, session=SESSION + "x", name="still running")
    land(recorded, chunk(NS, 2 * NS, session=SESSION + "x"))
    info = StoreReader(recorded).show(SESSION + "x")
    assert (info.name, info.tracks[0].chunks) == ("still running", 2)


def test_all_faults_of_an_edit_are_told_at_once_and_nothing_changes(recorded: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        edit(recorded, name="x" * 256, add_tags=["", "y" * 256], note="z" * 4097, pinned=True)
    assert len(caught.value.faults) == 4
    with pytest.raises(RequestRejected) as caught:
        edit(recorded, name="fits", add_tags=[f"{number:0255}" for number in range(40)])
    assert caught.value.code is ErrorCode.TOO_LARGE
    info = StoreReader(recorded).show(SESSION)
    assert (info.name, info.tags, info.pinned) == ("work", ["a"], False)
