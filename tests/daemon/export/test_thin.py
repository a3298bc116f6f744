"""Key frames alone. Harm guarded against: a thinned session that cannot be played, shows pictures of another time, or
that `verify` finds faults in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.export.remux import export
from reeld.export.thin import thin
from reeld.media.fragments import parse_chunk, parse_init
from reeld.store.api import Circumstances
from reeld.store.reader import StoreReader
from reeld.store.replace import replace
from reeld.store.staging import read_staged
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.errors import RequestRejected, StoreCorrupt
from reeld_proto.records import GapReason, SessionInfo
from reeld_proto.store_orders import ReplaceMedia, RunThin
from reeld_proto.workers import RunExport
from tests.daemon.export.recording import NS, Recording, watch


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def recording(store_dir: Path) -> Iterator[Recording]:
    made = Recording.new(store_dir, tracks=("video-1", "mix"))
    yield made
    made.store.close()


def thinned(recording: Recording) -> SessionInfo:
    """Thin it as the daemon does: the job, then the store's order."""
    reader = StoreReader(recording.store)
    store = recording.store.path
    staged = thin(reader, RunThin(store=str(store), session=recording.session)).staged
    order = ReplaceMedia(
        session=recording.session,
        staged=staged,
        reason="thinned",
        drop_tracks=["video-1", "mix"],
        tier="keyframes",
    )
    with recording.store.write() as txn:
        replace(txn, order, Circumstances(store, ()))
    return reader.show(recording.session)


def exported(recording: Recording, path: Path) -> Path:
    order = RunExport(store="", session=recording.session, path=str(path), from_s=None, to_s=None, tracks=["video-1"])
    export(StoreReader(recording.store), order)
    return path


def test_a_thinned_session_shows_each_key_frame_until_the_next_one(recording: Recording, tmp_path: Path) -> None:
    recording.video([each / 10 for each in range(100)], 10.0, keyframe_every=25, chunk_frames=10)
    recording.sound(0.0, 10.0, lambda times: 0 * times)
    recording.finish(10.0)
    before = StoreReader(recording.store).show(recording.session)
    after = thinned(recording)
    assert after.tier == "keyframes"
    video, mix = after.tracks
    assert (video.chunks, video.frames) == (4, 4)
    assert video.bytes < before.tracks[0].bytes
    assert (mix.chunks, mix.bytes) == (0, 0)
    assert [(gap.track, gap.reason) for gap in after.gaps] == [("mix", GapReason.THINNED)]
    assert verify(recording.store, None).faults == []
    film = watch(exported(recording, tmp_path / "thin.mp4"))
    assert [(round(at_s, 2), number) for at_s, number in film.pictures] == [(0.0, 0), (2.5, 25), (5.0, 50), (7.5, 75)]
    assert film.duration_s == pytest.approx(10.0, abs=0.01)


def test_a_key_frame_does_not_reach_over_a_gap_and_what_has_none_becomes_one(
    recording: Recording, tmp_path: Path
) -> None:
    """Else a picture would be shown for a time when nothing was recorded."""
    recording.video([each / 10 for each in range(40)], 4.0, keyframe_every=1000)
    recording.gap("video-1", 4.0, 6.0, GapReason.WORKER_RESTART)
    recording.video([6 + each / 10 for each in range(20)], 8.0, first_number=60, epoch=2)
    recording.finish(8.0)
    after = thinned(recording)
    gaps = [(gap.media_start_s, gap.media_end_s, gap.reason) for gap in after.gaps if gap.track == "video-1"]
    assert gaps == [(4.0, 6.0, GapReason.WORKER_RESTART)]
    segments = list(StoreReader(recording.store).segments(recording.session, "video-1"))
    assert [(each.start_ns / NS, each.end_ns / NS) for each in segments] == [(0.0, 4.0), (6.0, 8.0)]
    assert verify(recording.store, None).faults == []
    film = watch(exported(recording, tmp_path / "thin.mp4"))
    assert [(round(at_s, 2), number) for at_s, number in film.pictures] == [(0.0, 0), (6.0, 60)]


