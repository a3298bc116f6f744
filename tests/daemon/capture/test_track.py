import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import av
import pytest
from structlog.testing import capture_logs

from reeld.capture.api import Band, Rect
from reeld.capture.convert import YuvPicture
from reeld.capture.track import KEYFRAME_AFTER_NS, TrackWriter, Watcher
from reeld.media.encoder import VideoEncoder
from reeld.media.presets import settings_for
from reeld_proto.records import GapReason, Quality, VideoCodec
from reeld_proto.units import NS_PER_MS, NS_PER_S
from reeld_proto.workers import AnyIngest, ChunkCaptured, GapFound
from tests.daemon.media.test_encoder import HEIGHT, WIDTH, scene


@dataclass
class Store:
    """What was sent; refuses while `full`."""

    chunks: list[ChunkCaptured] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    gaps: list[GapFound] = field(default_factory=list)
    init: bytes = b""
    full: bool = False

    def send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        if self.full:
            return False
        if isinstance(message, ChunkCaptured):
            self.chunks.append(message)
            self.payloads.append(payload)
            self.init = init
        else:
            assert isinstance(message, GapFound)
            self.gaps.append(message)
        return True

    def packets(self, first: int = 0) -> list[tuple[int, bool]]:
        """(ticks, keyframe) of every sample from chunk `first` on; decoding must succeed."""
        data = self.init + b"".join(self.payloads[first:])
        with av.open(io.BytesIO(data), "r") as container:
            found = [(packet.pts or 0, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
        with av.open(io.BytesIO(data), "r") as container:
            assert len(list(container.decode(video=0))) == len(found)
        return found


class Track:
    """A writer, its picture, and a store."""

    def __init__(self, start_ns: int | None = 0, watcher: Watcher | None = None) -> None:
        self.store = Store()
        self.picture = YuvPicture(WIDTH, HEIGHT)
        encoder = VideoEncoder(WIDTH, HEIGHT, 30, settings_for(VideoCodec.H264, Quality.LOW))
        self.writer = TrackWriter(
            session="s",
            track="video-1",
            epoch=1,
            encoder=encoder,
            send=self.store.send,
            start_ns=start_ns,
            watcher=watcher,
        )
        self.step = 0

    def show(self, at_ns: int) -> None:
        self.step += 1
        self.picture.update([Band(Rect(0, 0, WIDTH, HEIGHT), scene(self.step % 50))])
        self.writer.write(self.picture.frame, at_ns, changed=True)
        self.writer.release(at_ns)

    def move(self, start_ns: int, end_ns: int, every_ns: int = 100 * NS_PER_MS) -> None:
        for at_ns in range(start_ns, end_ns, every_ns):
            self.show(at_ns)


@pytest.fixture
def track() -> Iterator[Track]:
    made = Track()
    yield made
    made.writer.close()


def test_chunks_say_what_is_in_them(track: Track) -> None:
    """Harm: the store's index and the media disagree."""
    track.move(0, 2 * NS_PER_S)
    track.writer.note_unchanged()
    track.writer.note_dropped(2)
    track.writer.end(2 * NS_PER_S)
    assert [(c.start_ns, c.end_ns, c.frames, c.keyframe) for c in track.store.chunks] == [
        (0, NS_PER_S, 10, True),
        (NS_PER_S, 2 * NS_PER_S, 10, False),
    ]
    first, last = track.store.chunks
    assert (first.session, first.track, first.epoch, first.codec) == ("s", "video-1", 1, "h264")
    assert (last.unchanged, last.dropped) == (1, 2)
    assert [ticks for ticks, _ in track.store.packets()] == [9000 * index for index in range(20)]


def test_after_a_pause_the_track_continues_with_a_keyframe(track: Track) -> None:
    """Harm: after a pause the picture is built on frames that were taken back."""
    track.move(0, 500 * NS_PER_MS)
    track.writer.end(450 * NS_PER_MS)
    track.show(452 * NS_PER_MS)
    track.writer.end(600 * NS_PER_MS)
    assert [(c.start_ns, c.end_ns, c.keyframe) for c in track.store.chunks] == [
        (0, 450 * NS_PER_MS, True),
        (450 * NS_PER_MS, 600 * NS_PER_MS, True),
    ]
    track.store.packets(first=1)


def test_a_lost_source_is_a_gap_up_to_the_next_frame(track: Track) -> None:
    """Harm: a hole without a reason, or a still picture instead of the hole."""
    track.move(0, 300 * NS_PER_MS)
    track.writer.lose(350 * NS_PER_MS, GapReason.DEVICE_LOST)
    assert track.store.gaps == []
    assert track.writer.statistics(2 * NS_PER_S).media_s == 2.0, "a missing screen is not a stalled recorder"
    track.show(3 * NS_PER_S)
    track.writer.end(4 * NS_PER_S)
    (gap,) = track.store.gaps
    assert (gap.start_ns, gap.end_ns, gap.reason) == (350 * NS_PER_MS, 3 * NS_PER_S, GapReason.DEVICE_LOST)
    assert [(c.start_ns, c.end_ns, c.keyframe) for c in track.store.chunks] == [
        (0, 350 * NS_PER_MS, True),
        (3 * NS_PER_S, 4 * NS_PER_S, True),
    ]


def test_a_source_that_stays_lost_is_a_gap_to_the_end(track: Track) -> None:
    """Harm: the end of the session is unexplained."""
    track.show(0)
    track.writer.lose(NS_PER_S, GapReason.DEVICE_LOST)
    track.writer.end(3 * NS_PER_S)
    assert [(gap.start_ns, gap.end_ns) for gap in track.store.gaps] == [(NS_PER_S, 3 * NS_PER_S)]


def test_a_pause_while_the_source_is_lost_splits_the_gap(track: Track) -> None:
    """Harm: the gap is counted twice, or what follows the pause is called recorded."""
    track.show(0)
    track.writer.lose(NS_PER_S, GapReason.DEVICE_LOST)
    track.writer.end(2 * NS_PER_S)
    track.show(3 * NS_PER_S)
    track.writer.end(4 * NS_PER_S)
    spans = [(gap.start_ns, gap.end_ns) for gap in track.store.gaps]
    assert spans == [(NS_PER_S, 2 * NS_PER_S), (2 * NS_PER_S, 3 * NS_PER_S)]
    assert [chunk.start_ns for chunk in track.store.chunks] == [0, 3 * NS_PER_S]


def test_motion_has_a_keyframe_every_ten_seconds_and_stillness_none(track: Track) -> None:
    """Harm: jumping into a long session takes minutes; or an idle hour is full of keyframes."""
    track.move(0, 31 * NS_PER_S, every_ns=300 * NS_PER_MS)
    for second in range(31, 60):
        track.writer.write(track.picture.frame, second * NS_PER_S, changed=False)
    track.writer.end(60 * NS_PER_S)
    keyframes = [ticks / 90_000 for ticks, keyframe in track.store.packets() if keyframe]
    moving = [at_s for at_s in keyframes if at_s < 31]
    assert all(later - earlier <= 10 for earlier, later in zip([0, *moving], [*moving, 31], strict=True))
    assert len([at_s for at_s in keyframes if at_s >= 31]) <= 1
    starts = {chunk.start_ns / NS_PER_S for chunk in track.store.chunks if chunk.keyframe}
    assert {round(at_s, 3) for at_s in keyframes} == {round(at_s, 3) for at_s in starts}
    assert KEYFRAME_AFTER_NS < 10 * NS_PER_S


def test_when_the_store_takes_no_more_the_track_begins_anew(track: Track) -> None:
    """Harm: chunks whose predecessors are lost are stored and show rubbish."""
    track.move(0, 1050 * NS_PER_MS)
    track.store.full = True
    with capture_logs() as logs:
        track.writer.release(2 * NS_PER_S)
    assert [entry["event"] for entry in logs] == ["chunk.refused"]
    assert track.writer.deadline_ns is None
    track.store.full = False
    track.move(2 * NS_PER_S, 3 * NS_PER_S)
    track.writer.end(3 * NS_PER_S)
    assert [(c.start_ns, c.end_ns, c.keyframe) for c in track.store.chunks] == [(2 * NS_PER_S, 3 * NS_PER_S, True)]
    assert track.store.packets()[0] == (180_000, True)
    assert track.writer.statistics(0).dropped == 11


def test_a_track_after_a_restart_begins_at_its_first_frame() -> None:
    """Harm: the hole of a crash is painted over with the first picture after it."""
    track = Track(start_ns=None)
    track.show(7 * NS_PER_S)
    track.writer.end(8 * NS_PER_S)
    track.writer.close()
    assert [(c.start_ns, c.end_ns) for c in track.store.chunks] == [(7 * NS_PER_S, 8 * NS_PER_S)]


def test_statistics_count_everything(track: Track) -> None:
    """Harm: `reelctl stats` says that all is well."""
    track.move(0, 1500 * NS_PER_MS)
    track.writer.write(track.picture.frame, 1500 * NS_PER_MS, changed=False)
    track.writer.note_unchanged()
    track.writer.note_dropped(4)
    stats = track.writer.statistics(1700 * NS_PER_MS)
    assert (stats.id, stats.frames, stats.unchanged, stats.dropped, stats.chunks) == ("video-1", 16, 2, 4, 1)
    assert stats.bytes == len(track.store.payloads[0])
    assert stats.media_s == 1.0
    assert stats.lag_ms == 700.0


@pytest.mark.parametrize(("after_ns", "keyframe"), [(None, False), (NS_PER_S, False), (NS_PER_S // 10, True)])
def test_a_cut_track_goes_on_with_the_same_picture(track: Track, after_ns: int | None, keyframe: bool) -> None:
    """Harm: a saved replay that lacks its last second, a buffer that can begin nowhere because nothing moved."""
    track.move(0, 500 * NS_PER_MS)
    track.writer.cut(track.picture.frame, 500 * NS_PER_MS, after_ns)
    assert [(c.start_ns, c.end_ns) for c in track.store.chunks] == [(0, 500 * NS_PER_MS)]
    track.writer.end(NS_PER_S)
    assert [(c.start_ns, c.end_ns, c.keyframe) for c in track.store.chunks] == [
        (0, 500 * NS_PER_MS, True),
        (500 * NS_PER_MS, NS_PER_S, keyframe),
    ]
    assert len(track.store.packets()) == 6


def test_nothing_is_cut_where_nothing_is_open_or_the_source_is_lost(track: Track) -> None:
    track.writer.cut(track.picture.frame, NS_PER_S, None)
    assert not track.store.chunks
    track.show(0)
    track.writer.lose(NS_PER_S, GapReason.DEVICE_LOST)
    sent = len(track.store.chunks)
    track.writer.cut(track.picture.frame, 2 * NS_PER_S, None)
    assert len(track.store.chunks) == sent


@dataclass
class Seen:
    """A watcher that writes down what it is told."""

    told: list[tuple[object, ...]] = field(default_factory=list)

    def seen(self, frame: av.VideoFrame, at_ns: int, *, changed: bool) -> None:
        assert (frame.width, frame.height) == (WIDTH, HEIGHT)
        self.told.append(("seen", at_ns, changed))

    def cut(self, at_ns: int) -> None:
        self.told.append(("cut", at_ns))

    def end(self, at_ns: int) -> None:
        self.told.append(("end", at_ns))

    def lose(self, at_ns: int, reason: GapReason, detail: str) -> None:
        self.told.append(("lose", at_ns, reason, detail))

    def close(self) -> None:
        self.told.append(("close",))


def test_whoever_watches_hears_all_that_happens_to_the_track() -> None:
    """Else snapshots go on through a pause, or say that a device was lost where a rule hid the screen."""
    watcher = Seen()
    track = Track(watcher=watcher)
    track.show(5)
    track.writer.write(track.picture.frame, NS_PER_S, changed=False)
    track.writer.cut(track.picture.frame, 2 * NS_PER_S, None)
    track.writer.lose(3 * NS_PER_S, GapReason.DEVICE_LOST)
    track.writer.lose(4 * NS_PER_S, GapReason.HIDDEN, "bank")
    track.writer.end(5 * NS_PER_S)
    track.writer.close()
    assert watcher.told == [
        ("seen", 0, True),
        ("seen", NS_PER_S, False),
        ("seen", 2 * NS_PER_S, False),
        ("cut", 2 * NS_PER_S),
        ("lose", 3 * NS_PER_S, GapReason.DEVICE_LOST, ""),
        ("lose", 4 * NS_PER_S, GapReason.HIDDEN, "bank"),
        ("end", 5 * NS_PER_S),
        ("close",),
    ]
