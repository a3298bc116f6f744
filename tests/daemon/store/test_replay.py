"""Keeping the last minutes. Harms guarded against: an instant that is kept twice or not at all where one session
followed another, somebody else's old session in it, and a save that takes longer the more is saved."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.runtime.clock import monotonic_ns
from reeld.sessions.sounds import usual_graph
from reeld.store import automation, heard, keeping, lineage, replay, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.records import SessionRecord
from reeld.store.timeline import Span
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState, TrackKind
from reeld_proto.replay_orders import BufferMoment, FillKept, KeepLast, LastKept
from reeld_proto.sound import SpanKind
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import RecordPause
from tests.daemon.store.builders import NS, chunk, creation, finish, land, new_store

KEPT = "20261122-235959-kept"
TRACKS = ("video-1", "mix")
EVER = 1e9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path) as opened:
        yield opened


def add(
    store: StoreEnvironment,
    session: str,
    start_s: float,
    length_s: int,
    *,
    buffer: bool = False,
    running: bool = False,
    behind_s: int = 0,
) -> None:
    """A session that began at `start_s` on both clocks, of chunks of a second; the sound ends `behind_s` before."""
    start_ns = round(start_s * NS)
    order = creation(session, tracks=TRACKS, buffer=buffer, started_mono_ns=start_ns, started_wall_ns=start_ns)
    with store.write() as txn:
        sessions.create(txn, order)
    items = [
        chunk(at * NS, (at + 1) * NS, f"{session} {track} {at}".encode(), session=session, track=track)
        for track in TRACKS
        for at in range(length_s - (behind_s if track == "mix" else 0))
    ]
    land(store, *items)
    if not running:
        with store.write() as txn:
            sessions.finish(txn, finish(length_s * NS, session))


def keep(
    store: StoreEnvironment, at_s: float, last_s: float, live: str = "", work_ms: float = EVER, session: str = KEPT
) -> LastKept:
    now = BufferMoment(mono_ns=round(at_s * NS), wall_ns=round(at_s * NS), live=live)
    order = KeepLast(session=session, name="kept", last_ns=round(last_s * NS), now=now, work_ms=work_ms)
    with store.write() as txn:
        return replay.keep(txn, order, Circumstances(store.path, set()))


def parts(store: StoreEnvironment, at_s: float, last_s: float, live: str = "") -> list[tuple[str, float, float]]:
    now = BufferMoment(mono_ns=round(at_s * NS), wall_ns=round(at_s * NS), live=live)
    order = KeepLast(session=KEPT, name="kept", last_ns=round(last_s * NS), now=now, work_ms=0)
    with store.read() as txn:
        found = replay.parts_of(txn, order)
    return [(part.asked.session, part.within.start_ns / NS, part.within.end_ns / NS) for part in found]


def kept(store: StoreEnvironment, session: str = KEPT) -> SessionRecord:
    with store.read() as txn:
        return sessions.load(txn, session)


def test_the_last_seconds_of_the_buffer(store: StoreEnvironment) -> None:
    add(store, "a", 100, 60, buffer=True, running=True)
    report = keep(store, 160, 12.5, live="a")
    assert (report.duration_ns, report.missing_ns, report.complete) == (12.5 * NS, 0, True)
    record = kept(store)
    assert record.state is SessionState.COMPLETED
    assert not record.buffer
    assert record.origins == ["a"]
    assert record.started_wall_ns == 147.5 * NS
    assert [track.chunks for track in record.tracks] == [13, 13]
    assert report.bytes == sum(track.bytes for track in record.tracks)
    assert verify.verify(store, None).ok


def test_over_the_change_from_buffer_to_recording_and_back_no_instant_is_kept_twice(store: StoreEnvironment) -> None:
    add(store, "a", 100, 20, buffer=True)
    add(store, "b", 119.99, 10)  # it began a moment before the buffer had ended
    add(store, "c", 130.5, 10, buffer=True, running=True)
    assert parts(store, 140.5, 35, live="c") == [("a", 5.5, 19.99), ("b", 0, 10), ("c", 0, 10)]
    report = keep(store, 140.5, 35, live="c")
    assert report.missing_ns == pytest.approx(0.51 * NS)
    assert kept(store).origins == ["a", "b", "c"]
    assert verify.verify(store, None).ok


def test_where_all_but_a_moment_is_durable_the_replay_ends_there_and_is_complete(store: StoreEnvironment) -> None:
    add(store, "a", 0, 10, buffer=True, running=True)
    assert parts(store, 10.2, 5, live="a") == [("a", 5.2, 10)]
    assert keep(store, 10.2, 5, live="a").complete


def test_a_chunk_that_is_still_on_its_way_is_waited_for_and_lands_in_the_replay(store: StoreEnvironment) -> None:
    """Harm: what made somebody save the replay happened in the last second, and is the one thing missing in it."""
    began_s = monotonic_ns() / NS - 10
    add(store, "a", began_s, 9, buffer=True, running=True, behind_s=1)
    report = keep(store, began_s + 9.5, 5, live="a")
    assert (report.complete, report.duration_ns) == (False, 5 * NS)
    assert [track.chunks for track in kept(store).tracks] == [5, 0]  # one track after the other
    assert verify.verify(store, None).ok
    fill = FillKept(work_ms=EVER)
    circumstances = Circumstances(store.path, set())
    with store.write() as txn:
        assert replay.go_on(txn, fill, circumstances).waiting == [KEPT]
    land(store, chunk(9 * NS, 10 * NS, b"v", session="a", track="video-1", keyframe=False))
    land(store, *(chunk(at * NS, (at + 1) * NS, b"m%d" % at, session="a", track="mix") for at in (8, 9)))
    with store.write() as txn:
        assert replay.go_on(txn, fill, circumstances).waiting == []
    assert [track.chunks for track in kept(store).tracks] == [6, 6]
    assert kept(store).state is SessionState.COMPLETED
    with store.read() as txn:
        assert not list(txn.scan(Table.GAPS, KEPT.encode() + b"\0"))
        (line,) = lineage.lines_of(txn, kept(store))
        assert line.end_ns == 5 * NS
        assert line.root_ns == pytest.approx(4.5 * NS)
    assert verify.verify(store, None).ok


def test_a_track_whose_source_is_lost_is_not_waited_for_for_ever(store: StoreEnvironment) -> None:
    began_s = monotonic_ns() / NS - 10
    add(store, "a", began_s, 10, buffer=True, running=True, behind_s=6)
    report = keep(store, began_s + 5, 5, live="a")  # asked five seconds ago
    assert report.complete
    add(store, "b", 0, 10, buffer=True, running=True, behind_s=6)
    assert verify.verify(store, None).ok


def test_a_recording_that_ended_meanwhile_is_not_waited_for(store: StoreEnvironment) -> None:
    began_s = monotonic_ns() / NS - 10
    add(store, "a", began_s, 9, buffer=True, running=True)
    assert not keep(store, began_s + 9.9, 5, live="a").complete
    with store.write() as txn:
        sessions.finish(txn, finish(9 * NS, "a"))
    with store.write() as txn:
        assert replay.go_on(txn, FillKept(work_ms=EVER), Circumstances(store.path, set())).waiting == []
    assert verify.verify(store, None).ok


def test_what_was_long_before_is_not_looked_at(store: StoreEnvironment) -> None:
    add(store, "a", 0, 10)
    add(store, "b", 1000, 10)
    assert parts(store, 1020, 60) == [("b", 0, 10)]
    assert parts(store, 1020, 15) == [("b", 5, 10)]


def test_saved_replays_are_no_source_of_the_next_but_share_its_bytes(store: StoreEnvironment) -> None:
    add(store, "a", 0, 30, buffer=True, running=True)
    keep(store, 30, 20, live="a")
    with store.read() as txn:
        before = txn.count(Table.CHUNKS)
    keep(store, 30, 25, live="a", session="20261122-235959-two")
    assert kept(store, "20261122-235959-two").origins == ["a"]
    with store.read() as txn:
        assert txn.count(Table.CHUNKS) == before
    assert verify.verify(store, None).ok


def test_a_pause_of_the_clock_is_no_time_of_media(store: StoreEnvironment) -> None:
    add(store, "a", 0, 20)
    with store.write() as txn:
        sessions.pause(txn, RecordPause(session="a", start_ns=10 * NS, end_ns=40 * NS))
    assert parts(store, 52, 10) == [("a", 12, 20)]
    assert parts(store, 52, 30) == [("a", 10, 20)]
    assert parts(store, 52, 50) == [("a", 2, 20)]
    report = keep(store, 52, 50)
    assert (report.duration_ns, report.missing_ns) == (18 * NS, 32 * NS)


@pytest.mark.parametrize("at_s", [5.0, 500.0])
def test_nothing_recorded_is_refused_and_leaves_no_session(store: StoreEnvironment, at_s: float) -> None:
    add(store, "a", 100, 10)
    with pytest.raises(RequestRejected) as caught:
        keep(store, at_s, 3)
    assert caught.value.code is ErrorCode.WRONG_STATE
    with store.read() as txn:
        assert txn.get(Table.SESSIONS, KEPT.encode()) is None
        assert keeping.pending(txn) == []


def test_a_name_that_is_too_long_is_refused(store: StoreEnvironment) -> None:
    add(store, "a", 0, 10, buffer=True, running=True)
    order = KeepLast(
        session=KEPT, name="x" * 300, last_ns=NS, now=BufferMoment(mono_ns=10 * NS, wall_ns=10 * NS), work_ms=1
    )
    with pytest.raises(RequestRejected), store.write() as txn:
        replay.keep(txn, order, Circumstances(store.path, set()))
    with store.read() as txn:
        assert txn.get(Table.SESSIONS, KEPT.encode()) is None


def test_asked_again_after_the_store_was_restarted_it_is_the_same_session(store: StoreEnvironment) -> None:
    add(store, "a", 0, 30, buffer=True, running=True)
    first = keep(store, 30, 20, live="a", work_ms=0)
    assert keep(store, 31, 10, live="a").duration_ns == first.duration_ns
    assert kept(store).state is SessionState.COMPLETED
    assert verify.verify(store, None).ok


def test_a_day_is_kept_in_the_time_of_a_minute_and_filled_in_afterwards(
    store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PORTION", 50)
    add(store, "a", 0, 2000, buffer=True, running=True)
    report = keep(store, 2000, 1999, live="a", work_ms=0)
    assert not report.complete
    assert report.duration_ns == 1999 * NS
    record = kept(store)
    assert record.state is SessionState.PERSISTING
    assert sum(track.chunks for track in record.tracks) == 0, "the answer does not wait for any of it"
    rounds = 0
    waiting = [KEPT]
    while waiting:
        with store.write() as txn:
            waiting = replay.go_on(txn, FillKept(work_ms=1), Circumstances(store.path, set())).waiting
        rounds += 1
    assert rounds > 1
    record = kept(store)
    assert [track.chunks for track in record.tracks] == [1999, 1999]
    assert report.bytes == pytest.approx(sum(track.bytes for track in record.tracks), rel=0.01)
    assert verify.verify(store, None).ok


@pytest.mark.parametrize(("last_s", "complete"), [(100, True), (299, True), (305, False)])
def test_what_is_short_is_complete_in_the_answer(store: StoreEnvironment, last_s: int, *, complete: bool) -> None:
    """Two tracks of a chunk a second; beyond, the commit of so many counts would keep the answer waiting."""
    add(store, "a", 0, 400, buffer=True, running=True)
    report = keep(store, 400, last_s, live="a")
    assert report.complete is complete
    assert report.duration_ns == last_s * NS
    with store.write() as txn:
        replay.complete_all(txn)
    assert [track.chunks for track in kept(store).tracks] == [last_s, last_s]
    assert report.bytes == pytest.approx(sum(track.bytes for track in kept(store).tracks), rel=0.05)
    assert verify.verify(store, None).ok


def test_orders_on_sessions_find_them_filled(store: StoreEnvironment) -> None:
    add(store, "a", 0, 100, buffer=True, running=True)
    keep(store, 100, 99, live="a", work_ms=0)
    with store.write() as txn:
        replay.complete_all(txn)
        assert keeping.pending(txn) == []
    assert kept(store).tracks[0].chunks == 99


def test_within_ends_when_its_time_is_over() -> None:
    assert replay.within(EVER)()
    began_ns = monotonic_ns()
    go_on = replay.within(1)
    while go_on():
        assert monotonic_ns() - began_ns < 5_000 * NS_PER_MS
    assert monotonic_ns() - began_ns >= NS_PER_MS


def test_what_is_kept_says_how_it_was_mixed_and_when_somebody_spoke(store: StoreEnvironment) -> None:
    add(store, "a", 100, 60, buffer=True, running=True)
    with store.write() as txn:
        track = next(track.id for track in sessions.load(txn, "a").tracks if track.kind is TrackKind.AUDIO)
        automation.put_graph(txn, "a", 0, usual_graph())
        heard.put(txn, "a", track, SpanKind.VOICE, [Span(10 * NS, 20 * NS), Span(45 * NS, 50 * NS)])
    keep(store, 160, 30, live="a")
    with store.read() as txn:
        assert automation.graphs_of(txn, KEPT) == [(0, usual_graph())]
        assert list(heard.heard_of(txn, KEPT)) == [(track, SpanKind.VOICE, Span(15 * NS, 20 * NS))]