def test_pictures_without_a_key_frame_become_a_gap(recording: Recording) -> None:
    """After a damaged chunk nothing can be shown until the next key frame."""
    recording.video([each / 10 for each in range(60)], 6.0, keyframe_every=30, chunk_frames=10, lose=[0])
    recording.finish(6.0)
    after = thinned(recording)
    gaps = [(gap.media_start_s, gap.media_end_s, gap.reason) for gap in after.gaps if gap.track == "video-1"]
    assert gaps == [(0.0, 1.0, GapReason.DROPPED), (1.0, 3.0, GapReason.THINNED)]
    assert verify(recording.store, None).faults == []


def test_a_key_frame_in_the_middle_of_a_chunk_is_found(recording: Recording) -> None:
    recording.video([each / 10 for each in range(30)], 3.0, keyframe_every=7, chunk_frames=15)
    recording.finish(3.0)
    thinned(recording)
    segments = list(StoreReader(recording.store).segments(recording.session, "video-1"))
    assert [round(each.start_ns / NS, 2) for each in segments] == [0.0, 0.7, 1.4, 2.1, 2.8]
    assert segments[-1].end_ns == 3 * NS


def test_thinning_twice_changes_nothing_more(recording: Recording) -> None:
    recording.video([each / 10 for each in range(50)], 5.0, keyframe_every=25)
    recording.finish(5.0)
    once = thinned(recording)
    assert thinned(recording).tracks == once.tracks
    assert verify(recording.store, None).faults == []


def test_a_staged_chunk_is_one_sample_as_long_as_its_entry(recording: Recording, store_dir: Path) -> None:
    recording.video([each / 10 for each in range(50)], 5.0, keyframe_every=20)
    recording.finish(5.0)
    staged = thin(StoreReader(recording.store), RunThin(store=str(store_dir), session=recording.session))
    found = list(read_staged(store_dir, staged.staged))
    assert [(each.start_ns, each.end_ns) for each in found] == [(0, 2 * NS), (2 * NS, 4 * NS), (4 * NS, 5 * NS)]
    for each in found:
        init = parse_init(each.init)
        (sample,) = parse_chunk(each.payload, init)
        assert sample.sync
        assert sample.duration == (each.end_ns - each.start_ns) * init.timescale // NS
    assert staged.new_bytes == sum(len(each.payload) for each in found)


def test_a_thinning_that_is_stopped_leaves_no_file(recording: Recording, store_dir: Path) -> None:
    recording.video([each / 10 for each in range(50)], 5.0, keyframe_every=20)
    recording.finish(5.0)
    order = RunThin(store=str(store_dir), session=recording.session)
    with pytest.raises(RequestRejected, match="stopped"):
        thin(StoreReader(recording.store), order, lambda _done, _all: False)
    assert list((store_dir / "staging").iterdir()) == []


def test_a_track_of_which_nothing_can_be_read_is_not_thinned_away(recording: Recording, store_dir: Path) -> None:
    """It might yet be healed from a second copy."""
    recording.video([each / 10 for each in range(20)], 2.0)
    recording.finish(2.0)
    with recording.store.write() as txn:
        for key in list(txn.keys(Table.CHUNKS)):
            txn.put(Table.CHUNKS, key, b"damaged")
    with pytest.raises(StoreCorrupt, match="can be read"):
        thin(StoreReader(recording.store), RunThin(store=str(store_dir), session=recording.session))
    assert list((store_dir / "staging").iterdir()) == []


def test_an_unknown_session_is_refused_before_anything_is_written(recording: Recording, store_dir: Path) -> None:
    with pytest.raises(RequestRejected):
        thin(StoreReader(recording.store), RunThin(store=str(store_dir), session="no-such"))
    assert not (store_dir / "staging").exists()
