import pytest

from reeld.store import chunks, sessions
from reeld.store import reader as reader_module
from reeld.store.environment import StoreEnvironment
from reeld.store.index.finder import Finder
from reeld.store.reader import StoreReader
from reeld.store.selection import selection_of
from reeld.store.transaction import Table
from reeld_proto.commands import ListSessions
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import GapReason, SessionState
from reeld_proto.workers import RecordMarker, RecordPause, RecordState
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land


@pytest.fixture
def library(store: StoreEnvironment) -> StoreEnvironment:
    """Four sessions; the newest runs, one was marked."""
    with store.write() as txn:
        sessions.create(txn, creation("20261123-a", "Design review", tags=["work", "video"]))
        sessions.create(txn, creation("20261124-b", "Guitar", tags=["music"]))
        sessions.create(txn, creation("20261125-c", "Stand-up", tags=["work"]))
        sessions.finish(txn, finish(NS, "20261123-a"))
        sessions.finish(txn, finish(NS, "20261124-b", SessionState.INTERRUPTED))
        sessions.mark(txn, RecordMarker(session="20261124-b", media_ns=NS // 2, text="Bad String"))
    return store


def ids(library: StoreEnvironment, **filters: object) -> list[str]:
    selection = selection_of(ListSessions(**filters))  # type: ignore[arg-type]
    scores = Finder(library, indexed=False).search(selection.query) if selection.query else None
    return [each.session for each in StoreReader(library).list_sessions(selection, scores)]


def test_the_newest_session_comes_first(library: StoreEnvironment) -> None:
    assert ids(library) == ["20261125-c", "20261124-b", "20261123-a", SESSION]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": SessionState.COMPLETED}, ["20261123-a"]),
        ({"status": SessionState.INTERRUPTED}, ["20261124-b"]),
        ({"tag": "work"}, ["20261125-c", "20261123-a"]),
        ({"tag": "wor"}, []),
        ({"text": "design"}, ["20261123-a"]),
        ({"text": "bad string"}, ["20261124-b"]),
        ({"text": "MUSIC"}, ["20261124-b"]),
        ({"tag": "work", "text": "stand"}, ["20261125-c"]),
        ({"tag": "work", "status": SessionState.PAUSED}, []),
    ],
)
def test_all_filters_given_must_hold(
    library: StoreEnvironment, filters: dict[str, object], expected: list[str]
) -> None:
    assert ids(library, **filters) == expected


def test_a_session_is_shown_as_people_read_it(store: StoreEnvironment) -> None:
    land(store, chunk(0, 2 * NS, b"x" * 10), gap(2 * NS, 3 * NS, GapReason.HIDDEN), chunk(0, 3 * NS, track="mix"))
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=5 * NS))
        sessions.set_state(txn, RecordState(session=SESSION, state=SessionState.PARTIAL, warning="no microphone"))
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=NS, text="here"))
    info = StoreReader(store).show(SESSION)
    assert (info.session, info.name, info.state, info.duration_s) == (SESSION, "work", SessionState.PARTIAL, 3.0)
    assert info.started_at.startswith("2023-11-1")
    assert info.started_at[-6] in "+-"
    assert info.warnings == ["no microphone"]
    assert [(each.at_s, each.text) for each in info.markers] == [(1.0, "here")]
    assert [(each.track, each.reason.value, each.start_s, each.end_s, each.media_start_s) for each in info.gaps] == [
        ("video-1", "paused", 1.0, 5.0, 1.0),
        ("video-1", "hidden", 6.0, 7.0, 2.0),
        ("mix", "paused", 1.0, 5.0, 1.0),
    ]


def test_listing_and_showing_say_the_same(library: StoreEnvironment) -> None:
    reader = StoreReader(library)
    assert reader.list_sessions() == [reader.show(session) for session in ids(library)]


def test_a_pause_that_still_lasts_is_no_gap_yet(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=None))
    assert StoreReader(store).show(SESSION).gaps == []


def test_an_unknown_session_is_told_as_such(store: StoreEnvironment) -> None:
    for ask in (StoreReader(store).show, StoreReader(store).outline):
        with pytest.raises(RequestRejected) as caught:
            ask("none")
        assert caught.value.code is ErrorCode.NOT_FOUND


def test_segments_are_read_in_portions_without_losing_one(
    store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "SEGMENTS_PER_READ", 3)
    land(store, *(chunk(number * NS, (number + 1) * NS, keyframe=number % 4 == 0) for number in range(10)))
    reader = StoreReader(store)
    found = list(reader.segments(SESSION, "video-1"))
    assert [each.start_ns for each in found] == [number * NS for number in range(10)]
    assert [each.start_ns for each in reader.segments(SESSION, "video-1", 4 * NS + 1)] == [
        number * NS for number in range(5, 10)
    ]
    assert reader.chunk(found[3].chunk) == b"video-1 3000000000 4000000000"
    assert list(reader.segments(SESSION, "mix")) == []


@pytest.mark.parametrize(("at_ns", "expected"), [(0, 0), (4 * NS - 1, 0), (4 * NS, 4 * NS), (9 * NS, 8 * NS)])
def test_decoding_starts_at_the_last_chunk_that_can(store: StoreEnvironment, at_ns: int, expected: int) -> None:
    land(store, *(chunk(number * NS, (number + 1) * NS, keyframe=number % 4 == 0) for number in range(10)))
    found = StoreReader(store).keyframe_before(SESSION, "video-1", at_ns)
    assert found is not None
    assert found.start_ns == expected
    assert StoreReader(store).keyframe_before(SESSION, "mix", at_ns) is None


def test_damaged_bytes_are_not_handed_out(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    reader = StoreReader(store)
    digest = next(iter(reader.segments(SESSION, "video-1"))).chunk
    with store.write() as txn:
        txn.put(Table.CHUNKS, digest, b"other")
    with pytest.raises(StoreCorrupt):
        reader.chunk(digest)


def test_outline_tells_tracks_and_the_end_of_a_running_session(store: StoreEnvironment) -> None:
    land(store, chunk(0, 2 * NS), chunk(0, NS, track="mix"))
    outline = StoreReader(store).outline(SESSION)
    assert outline.end_ns == 2 * NS
    assert [(track.id, track.end_ns, track.codec) for track in outline.tracks] == [
        ("video-1", 2 * NS, "avc1"),
        ("mix", NS, "avc1"),
    ]


def test_the_chunk_before_an_instant_is_found_whether_or_not_it_lasts_until_then(store: StoreEnvironment) -> None:
    land(store, chunk(NS, 2 * NS, b"a", keyframe=False), chunk(3 * NS, 4 * NS, b"b"))
    reader = StoreReader(store)
    starts = [reader.segment_before(SESSION, "video-1", at_ns) for at_ns in (0, NS, 3 * NS - 1, 3 * NS, 9 * NS)]
    assert [each and each.start_ns // NS for each in starts] == [None, 1, 1, 3, 3]


def test_what_nothing_refers_to_is_not_given_out_though_it_is_still_stored(store: StoreEnvironment) -> None:
    reader = StoreReader(store)
    with store.write() as txn:
        digest = chunks.add(txn, b"secret")
    assert reader.held_chunk(digest) == b"secret"
    with store.write() as txn:
        chunks.release(txn, digest, reason="forgotten", now_wall_ns=0)
        assert not chunks.is_held(txn, digest)
    assert reader.chunk(digest) == b"secret"
    for unknown in (digest, b"0" * 32):
        with pytest.raises(RequestRejected) as caught:
            reader.held_chunk(unknown)
        assert caught.value.code is ErrorCode.NOT_FOUND
