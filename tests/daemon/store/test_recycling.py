"""Recycling the buffer. Harms guarded against: a buffer that grows, a first picture that cannot be decoded, references
that are given up twice, and media of somebody's session that goes with the buffer."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store import buffer, heard, keeping, recycling, replay, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import number_of, track_prefix
from reeld.store.records import ChunkEntry, GapEntry
from reeld.store.timeline import Span
from reeld.store.transaction import Table, decode
from reeld_proto.records import GapReason
from reeld_proto.replay_orders import BufferMoment, BufferTrimmed, KeepLast, TrimBuffer
from reeld_proto.sound import SpanKind
from reeld_proto.workers import CreateSession
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land, new_store

TRACKS = ("video-1", "mix")


def tape(session: str = SESSION, start_s: int = 0) -> CreateSession:
    return creation(session, tracks=TRACKS, buffer=True, started_mono_ns=start_s * NS, started_wall_ns=start_s * NS)


def record(
    store: StoreEnvironment, start_s: int, end_s: int, session: str = SESSION, *, keyframe_every: int = 5
) -> None:
    """Chunks of a second on both tracks; each with its own bytes and those that all share (the init segment)."""
    land(
        store,
        *(
            chunk(
                at * NS,
                (at + 1) * NS,
                f"{session} {track} {at}".encode(),
                session=session,
                track=track,
                keyframe=track == "mix" or at % keyframe_every == 0,
                dropped=1,
                unchanged=2,
                silence_ns=3,
            )
            for at in range(start_s, end_s)
            for track in TRACKS
        ),
    )


def moment(at_s: float, live: str = "") -> BufferMoment:
    return BufferMoment(mono_ns=round(at_s * NS), wall_ns=round(at_s * NS), live=live)


def trim(store: StoreEnvironment, at_s: float, keep_s: float, live: str = "", entries_max: int = 2000) -> BufferTrimmed:
    order = TrimBuffer(now=moment(at_s, live), keep_ns=round(keep_s * NS), entries_max=entries_max)
    with store.write() as txn:
        return recycling.trim(txn, order, Circumstances(store.path, set()))


def entries(store: StoreEnvironment, track: str, session: str = SESSION) -> list[int]:
    """Seconds at which entries begin."""
    prefix = track_prefix(session, track)
    with store.read() as txn:
        return [number_of(key, prefix) // NS for key, _ in txn.scan(Table.TIMELINE, prefix)]


def gaps(store: StoreEnvironment, track: str, session: str = SESSION) -> list[tuple[int, int, GapReason]]:
    prefix = track_prefix(session, track)
    with store.read() as txn:
        found = [(number_of(key, prefix), decode(value, GapEntry)) for key, value in txn.scan(Table.GAPS, prefix)]
    return [(start_ns // NS, entry.end_ns // NS, entry.reason) for start_ns, entry in found]


def check(store: StoreEnvironment) -> None:
    faults = [fault for fault in verify.verify(store, None).faults if fault.kind != "refcount" or fault.session]
    assert faults == []


def garbage(store: StoreEnvironment) -> int:
    with store.read() as txn:
        return txn.count(Table.GARBAGE)


def test_what_is_too_old_goes_up_to_a_key_frame_and_the_rest_stays_covered(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 20)
        report = trim(store, 20, 8, live=SESSION)
        assert entries(store, "video-1") == list(range(10, 20))  # 12 would be enough, 10 is the key frame
        assert entries(store, "mix") == list(range(12, 20))
        assert gaps(store, "video-1") == [(0, 10, GapReason.RECYCLED)]
        assert gaps(store, "mix") == [(0, 12, GapReason.RECYCLED)]
        assert report.dropped == 22
        assert report.held_ns == 8 * NS
        assert report.complete
        assert garbage(store) == 22
        with store.read() as txn:
            kept = sessions.load(txn, SESSION)
            assert buffer.front_ns(txn, kept) == 12 * NS
        video, mix = kept.tracks
        assert (video.chunks, video.dropped, video.unchanged, video.silence_ns) == (10, 10, 20, 30)
        assert (mix.chunks, mix.end_ns) == (8, 20 * NS)
        check(store)


def test_the_second_time_nothing_is_given_up_again(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 20)
        trim(store, 20, 8, live=SESSION)
        assert trim(store, 20, 8, live=SESSION).dropped == 0
        check(store)


def test_recording_goes_on_behind_the_recycled_front(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        for at_s in range(0, 60, 3):
            record(store, at_s, at_s + 3)
            trim(store, at_s + 3, 9, live=SESSION)
            assert len(entries(store, "mix")) <= 10
            assert len(entries(store, "video-1")) <= 15
            check(store)
        with store.write() as txn:
            sessions.finish(txn, finish(60 * NS))
        check(store)


def test_an_ended_session_goes_whole_and_one_that_lasts_stays_with_nothing_in_it(tmp_path: Path) -> None:
    other = "20261122-180509-bbbb"
    with new_store(tmp_path, tape(), tape(other, 100)) as store:
        record(store, 0, 5)
        with store.write() as txn:
            sessions.finish(txn, finish(5 * NS))
        record(store, 0, 5, other)
        report = trim(store, 300, 10, live=other)
        with store.write() as txn:
            assert [one.id for one in buffer.members(txn)] == [other]
            assert txn.get(Table.SESSIONS, SESSION.encode()) is None
        assert entries(store, "mix", other) == []
        assert report.held_ns == 0
        check(store)
        record(store, 200, 202, other)
        check(store)


def test_without_a_buffer_in_the_config_nothing_of_one_stays(tmp_path: Path) -> None:
    with new_store(tmp_path, tape(), creation("20261122-190509-cccc")) as store:
        record(store, 0, 5)
        with store.write() as txn:
            sessions.finish(txn, finish(5 * NS))
        trim(store, 5, 0)
        with store.write() as txn:
            assert buffer.members(txn) == []
            assert [key for key, _ in txn.scan(Table.SESSIONS)] == [b"20261122-190509-cccc"]
        check(store)


def test_a_long_front_goes_in_bounded_steps(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 50)
        dropped = []
        while not (report := trim(store, 50, 5, live=SESSION, entries_max=7)).complete:
            dropped.append(report.dropped)
            check(store)
        assert max(dropped) <= 7
        assert entries(store, "video-1") == list(range(45, 50))
        check(store)


def test_pictures_without_a_key_frame_do_not_stay_for_ever(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 200, keyframe_every=150)
        trim(store, 100, 60, live=SESSION)
        assert entries(store, "video-1")[0] == 0  # 40 s late is not too late
        trim(store, 180, 60, live=SESSION)
        assert entries(store, "video-1")[0] == 150
        assert entries(store, "mix")[0] == 120
        check(store)


def test_a_gap_that_reaches_over_the_front_keeps_its_end_and_reason(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 3)
        land(store, *(gap(3 * NS, 9 * NS, GapReason.DEVICE_LOST, track=track) for track in TRACKS))
        record(store, 10, 12, keyframe_every=1)
        trim(store, 12, 6, live=SESSION)
        assert gaps(store, "mix")[:2] == [(0, 6, GapReason.RECYCLED), (6, 9, GapReason.DEVICE_LOST)]
        check(store)


def test_what_a_kept_session_holds_stays_and_what_it_waits_for_is_not_recycled(tmp_path: Path) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 20)
        kept = "20261122-200000-dddd"
        order = KeepLast(session=kept, name="x", last_ns=10 * NS, now=moment(20, SESSION), work_ms=0)
        with store.write() as txn:
            replay.keep(txn, order, Circumstances(store.path, set()))
            assert keeping.needed(txn) == {SESSION}
        assert trim(store, 100, 5, live=SESSION).dropped == 0
        with store.write() as txn:
            replay.complete_all(txn)
        assert trim(store, 100, 5, live=SESSION).dropped == 40
        check(store)
        assert len(entries(store, "mix", kept)) == 10


PIECES = st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), min_size=1, max_size=30)


@given(pieces=PIECES, trims=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 20)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_however_it_is_trimmed_it_is_covered_decodable_and_no_longer_than_it_may_be(
    pieces: Sequence[tuple[int, bool, bool]], trims: Sequence[tuple[int, int]]
) -> None:
    with TemporaryDirectory() as folder, new_store(Path(folder), tape()) as store:
        at_s, items = 0, []
        begun: set[str] = set()
        for length, media, keyframe in pieces:
            for track in TRACKS:
                if media:
                    # What an encoder makes first is a key frame, and be it after a gap.
                    key = track == "mix" or keyframe or track not in begun
                    begun.add(track)
                    content = f"{track} {at_s}".encode()
                    items.append(chunk(at_s * NS, (at_s + length) * NS, content, track=track, keyframe=key))
                else:
                    items.append(gap(at_s * NS, (at_s + length) * NS, GapReason.DEVICE_LOST, track=track))
            at_s += length
        land(store, *items)
        now_s = at_s
        for later_s, keep_s in trims:
            now_s += later_s
            while not trim(store, now_s, keep_s, live=SESSION, entries_max=3).complete:
                pass
            check(store)
            with store.read() as txn:
                for track in TRACKS:
                    prefix = track_prefix(SESSION, track)
                    found = [decode(value, ChunkEntry) for _, value in txn.scan(Table.TIMELINE, prefix)]
                    if found and track == "video-1":
                        assert found[0].keyframe
                    if found and track == "mix":
                        assert found[0].end_ns > (now_s - keep_s) * NS
        assert trim(store, now_s + 1000, 1, live=SESSION).held_ns == 0
        check(store)


@pytest.mark.parametrize("live", [SESSION, ""])
def test_a_session_that_was_left_unfinished_is_not_removed_under_its_recovery(tmp_path: Path, live: str) -> None:
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 5)
        trim(store, 100, 5, live=live)
        with store.write() as txn:
            assert [one.id for one in buffer.members(txn)] == [SESSION]
        check(store)


def test_what_was_heard_goes_with_the_time_in_which_it_was(tmp_path: Path) -> None:
    """Harm: a buffer of minutes that tells for weeks when somebody spoke."""
    with new_store(tmp_path, tape()) as store:
        record(store, 0, 20)
        with store.write() as txn:
            spans = [Span(2 * NS, 3 * NS), Span(11 * NS, 14 * NS), Span(15 * NS, 16 * NS)]
            heard.put(txn, SESSION, "mix", SpanKind.VOICE, spans)
        trim(store, 20, 8, live=SESSION)
        with store.read() as txn:
            found = [(span.start_ns // NS, span.end_ns // NS) for _, _, span in heard.heard_of(txn, SESSION)]
        assert found == [(12, 14), (15, 16)]
