from collections.abc import Callable

import pytest

from reeld.store import sessions, verify
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.records import SESSION_RECORD_BYTES_MAX
from reeld.store.sessions import TRACKS_MAX, WARNINGS_MAX
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason, SessionState
from reeld_proto.workers import CreateSession, RecordClockJump, RecordMarker, RecordPause, RecordState
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land


def test_orders_given_again_after_a_restart_change_nothing(store: StoreEnvironment) -> None:
    land(store, chunk(0, 4 * NS), chunk(0, 4 * NS, track="mix"))
    orders: list[Callable[[Transaction], None]] = [
        lambda txn: sessions.create(txn, creation(name="another", warnings=["no microphone"])),
        lambda txn: sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=None)),
        lambda txn: sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=3 * NS)),
        lambda txn: sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=None)),
        lambda txn: sessions.mark(txn, RecordMarker(session=SESSION, media_ns=NS, text="here")),
        lambda txn: sessions.set_state(txn, RecordState(session=SESSION, state=SessionState.PARTIAL, warning="lost")),
        lambda txn: sessions.clock_jump(txn, RecordClockJump(session=SESSION, media_ns=NS, wall_ns=7)),
        lambda txn: sessions.finish(txn, finish(4 * NS)),
    ]
    shown = []
    for _ in range(2):
        for order in orders:
            with store.write() as txn:
                order(txn)
        shown.append(StoreReader(store).show(SESSION))
    assert shown[0] == shown[1]
    info = shown[0]
    assert (info.name, info.state, info.duration_s) == ("work", SessionState.COMPLETED, 4.0)
    assert [(each.reason, each.start_s, each.end_s) for each in info.gaps] == [(GapReason.PAUSED, 1.0, 3.0)] * 2
    assert [each.text for each in info.markers] == ["here"]
    assert info.warnings == ["lost"]


def test_a_pause_that_is_over_never_opens_again(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=0, end_ns=NS))
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=0, end_ns=None))
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=0, end_ns=5 * NS))
    land(store, chunk(0, NS))
    assert [each.end_s for each in StoreReader(store).show(SESSION).gaps] == [1.0, 1.0]


def test_two_notes_of_one_instant_are_both_kept(store: StoreEnvironment) -> None:
    with store.write() as txn:
        for text in ("one", "two", "one"):
            sessions.mark(txn, RecordMarker(session=SESSION, media_ns=NS, text=text))
    assert sorted(each.text for each in StoreReader(store).show(SESSION).markers) == ["one", "two"]


def test_the_tail_of_every_track_is_explained(store: StoreEnvironment) -> None:
    land(store, chunk(0, 2 * NS), gap(2 * NS, 3 * NS))
    with store.write() as txn:
        sessions.finish(txn, finish(5 * NS))
    reader = StoreReader(store)
    assert [(each.start_ns, each.end_ns, each.reason) for each in reader.gaps(SESSION, "video-1")] == [
        (2 * NS, 3 * NS, GapReason.HIDDEN),
        (3 * NS, 5 * NS, GapReason.DROPPED),
    ]
    assert [(each.start_ns, each.end_ns) for each in reader.gaps(SESSION, "mix")] == [(0, 5 * NS)]
    assert verify.verify(store, None).ok


def test_what_reaches_beyond_the_end_is_cut_to_it(store: StoreEnvironment) -> None:
    # An AAC frame is 21 ms long; a session does not end on its border.
    land(store, chunk(0, 2 * NS + 5, track="mix"), chunk(0, NS), gap(NS, 9 * NS))
    with store.write() as txn:
        sessions.finish(txn, finish(2 * NS))
    reader = StoreReader(store)
    assert [each.end_ns for each in reader.segments(SESSION, "mix")] == [2 * NS]
    assert [(each.start_ns, each.end_ns) for each in reader.gaps(SESSION, "video-1")] == [(NS, 2 * NS)]
    assert reader.show(SESSION).duration_s == 2.0
    assert verify.verify(store, None).ok


def test_a_gap_wholly_beyond_the_end_goes_and_recorded_media_never_does(store: StoreEnvironment) -> None:
    land(store, chunk(0, 2 * NS), gap(2 * NS, 3 * NS), chunk(0, NS, track="mix"), chunk(NS, 4 * NS, track="mix"))
    with store.write() as txn:
        sessions.finish(txn, finish(NS))
    info = StoreReader(store).show(SESSION)
    assert info.duration_s == 4.0, "a chunk that begins at the end moves it"
    assert info.tracks[1].chunks == 2
    assert verify.verify(store, None).ok


