"""Which recording a derived session shows where. Harm guarded against: a clip of a merge of a clip nobody finds."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.store import sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.lineage import Line, inherit, lines_of
from reeld.store.records import SessionRecord
from reeld.store.timeline import Span
from reeld_proto.records import SessionState
from tests.daemon.store.builders import SESSION, chunk, finish, land

MS = 1_000_000


def made(name: str, end_ns: int) -> SessionRecord:
    return SessionRecord(
        id=name,
        name=name,
        tags=[],
        state=SessionState.COMPLETED,
        started_wall_ns=0,
        started_mono_ns=0,
        end_ns=end_ns,
        origins=[SESSION],
    )


def test_a_recording_shows_itself(store: StoreEnvironment) -> None:
    land(store, chunk(0, 1000 * MS))
    with store.write() as txn:
        sessions.finish(txn, finish(1000 * MS))
        assert lines_of(txn, sessions.load(txn, SESSION)) == [Line(0, 1000 * MS, SESSION, 0)]


def test_a_clip_of_a_clip_still_names_the_recording(store: StoreEnvironment) -> None:
    land(store, chunk(0, 1000 * MS))
    with store.write() as txn:
        sessions.finish(txn, finish(1000 * MS))
        root = sessions.load(txn, SESSION)
        clip, second = made("clip", 500 * MS), made("second", 400 * MS)
        inherit(txn, "clip", [(root, Span(200 * MS, 700 * MS), 0)])
        inherit(txn, "second", [(clip, Span(100 * MS, 300 * MS), 0), (root, Span(0, 200 * MS), 200 * MS)])
        assert lines_of(txn, clip) == [Line(0, 500 * MS, SESSION, 200 * MS)]
        assert lines_of(txn, second) == [
            Line(0, 200 * MS, SESSION, 300 * MS),
            Line(200 * MS, 400 * MS, SESSION, 0),
        ]


def test_a_derived_session_without_lines_is_not_taken_for_a_recording(store: StoreEnvironment) -> None:
    with store.read() as txn:
        assert lines_of(txn, made("from elsewhere", 5)) == []


@given(st.integers(0, 100), st.integers(1, 100), st.integers(0, 100), st.integers(0, 200), st.integers(1, 100))
def test_there_and_back_is_the_same_time(start: int, length: int, root: int, at: int, wide: int) -> None:
    line = Line(start, start + length, "root", root)
    span = Span(at, at + wide)
    found = line.to_root(span)
    inside = Span(max(start, at), min(start + length, at + wide))
    if inside.start_ns >= inside.end_ns:
        assert found is None
    else:
        assert found is not None
        assert line.from_root(found) == inside
