"""Snapshots in the store. Harms guarded against: a crash that leaves half a minute unexplained, pictures whose bytes
are counted again and again, one picture that is listed as many, and a picture of a forgotten range that is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reeld.store import recount, recovery, recycling, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.holders import plan_of_one, plans_of_all
from reeld.store.reader import StoreReader
from reeld.store.records import TrackState
from reeld.store.stills import snapshots_of
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.replay_orders import BufferMoment, TrimBuffer
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land, new_store, still

TRACK = "snapshots-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path / "store", creation(tracks=("video-1", TRACK))) as opened:
        yield opened


def end(store: StoreEnvironment, end_ns: int) -> None:
    with store.write() as txn:
        sessions.finish(txn, finish(end_ns))


def listed(store: StoreEnvironment, session: str = SESSION) -> list[tuple[float, int, float | None]]:
    return [
        (each.info.at_s, each.info.bytes, each.info.duplicate_of) for each in snapshots_of(StoreReader(store), session)
    ]


def film(store: StoreEnvironment, end_s: int, start_s: int = 0, epoch: int = 1) -> None:
    land(store, *(chunk(at * NS, (at + 1) * NS, epoch=epoch) for at in range(start_s, end_s)))


def gaps(store: StoreEnvironment, session: str = SESSION, track: str = TRACK) -> list[tuple[float, float, Any]]:
    return [(each.start_ns / NS, each.end_ns / NS, each.reason) for each in StoreReader(store).gaps(session, track)]


def track_of(store: StoreEnvironment) -> TrackState:
    with store.read() as txn:
        found = sessions.load_shown(txn, SESSION).track(TRACK)
    assert found is not None
    return found


def test_a_picture_that_stays_is_one_and_one_that_comes_back_names_the_first(store: StoreEnvironment) -> None:
    film(store, 100)
    land(
        store,
        still(0, 30 * NS, b"desk"),
        still(30 * NS, 40 * NS, b"desk", taken_ns=0, frames=0),
        still(40 * NS, 70 * NS, b"letter"),
        still(70 * NS, 100 * NS, b"desk", taken_ns=0, frames=0),
    )
    end(store, 100 * NS)
    assert listed(store) == [(0, 4, None), (40, 6, None), (70, 4, 0)]
    info = snapshots_of(StoreReader(store), SESSION)[0].info
    assert (info.width, info.height, info.format, info.track, len(info.hash)) == (640, 480, "png", TRACK, 64)
    track = track_of(store)
    assert (track.kind, track.frames, track.chunks) == (TrackKind.SNAPSHOT, 2, 4)
    assert track.bytes == len(b"desk") + len(b"letter"), "bytes count where they came in"
    assert verify.verify(store, None).ok


def test_pictures_of_two_tracks_come_in_order_of_time_and_are_no_duplicates_of_each_other(tmp_path: Path) -> None:
    tracks = ("video-1", "video-2", TRACK, "snapshots-2")
    with new_store(tmp_path / "two", creation(tracks=tracks)) as store:
        land(store, still(0, 9 * NS, b"a"), still(3 * NS, 9 * NS, b"a", track="snapshots-2"))
        found = [
            (each.info.at_s, each.info.track, each.info.duplicate_of)
            for each in snapshots_of(StoreReader(store), SESSION)
        ]
        assert found == [(0, TRACK, None), (3, "snapshots-2", None)]


def test_a_crash_leaves_no_more_unexplained_than_of_the_picture_itself(store: StoreEnvironment) -> None:
    """How long a still stays is told twice a minute; the rest follows from what a still means."""
    film(store, 25)
    land(store, still(0, 2 * NS, b"desk"))
    recovery.recover(store, "")
    info = StoreReader(store).show(SESSION)
    assert info.duration_s == 25
    assert gaps(store) == []
    assert listed(store) == [(0, 4, None)]
    assert verify.verify(store, None).ok


def test_where_the_picture_itself_is_missing_no_still_is_on_view(store: StoreEnvironment) -> None:
    film(store, 5)
    land(store, gap(5 * NS, 8 * NS, GapReason.DEVICE_LOST), still(0, 2 * NS, b"desk"))
    film(store, 10, start_s=8)
    recovery.recover(store, "")
    assert gaps(store) == [(5, 10, GapReason.WORKER_RESTART)]
    assert verify.verify(store, None).ok


def test_a_worker_that_was_restarted_leaves_the_hole_of_its_picture_and_no_more(store: StoreEnvironment) -> None:
    film(store, 5)
    land(store, still(0, 2 * NS, b"desk"))
    film(store, 9, start_s=7, epoch=2)
    land(store, still(7 * NS, 9 * NS, b"new", epoch=2))
    end(store, 9 * NS)
    assert gaps(store) == [(5, 7, GapReason.WORKER_RESTART)]
    assert listed(store) == [(0, 4, None), (7, 3, None)]
    assert verify.verify(store, None).ok


def test_a_track_without_a_still_or_without_its_picture_is_a_gap(tmp_path: Path) -> None:
    with new_store(tmp_path / "bare", creation(tracks=("video-1", TRACK, "snapshots-2"))) as store:
        film(store, 3)
        land(store, still(0, NS, b"x", track="snapshots-2"))
        end(store, 3 * NS)
        assert [gap[:2] for gap in gaps(store)] == [(0, 3)]
        assert [gap[:2] for gap in gaps(store, track="snapshots-2")] == [(1, 3)]
        assert verify.verify(store, None).ok


def test_what_is_sent_again_after_a_restart_of_the_store_lands_once(store: StoreEnvironment) -> None:
    items = [still(0, 30 * NS, b"desk"), still(30 * NS, 60 * NS, b"desk", taken_ns=0, frames=0)]
    land(store, *items)
    before = track_of(store)
    land(store, *items)
    assert track_of(store) == before


def test_a_description_that_is_damaged_hides_one_picture_and_not_the_list(store: StoreEnvironment) -> None:
    land(store, still(0, 5 * NS, b"one"), still(5 * NS, 9 * NS, b"two"))
    bad = next(StoreReader(store).segments(SESSION, TRACK)).init
    with store.write() as txn:
        txn.put(Table.CHUNKS, bad, b"rotten")
    assert listed(store) == [(5, 3, None)]


def test_an_unknown_session_is_told_as_such(store: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        snapshots_of(StoreReader(store), "nobody")
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_session_whose_record_is_lost_gets_its_snapshots_back(store: StoreEnvironment) -> None:
    film(store, 3)
    land(store, still(0, 3 * NS, b"desk"))
    with store.write() as txn:
        txn.delete(Table.SESSIONS, SESSION.encode())
        recount.recount(txn, 1)
    kinds = {track.id: track.kind for track in StoreReader(store).outline(SESSION).tracks}
    assert kinds == {"video-1": TrackKind.VIDEO, TRACK: TrackKind.SNAPSHOT}
    assert listed(store) == [(0, 4, None)]


def test_a_buffer_gives_up_pictures_that_are_too_old_and_keeps_the_one_on_view(tmp_path: Path) -> None:
    order = creation(tracks=("video-1", TRACK), buffer=True, started_mono_ns=0, started_wall_ns=0)
    with new_store(tmp_path / "buffer", order) as store:
        film(store, 100)
        land(store, still(0, 10 * NS, b"old"), still(10 * NS, 40 * NS, b"desk"))
        land(store, *(still(at * NS, (at + 30) * NS, b"desk", taken_ns=10 * NS, frames=0) for at in (40, 70)))
        trim = TrimBuffer(now=BufferMoment(mono_ns=100 * NS, wall_ns=0, live=SESSION), keep_ns=20 * NS)
        with store.write() as txn:
            recycling.trim(txn, trim, Circumstances(store.path, frozenset()))
        starts = [each.start_ns // NS for each in StoreReader(store).segments(SESSION, TRACK)]
        assert starts == [70]
        assert verify.verify(store, None).ok


def cuts_of(store: StoreEnvironment, from_s: float, to_s: float) -> list[tuple[int, bool, list[tuple[float, float]]]]:
    """Of the entries that go: number, whether the picture itself goes, what of its time stays."""
    with store.read() as txn:
        one = plan_of_one(txn, SESSION, round(from_s * NS), round(to_s * NS))
        everywhere = plans_of_all(txn, SESSION, round(from_s * NS), round(to_s * NS))[0]
    redos = one.tracks[TRACK].redos
    assert redos == everywhere.tracks[TRACK].redos
    return [
        (redo.index, redo.dirty, [(keep.span.start_ns / NS, keep.span.end_ns / NS) for keep in redo.keeps])
        for redo in redos
    ]


def test_a_picture_taken_in_a_range_goes_wherever_it_is_on_view_and_one_before_only_from_there_on(
    store: StoreEnvironment,
) -> None:
    film(store, 100)
    land(
        store,
        still(0, 20 * NS, b"before"),
        still(20 * NS, 30 * NS, b"inside"),
        still(30 * NS, 40 * NS, b"after"),
        still(40 * NS, 60 * NS, b"inside", taken_ns=20 * NS, frames=0),
        still(60 * NS, 100 * NS, b"before", taken_ns=0, frames=0),
    )
    end(store, 100 * NS)
    assert cuts_of(store, 15, 25) == [(0, False, [(0, 15)]), (1, True, []), (3, True, [])]
    assert cuts_of(store, 30, 31) == [(2, True, [])]
    assert cuts_of(store, 35, 50) == [(2, False, [(30, 35)]), (3, False, [])]
    assert cuts_of(store, 0, 1) == [(0, True, []), (4, True, [])]
