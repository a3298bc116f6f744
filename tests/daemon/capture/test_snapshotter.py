"""The thread that takes snapshots. Harms guarded against: a recording that is held up, ended or restarted by its
snapshots, a track with a hole, a picture from a pause, and a thread that stays."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from reeld.capture import snapshotter as module
from reeld.capture.api import Band, Rect
from reeld.capture.convert import YuvPicture
from reeld.capture.snapshotter import Snapshotter
from reeld.media.still_header import parse_header
from reeld.media.stills import fingerprint
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.records import GapReason
from reeld_proto.stats import TrackStats
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyIngest, ChunkCaptured, GapFound, SnapshotSpec
from tests.daemon.media.test_stills import HEIGHT, WIDTH, opened, photograph, text
from tests.support.wait import until

SPEC = SnapshotSpec(track="snapshots-1", of="video-1", min_s=2, max_s=30)


@dataclass
class Desk:
    """A snapshotter, the picture it is shown, and what it sent."""

    sent: list[tuple[AnyIngest, bytes, bytes]] = field(default_factory=list)
    trouble: list[ReeldError] = field(default_factory=list)
    full: bool = False

    def __post_init__(self) -> None:
        self.picture = YuvPicture(WIDTH, HEIGHT)
        self.taker = self.make()

    def make(self, start_ns: int | None = 0) -> Snapshotter:
        return Snapshotter(
            SPEC,
            session="s",
            epoch=1,
            send=self.send,
            start_ns=start_ns,
            on_trouble=lambda _track, error: self.trouble.append(error),
        )

    def send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        if self.full:
            return False
        self.sent.append((message, payload, init))
        return True

    def show(self, screen: Any, at_s: float) -> None:
        """The picture becomes `screen` at `at_s`; the recorder writes it."""
        self.picture.update([Band(Rect(0, 0, WIDTH, HEIGHT), screen)])
        self.see(at_s, changed=True)

    def see(self, at_s: float, *, changed: bool = False) -> None:
        """The recorder writes the picture as it is; what that asks for is done before the next."""
        self.taker.seen(self.picture.frame, round(at_s * NS_PER_S), changed=changed)
        until(lambda: self.taker.is_idle, what="an idle snapshotter", every_s=0.001)

    def stays(self, from_s: float, to_s: float) -> None:
        """A still screen: the recorder repeats the picture every 1.5 s."""
        for at_s in np.arange(from_s, to_s, 1.5):
            self.see(float(at_s))

    def end(self, at_s: float) -> None:
        self.taker.end(round(at_s * NS_PER_S))

    @property
    def chunks(self) -> list[ChunkCaptured]:
        return [message for message, _, _ in self.sent if isinstance(message, ChunkCaptured)]

    def pictures(self) -> list[bytes]:
        """Files in the order in which they came on view, without those that stay."""
        return [p for message, p, _ in self.sent if isinstance(message, ChunkCaptured) and message.frames]

    def check_cover(self, end_s: float) -> None:
        covered_ns = 0
        for message, _, _ in self.sent:
            assert isinstance(message, ChunkCaptured | GapFound)
            assert message.start_ns == covered_ns
            covered_ns = message.end_ns
        assert covered_ns == round(end_s * NS_PER_S)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # It gives way to everything else; tests beside it may take all cores for longer than anybody waits.
    monkeypatch.setattr(module, "_be_nice", lambda: None)
    made = Desk()
    yield made
    made.taker.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("snapshots-")]


def statistics(desk: Desk) -> TrackStats:
    return desk.taker.statistics(TrackStats(id="video-1", media_s=12.5, lag_ms=3.0))


def test_each_scene_is_stored_once_and_on_view_until_the_next(desk: Desk) -> None:
    desk.show(text(), 0.02)
    desk.stays(1.5, 10)
    desk.show(photograph(), 10)
    desk.stays(10.5, 20)
    desk.show(text(), 20)
    desk.stays(20.5, 24)
    desk.end(25)
    desk.taker.close()
    desk.check_cover(25)
    shown = [each for each in desk.chunks if each.frames or each.unchanged]
    assert [round(each.start_ns / NS_PER_S) for each in shown] == [0, 10, 20]
    assert [(each.frames, each.unchanged, each.codec) for each in shown] == [
        (1, 0, "png"),
        (1, 0, "webp"),
        (0, 1, "png"),
    ]
    assert all(each.keyframe and each.track == "snapshots-1" for each in desk.chunks)
    files = [payload for _, payload, _ in desk.sent]
    assert len(set(files)) == 2
    assert files[-1] == files[0], "the picture that came back is the one that is stored"
    assert opened(files[0]).shape == (HEIGHT, WIDTH, 3)
    header = parse_header(desk.sent[0][2])
    assert (header.of, header.taken_ns) == ("video-1", round(0.02 * NS_PER_S))
    found = statistics(desk)
    assert (found.frames, found.unchanged, found.dropped, found.chunks) == (2, 1, 0, len(desk.chunks))
    assert found.bytes == sum(map(len, set(files)))


def test_letters_typed_one_by_one_become_a_new_snapshot_and_a_cursor_never(desk: Desk) -> None:
    screen = text(lines=10)
    desk.show(screen, 0)
    for step in range(10):
        blinking = screen.copy()
        blinking[300:316, 10:18] = 200 * (step % 2)
        desk.show(blinking, 3 + 2 * step)
    assert len(desk.pictures()) <= 1
    for step in range(12):
        screen = screen.copy()
        screen[320 + 40 * (step // 6) : 336 + 40 * (step // 6), 10 + 80 * (step % 6) : 74 + 80 * (step % 6) : 2] = 220
        desk.show(screen, 30 + 2.5 * step)
    desk.see(80)
    assert len(desk.pictures()) >= 2


def test_a_still_screen_is_looked_at_once_and_sends_next_to_nothing(desk: Desk) -> None:
    desk.show(text(), 0)
    looks = desk.taker.looks
    desk.stays(1.5, 300)
    assert desk.taker.looks == looks
    assert len(desk.sent) <= 11, "one piece in half a minute"
    assert statistics(desk).bytes == len(desk.sent[0][1])


def test_what_changes_for_the_last_time_too_soon_is_taken_later(desk: Desk) -> None:
    """Else the snapshot on view would be wrong for as long as the screen stands still."""
    desk.show(text(), 0)
    desk.show(photograph(), 0.6)
    desk.stays(1.0, 8)
    assert len(desk.pictures()) == 2


def test_a_picture_from_a_pause_is_neither_sent_nor_remembered(desk: Desk) -> None:
    desk.show(text(), 0)
    desk.stays(1, 4)
    desk.show(photograph(), 5.0)
    desk.see(5.4)
    desk.end(5.3)  # it was looked at after the pause had begun
    until(lambda: desk.taker.is_idle, what="an idle snapshotter")
    assert len(desk.pictures()) == 1
    desk.show(text(5), 5.4)
    desk.stays(6.0, 9)
    desk.end(9)
    desk.taker.close()
    desk.check_cover(9)
    assert len({payload for _, payload, _ in desk.sent}) == 2


def test_a_lost_source_is_a_gap_and_the_picture_afterwards_a_new_look(desk: Desk) -> None:
    desk.show(text(), 0)
    desk.stays(1, 4)
    desk.taker.lose(5 * NS_PER_S, GapReason.DEVICE_LOST)
    desk.see(9)
    desk.stays(9.5, 12)
    desk.taker.cut(12 * NS_PER_S)
    desk.taker.close()
    desk.check_cover(12)
    gaps = [message for message, _, _ in desk.sent if isinstance(message, GapFound)]
    assert [(gap.start_ns, gap.end_ns, gap.reason) for gap in gaps] == [
        (5 * NS_PER_S, 9 * NS_PER_S, GapReason.DEVICE_LOST)
    ]
    assert desk.chunks[-1].end_ns == 12 * NS_PER_S


def test_a_failure_is_told_once_and_the_recorder_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(module, "fingerprint", broken)
    desk.taker.seen(desk.picture.frame, 0, changed=True)
    until(lambda: desk.trouble, what="trouble told")
    for at_s in range(1, 60):
        desk.taker.seen(desk.picture.frame, at_s * NS_PER_S, changed=True)
        desk.taker.end(at_s * NS_PER_S)
    assert [error.code for error in desk.trouble] == [ErrorCode.INTERNAL]
    assert "MemoryError" in str(desk.trouble[0])
    assert desk.sent == []
    assert statistics(desk).media_s == 12.5, "nobody restarts the recorder for it"


def test_a_picture_in_a_format_it_cannot_read_fails_the_snapshots_alone(desk: Desk) -> None:
    import av  # noqa: PLC0415

    desk.taker.seen(av.VideoFrame(64, 64, "rgb24"), 0, changed=True)
    desk.taker.seen(desk.picture.frame, NS_PER_S, changed=True)
    assert len(desk.trouble) == 1


def test_a_full_outbox_is_counted_and_what_follows_is_sent_again(desk: Desk) -> None:
    desk.full = True
    desk.show(text(), 0)
    desk.stays(1.5, 4)
    assert statistics(desk).dropped == 1
    assert statistics(desk).bytes == 0
    desk.full = False
    desk.end(9)
    desk.taker.close()
    assert desk.sent[-1][1], "with its picture"


def test_the_recorder_is_never_held_up_by_a_look(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is under way the picture is not even copied."""
    go_on = threading.Event()

    def slow(luma: Any) -> int:
        go_on.wait(10)
        return fingerprint(luma)

    monkeypatch.setattr(module, "fingerprint", slow)
    begun = time.monotonic()
    for at_s in range(100):
        desk.taker.seen(desk.picture.frame, at_s * NS_PER_S, changed=True)
    assert time.monotonic() - begun < 2
    assert desk.taker.looks == 1
    go_on.set()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a priority of their own on Linux alone")
def test_everything_else_runs_first() -> None:
    own = os.sched_getscheduler(threading.get_native_id())
    desk = Desk()
    (thread,) = [each for each in threading.enumerate() if each.name == "snapshots-video-1"]
    assert thread.native_id is not None
    until(lambda: os.sched_getscheduler(thread.native_id or 0) == os.SCHED_IDLE, what="a low priority")
    assert os.sched_getscheduler(threading.get_native_id()) == own
    desk.taker.close()


def test_a_second_worker_begins_where_its_first_picture_was(desk: Desk) -> None:
    desk.taker.close()
    desk.taker = desk.make(None)
    desk.show(text(), 40)
    desk.end(42)
    desk.taker.close()
    assert [(each.start_ns, each.end_ns) for each in desk.chunks] == [(40 * NS_PER_S, 42 * NS_PER_S)]