def test_an_end_before_a_gap_removes_the_gap(store: StoreEnvironment) -> None:
    land(store, chunk(0, 2 * NS), gap(3 * NS, 4 * NS), chunk(0, 2 * NS, track="mix"))
    with store.write() as txn:
        sessions.finish(txn, finish(2 * NS))
    assert StoreReader(store).gaps(SESSION, "video-1") == []
    assert verify.verify(store, None).ok


def test_a_session_marked_interrupted_can_still_be_finished_by_a_daemon_that_lived(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    with store.write() as txn:
        sessions.finish(txn, finish(NS, state=SessionState.INTERRUPTED))
        sessions.finish(txn, finish(2 * NS, state=SessionState.COMPLETED))
        sessions.finish(txn, finish(3 * NS, state=SessionState.ERROR))
    info = StoreReader(store).show(SESSION)
    assert (info.state, info.duration_s) == (SessionState.COMPLETED, 2.0)
    assert verify.verify(store, None).ok


def test_a_finished_session_keeps_its_state_but_takes_warnings(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.finish(txn, finish(NS))
        sessions.set_state(txn, RecordState(session=SESSION, state=SessionState.ACTIVE, warning="late news"))
    info = StoreReader(store).show(SESSION)
    assert (info.state, info.warnings) == (SessionState.COMPLETED, ["late news"])


def test_a_flapping_device_cannot_fill_the_store_with_warnings(store: StoreEnvironment) -> None:
    with store.write() as txn:
        for number in range(WARNINGS_MAX + 20):
            order = RecordState(session=SESSION, state=SessionState.ACTIVE, warning=f"lost {number}")
            sessions.set_state(txn, order)
    assert len(StoreReader(store).show(SESSION).warnings) == WARNINGS_MAX


def test_the_largest_session_that_is_accepted_loads_within_its_limit(store: StoreEnvironment) -> None:
    order = creation("big", name="ä" * 255, tracks=tuple(f"video-{number}" for number in range(12)))
    with store.write() as txn:
        sessions.create(txn, order)
    with store.read() as txn:
        assert len(txn.get(Table.SESSIONS, b"big") or b"") < SESSION_RECORD_BYTES_MAX


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (creation("s", tags=["t" * 1000] * 10), ErrorCode.TOO_LARGE),
        (creation("s", tracks=tuple(str(number) for number in range(TRACKS_MAX + 1))), ErrorCode.TOO_LARGE),
        (creation("", name="n"), ErrorCode.INVALID_REQUEST),
        (creation("s", tracks=("",)), ErrorCode.INVALID_REQUEST),
    ],
)
def test_a_session_that_could_not_be_kept_is_refused_at_once(
    store: StoreEnvironment, order: CreateSession, code: ErrorCode
) -> None:
    with pytest.raises(RequestRejected) as caught, store.write() as txn:
        sessions.create(txn, order)
    assert caught.value.code is code
    assert len(StoreReader(store).list_sessions()) == 1


@pytest.mark.parametrize(
    "order",
    [
        lambda txn: sessions.pause(txn, RecordPause(session="none", start_ns=0, end_ns=None)),
        lambda txn: sessions.mark(txn, RecordMarker(session="none", media_ns=0, text="x")),
        lambda txn: sessions.set_state(txn, RecordState(session="none", state=SessionState.ACTIVE)),
        lambda txn: sessions.clock_jump(txn, RecordClockJump(session="none", media_ns=0, wall_ns=0)),
        lambda txn: sessions.finish(txn, finish(NS, "none")),
        lambda txn: sessions.finish(txn, finish(-NS)),
        lambda txn: sessions.mark(txn, RecordMarker(session=SESSION, media_ns=-1, text="x")),
        lambda txn: sessions.pause(txn, RecordPause(session=SESSION, start_ns=5, end_ns=4)),
    ],
)
def test_an_impossible_order_is_refused_and_changes_nothing(store: StoreEnvironment, order: object) -> None:
    before = StoreReader(store).show(SESSION)
    with pytest.raises(RequestRejected), store.write() as txn:
        order(txn)  # type: ignore[operator]
    assert StoreReader(store).show(SESSION) == before


def test_a_tail_is_explained_by_a_full_disk_if_that_was_it() -> None:
    assert sessions.tail_reason(disk_was_full=True) is GapReason.DISK_FULL
    assert sessions.tail_reason(disk_was_full=False) is GapReason.DROPPED
