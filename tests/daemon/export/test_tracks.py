from itertools import pairwise

import numpy as np
import pytest

from reeld.export.tracks import TrackSource
from reeld.export.window import Window
from reeld.store import chunks
from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import GapReason
from tests.daemon.export.recording import NS, RATE, VIDEO_TIMESCALE, Recording


def quiet(time_s: np.ndarray) -> np.ndarray:
    return np.zeros(len(time_s))


def source(recording: Recording, track: str, from_s: float, to_s: float) -> TrackSource | None:
    reader = StoreReader(recording.store)
    outline = next(each for each in reader.outline(recording.session).tracks if each.id == track)
    return TrackSource.open(reader, recording.session, outline, Window(round(from_s * NS), round(to_s * NS)))


def opened(recording: Recording, track: str, from_s: float, to_s: float) -> TrackSource:
    found = source(recording, track, from_s, to_s)
    assert found is not None
    return found


def test_a_range_reads_no_chunk_before_its_keyframe(recording: Recording) -> None:
    # A clip of an eight-hour day must not read the day.
    recording.video([index / 30 for index in range(300)], 10.0, keyframe_every=60)
    track = opened(recording, "video-1", 9.0, 9.5)
    assert track.first.start_ns == 8 * NS
    samples = list(track.samples())
    assert samples[0].sync
    assert samples[0].pts == -VIDEO_TIMESCALE
    assert samples[-1].pts + samples[-1].duration == track.end == VIDEO_TIMESCALE // 2
    # Chunks 24 to 28 of ten pictures each.
    everything = sum(each.size for each in StoreReader(recording.store).segments(recording.session, "video-1"))
    assert 0 < track.stored_bytes() < everything / 4


def test_sound_of_a_range_brings_one_frame_to_build_up_on(recording: Recording) -> None:
    recording.sound(0, 5.0, quiet)
    samples = list(opened(recording, "mix", 2.0, 3.0).samples())
    assert -2 * 1024 < samples[0].pts <= -1024
    assert samples[-1].pts + samples[-1].duration == RATE
    assert all(before.pts + before.duration == after.pts for before, after in pairwise(samples))


def test_a_track_with_nothing_in_the_window_has_no_source(recording: Recording) -> None:
    recording.video([4.0, 4.5], 5.0)
    assert source(recording, "mix", 0, 5) is None
    assert source(recording, "video-1", 0, 4) is None
    assert source(recording, "video-1", 0, 4.1) is not None


def test_a_worker_restart_in_a_still_screen_holds_the_last_picture(recording: Recording) -> None:
    recording.video([0.0, 0.1], 1.0, epoch=1)
    recording.video([3.0, 3.1], 4.0, epoch=2, first_number=10)
    samples = list(opened(recording, "video-1", 0, 4).samples())
    assert [(each.pts, each.duration) for each in samples] == [
        (0, 9_000),
        (9_000, 261_000),
        (270_000, 9_000),
        (279_000, 81_000),
    ]


def test_the_first_intact_init_segment_serves(recording: Recording) -> None:
    recording.video([index / 10 for index in range(20)], 2.0)
    reader = StoreReader(recording.store)
    init = next(iter(reader.segments(recording.session, "video-1"))).init
    with recording.store.write() as txn:
        txn.put(Table.CHUNKS, init, b"damaged")
    with pytest.raises(StoreCorrupt, match="no init segment"):
        source(recording, "video-1", 0, 2)


def test_skipped_chunks_are_counted(recording: Recording) -> None:
    recording.sound(0, 4.0, quiet)
    lost = list(StoreReader(recording.store).segments(recording.session, "mix"))[1]
    with recording.store.write() as txn:
        assert chunks.load(txn, lost.chunk)
        txn.delete(Table.CHUNKS, lost.chunk)
    track = opened(recording, "mix", 0, 4)
    samples = list(track.samples())
    assert track.skipped == 1
    assert samples[-1].pts + samples[-1].duration == 4 * RATE
    silence = [each for each in samples if lost.start_ns <= each.pts * NS // RATE < lost.end_ns]
    assert len(silence) == lost.frames


def test_pictures_after_a_dropped_chunk_wait_for_one_that_stands_alone(recording: Recording) -> None:
    recording.video([index / 10 for index in range(50)], 5.0, keyframe_every=20, lose=[2])
    gaps = StoreReader(recording.store).gaps(recording.session, "video-1")
    assert [gap.reason for gap in gaps] == [GapReason.DROPPED]
    shown = [each.pts / VIDEO_TIMESCALE for each in opened(recording, "video-1", 0, 5).samples()]
    assert shown == pytest.approx([index / 10 for index in (*range(20), *range(40, 50))])
