"""What clients are told of a session. Its fields are tested through `show` in `test_reader.py`."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.store import sessions
from reeld.store.description import describe
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, session_prefix, track_prefix
from reeld.store.records import GapEntry, PauseEntry, SessionRecord, TrackState
from reeld.store.said import Said, said_of
from reeld.store.timeline import Pause, PauseMap, Span, public_gaps
from reeld_proto.records import GapReason, SessionState, TrackKind
from reeld_proto.workers import RecordPause
from tests.daemon.store.builders import NS, SESSION, finish


def record(*tracks: str) -> SessionRecord:
    states = [TrackState(id=each, kind=TrackKind.AUDIO, codec="", label="", source="") for each in tracks]
    return SessionRecord(
        id="s", name="", tags=[], state=SessionState.COMPLETED, started_wall_ns=1, started_mono_ns=1, tracks=states
    )


_gaps = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=5, unique_by=lambda gap: gap[0])


@given(gaps=st.dictionaries(st.sampled_from(["a", "b"]), _gaps), pause=st.integers(0, 60) | st.none())
def test_the_short_way_without_pauses_says_the_same(gaps: dict[str, list[tuple[int, int]]], pause: int | None) -> None:
    """Else a session's gaps would move when somebody looks at it in another way."""
    pauses = [] if pause is None else [Pause(pause * NS, pause * NS + 5)]
    rows = [
        (at(track_prefix("s", track), start * NS), GapEntry((start + length) * NS, GapReason.HIDDEN))
        for track, each in gaps.items()
        for start, length in each
    ]
    said = Said(
        gaps=sorted(rows, key=lambda row: row[0]),
        pauses=[(at(session_prefix("s"), each.start_clock_ns), PauseEntry(each.end_clock_ns)) for each in pauses],
    )
    expected = [
        gap
        for track in ("a", "b")
        for gap in public_gaps(
            track,
            [Span(start * NS, (start + length) * NS, GapReason.HIDDEN) for start, length in gaps.get(track, [])],
            PauseMap(pauses),
        )
    ]
    assert describe(record("a", "b"), said).info.gaps == expected


def test_the_end_on_the_wall_includes_the_pauses(store: StoreEnvironment) -> None:
    """Else a session would not be found in the hour in which it ended."""
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session=SESSION, start_ns=NS, end_ns=11 * NS))
        assert describe(sessions.load(txn, SESSION), said_of(txn, SESSION)).ended_wall_ns is None
        sessions.finish(txn, finish(2 * NS))
        found = sessions.load(txn, SESSION)
        assert describe(found, said_of(txn, SESSION)).ended_wall_ns == found.started_wall_ns + 12 * NS


def test_snapshots_are_no_tracks_to_play() -> None:
    """Harm: a player offers a track of stills, or a still that came late looks like a hole in the recording."""
    shown = record("mix")
    still = TrackState(id="snapshots-1", kind=TrackKind.SNAPSHOT, codec="png", label="", source="video-1", bytes=7)
    shown.tracks.append(still)
    gap = (at(track_prefix("s", "snapshots-1"), 0), GapEntry(NS, GapReason.DROPPED))
    info = describe(shown, Said(gaps=[gap])).info
    assert [track.id for track in info.tracks] == ["mix"]
    assert info.gaps == []
    assert info.bytes == 7
