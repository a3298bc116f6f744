import io
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from structlog.testing import capture_logs

from reeld.capture.api import Band, Rect, Size
from reeld.capture.convert import YuvPicture
from reeld.capture.hiding import SourceHidden
from reeld.capture.privacy import PrivacyRules
from reeld.capture.recorder import TrackRecorder
from reeld.capture.scene import Part, Scene
from reeld.capture.track import TrackWriter
from reeld.capture.veil import Veil
from reeld.media.encoder import VideoEncoder
from reeld.media.presets import settings_for
from reeld.runtime.clock import SessionClock
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, TransportError
from reeld_proto.privacy import PrivacyRule
from reeld_proto.records import Arrangement, GapReason, Quality, VideoCodec
from reeld_proto.units import NS_PER_MS, NS_PER_S
from reeld_proto.workers import AnyIngest, ChunkCaptured, GapFound
from tests.daemon.capture.canvas import BLACK, BLUE, GREEN, RED, WHITE
from tests.daemon.capture.fake_source import FakeSource
from tests.daemon.capture.test_track import Store
from tests.support.wait import until

# What they check is when things happen.
pytestmark = pytest.mark.alone

WIDTH, HEIGHT = 128, 64


class Recording:
    """A recorder over a fake desktop, its store, and a session that started with it."""

    def __init__(self, fps: int = 30, rules: PrivacyRules | None = None, hidden: str = "", **options: Any) -> None:
        rules = rules or PrivacyRules()
        self.civil = time.struct_time((2026, 1, 1, 12, 0, 0, 3, 1, 0))
        self.source = FakeSource(WIDTH, HEIGHT)
        self.scene = Scene([Part("fake", self.source)], Arrangement(), Size(WIDTH, HEIGHT), make_picture=YuvPicture)
        self.store = Store()
        self.troubles: list[ReeldError] = []
        self.start_ns = time.monotonic_ns()
        self.end_ns = 0
        self.on_send: Callable[[], None] = lambda: None
        self.recorder = TrackRecorder(
            "video-1",
            scene=self.scene,
            make_writer=self._writer,
            clock=SessionClock(self.start_ns),
            fps=fps,
            on_trouble=lambda _track, error: self.troubles.append(error),
            veil=Veil(rules, [None], civil=lambda: self.civil, ordered=hidden),
            **options,
        )

    def _writer(self) -> TrackWriter:
        encoder = VideoEncoder(WIDTH, HEIGHT, 30, settings_for(VideoCodec.H264, Quality.HIGH))
        return TrackWriter(session="s", track="video-1", epoch=1, encoder=encoder, send=self._send, start_ns=0)

    def _send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        self.on_send()
        return self.store.send(message, payload, init)

    def start(self) -> int:
        self.recorder.start()
        return self.recorder.wait_started(5)

    def stop(self, at_ns: int | None = None) -> None:
        self.end_ns = at_ns or time.monotonic_ns()
        self.recorder.stop(self.end_ns)
        assert self.recorder.join(5)

    def paint_seen(self, colour: int, rect: Rect | None = None) -> int:
        """Paint, wait until it was grabbed, and say when that was."""
        before = len(self.source.grabs)
        self.source.paint(colour, rect)
        until(lambda: len(self.source.grabs) > before, what="a grab", every_s=0.001)
        return self.source.grabs[before]

    def shown(self) -> list[tuple[float, tuple[int, ...]]]:
        """(seconds, mean colour rounded to 0, 128 or 255) of every frame of the file."""
        data = self.store.init + b"".join(self.store.payloads)
        with av.open(io.BytesIO(data), "r") as container:
            return [
                (float(frame.time or 0), tuple(np.round(frame.to_ndarray(format="rgb24").mean((0, 1)) / 127.5) * 127.5))
                for frame in container.decode(video=0)
            ]

    def covered(self) -> list[tuple[int, int]]:
        """Chunks and gaps in order of time."""
        spans: list[ChunkCaptured | GapFound] = [*self.store.chunks, *self.store.gaps]
        return sorted((span.start_ns, span.end_ns) for span in spans)


@pytest.fixture
def recording(no_leaks: None) -> Iterator[Recording]:
    made = Recording()
    yield made
    if made.end_ns == 0:
        made.stop()
    made.source.dispose()


def assert_cover(recording: Recording, end_ns: int) -> None:
    spans = recording.covered()
    assert spans[0][0] == 0
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    assert spans[-1][1] == end_ns


def test_the_first_frame_is_the_start_and_the_stop_the_end(recording: Recording) -> None:
    """Harm: the recording is shorter or longer than the session."""
    first_ns = recording.start()
    assert recording.start_ns < first_ns <= time.monotonic_ns()
    recording.stop()
    assert_cover(recording, recording.end_ns - recording.start_ns)


def test_every_state_that_lasts_an_interval_is_in_the_file_at_its_time(recording: Recording) -> None:
    """Harm: a flash is lost or shown at another time than it happened."""
    recording.start()
    seen = []
    for colour in (RED, GREEN, BLUE, WHITE, BLACK, WHITE):
        painted_ns = time.monotonic_ns()
        grabbed_ns = recording.paint_seen(colour)
        assert grabbed_ns - painted_ns < NS_PER_S // 30 + 10 * NS_PER_MS
        seen.append(((grabbed_ns - recording.start_ns) / 1e9, tuple(float(c) for c in colour.to_bytes(3, "big"))))
    recording.stop()
    shown = [(at_s, colour) for at_s, colour in recording.shown() if at_s > 0]
    for at_s, expected in seen:
        assert any(abs(at_s - shown_s) < 0.0001 and expected == found for shown_s, found in shown)


def test_a_still_screen_is_covered_in_chunks_below_two_seconds(recording: Recording) -> None:
    """Harm: a crash after a minute of stillness loses the minute."""
    recording.start()
    until(lambda: len(recording.store.chunks) >= 2, 10, what="two chunks of stillness")
    recording.stop()
    assert_cover(recording, recording.end_ns - recording.start_ns)
    assert all(chunk.end_ns - chunk.start_ns < 2 * NS_PER_S for chunk in recording.store.chunks)
    assert recording.source.full_grabs == 1
    assert len(recording.source.grabs) == 1


def test_drawing_the_same_again_is_counted_and_not_encoded(recording: Recording) -> None:
    """Harm: a clock that redraws itself every 10 ms is encoded at the full rate."""
    recording.start()
    for _ in range(5):
        recording.paint_seen(BLACK)
    recording.stop()
    assert sum(chunk.frames for chunk in recording.store.chunks) == 1
    assert recording.recorder.statistics().unchanged == 5


def test_frames_never_come_faster_than_asked(recording: Recording) -> None:
    """Harm: a busy screen is recorded at the rate of its drawing."""
    recording.start()
    end_ns = time.monotonic_ns() + NS_PER_S // 2
    step = 0
    while time.monotonic_ns() < end_ns:
        step += 1
        recording.source.paint((step * 999_983) & 0xFFFFFF)
        time.sleep(0.001)
    recording.stop()
    assert 12 <= len(recording.source.grabs) <= 15 + 3
    assert sum(chunk.dropped for chunk in recording.store.chunks) == 0


def test_what_is_shown_while_paused_is_not_recorded(recording: Recording) -> None:
    """Harm: something private that the person paused for is in the file."""
    recording.start()
    recording.paint_seen(RED)
    pause_ns = time.monotonic_ns()
    # The order arrives late: the frame in between was grabbed and must be taken back.
    recording.paint_seen(GREEN)
    recording.recorder.pause(pause_ns)
    recording.source.paint(BLUE)
    until(lambda: recording.store.chunks, what="the paused track to be sent")
    resume_ns = time.monotonic_ns()
    recording.source.paint(WHITE)
    recording.recorder.resume(resume_ns)
    until(lambda: recording.source.full_grabs == 2, what="a full grab after the pause")
    recording.stop()
    colours = {colour for _, colour in recording.shown()}
    assert colours == {(0.0, 0.0, 0.0), (255.0, 0.0, 0.0), (255.0, 255.0, 255.0)}
    assert_cover(recording, recording.end_ns - recording.start_ns - (resume_ns - pause_ns))
    assert [chunk.keyframe for chunk in recording.store.chunks] == [True, True]


def test_stopping_while_paused_ends_at_the_pause(recording: Recording) -> None:
    """Harm: the pause is part of the recording after all."""
    recording.start()
    pause_ns = time.monotonic_ns()
    recording.recorder.pause(pause_ns)
    recording.stop()
    assert_cover(recording, pause_ns - recording.start_ns)


def test_orders_for_the_future_are_carried_out_then(recording: Recording) -> None:
    """Harm: an order is carried out at its arrival and tracks end at different times."""
    recording.start()
    recording.stop(time.monotonic_ns() + 200 * NS_PER_MS)
    assert time.monotonic_ns() >= recording.end_ns
    assert_cover(recording, recording.end_ns - recording.start_ns)


def test_a_lost_desktop_is_a_gap_and_recording_goes_on(recording: Recording) -> None:
    """Harm: the X server restarts and nothing is recorded until somebody looks."""
    recording.start()
    recording.paint_seen(RED)
    with capture_logs() as logs:
        recording.source.vanish()
        until(lambda: recording.troubles, what="the loss to be told")
        assert recording.troubles[0].code == ErrorCode.DEVICE_FAILED
        recording.source.present = True
        until(lambda: recording.source.opened == 2 and recording.source.full_grabs == 2, 5, what="the return")
        recording.paint_seen(GREEN)
        recording.stop()
    assert [entry["event"] for entry in logs] == ["source.lost", "source.reopened"]
    assert_cover(recording, recording.end_ns - recording.start_ns)
    assert [gap.reason for gap in recording.store.gaps] == [GapReason.DEVICE_LOST]
    assert len(recording.troubles) == 1
    assert recording.shown()[-1][1] == (0.0, 255.0, 0.0)


def test_orders_are_obeyed_while_the_desktop_is_lost(recording: Recording) -> None:
    """Harm: a session cannot be stopped because a screen is missing."""
    recording.start()
    recording.source.vanish()
    until(lambda: recording.troubles, what="the loss to be told")
    recording.stop()
    assert_cover(recording, recording.end_ns - recording.start_ns)
    assert recording.store.gaps[-1].end_ns == recording.end_ns - recording.start_ns


def test_without_a_desktop_the_start_fails_with_the_reason(recording: Recording) -> None:
    """Harm: a start without a display hangs, or succeeds and records nothing."""
    recording.source.present = False
    with pytest.raises(RequestRejected) as caught:
        recording.start()
    assert caught.value.code == ErrorCode.NO_DISPLAY
    assert recording.recorder.statistics().frames == 0
    recording.stop()
    assert recording.store.chunks == []


def test_a_desktop_that_does_not_answer_is_a_timeout(recording: Recording) -> None:
    """Harm: `start` hangs forever."""
    with pytest.raises(TransportError) as caught:
        recording.recorder.wait_started(0.01)
    assert caught.value.code == ErrorCode.TIMEOUT


def test_a_fault_of_ours_is_told_and_ends_the_track_only(recording: Recording) -> None:
    """Harm: a thread dies in silence and the session goes on without its picture."""
    recording.start()

    def fail() -> None:
        raise ZeroDivisionError("a bug")

    recording.on_send = fail
    with capture_logs() as logs:
        recording.stop()
    assert [entry["event"] for entry in logs] == ["recorder.failed"]
    (trouble,) = recording.troubles
    assert isinstance(trouble, InternalError)
    assert "ZeroDivisionError" in str(trouble)


def test_late_frames_count_as_dropped() -> None:
    """Harm: a machine that is too slow reports a perfect recording."""
    recording = Recording(fps=60)
    recording.start()
    slow = recording.scene.picture.update

    def update(bands: Iterable[Band]) -> bool:
        time.sleep(0.08)
        return slow(bands)

    recording.scene.picture.update = update  # type: ignore[method-assign]
    for colour in (RED, GREEN, BLUE, WHITE):
        before = len(recording.source.grabs)
        recording.source.paint(colour)
        until(lambda count=before: len(recording.source.grabs) > count, what="a grab")  # type: ignore[misc]
        recording.source.paint(BLACK)
    recording.stop()
    recording.source.dispose()
    assert isinstance(recording.store.chunks[-1], ChunkCaptured)
    assert recording.recorder.statistics().dropped >= 1


def test_a_cut_sends_what_was_recorded_and_a_paused_recorder_has_nothing_to_cut() -> None:
    """Harm: a replay saved now lacks the last second; a picture recorded in a pause."""
    recording = Recording()
    recording.start()
    recording.paint_seen(RED)
    recording.recorder.cut(None)
    assert recording.recorder.wait_cut(5)
    sent = len(recording.store.chunks)
    assert sent >= 1
    recording.recorder.cut(0)
    assert recording.recorder.wait_cut(5)
    recording.recorder.pause(time.monotonic_ns())
    recording.recorder.cut(0)
    assert recording.recorder.wait_cut(5)
    paused = len(recording.store.chunks)
    recording.recorder.cut(0)
    assert recording.recorder.wait_cut(5)
    assert len(recording.store.chunks) == paused
    recording.stop()
    chunks = recording.store.chunks
    assert all(first.end_ns == second.start_ns for first, second in pairwise(chunks))
    assert chunks[sent + 1].keyframe
    assert recording.shown()


def gaps_of(recording: Recording) -> list[tuple[GapReason, str]]:
    return [(gap.reason, gap.detail) for gap in recording.store.gaps]


def test_what_is_shown_while_hidden_is_neither_recorded_nor_read_and_the_gap_says_why(recording: Recording) -> None:
    """Harm: something private is in the file; nobody knows why an hour is missing."""
    recording.start()
    recording.paint_seen(RED)
    hide_ns = time.monotonic_ns()
    # The order arrives late: the frame in between was grabbed and must be taken back.
    recording.paint_seen(GREEN)
    recording.recorder.hide(hide_ns, "private")
    until(lambda: recording.store.chunks, what="the hidden track to be sent")
    grabs = len(recording.source.grabs)
    recording.source.paint(BLUE)
    recording.recorder.hide(time.monotonic_ns(), "locked")
    recording.source.paint(WHITE)
    assert len(recording.source.grabs) == grabs
    recording.recorder.hide(time.monotonic_ns(), "")
    until(lambda: recording.source.full_grabs == 2, what="a full grab afterwards")
    recording.stop()
    colours = {colour for _, colour in recording.shown()}
    assert colours == {(0.0, 0.0, 0.0), (255.0, 0.0, 0.0), (255.0, 255.0, 255.0)}
    assert gaps_of(recording) == [(GapReason.HIDDEN, "private"), (GapReason.HIDDEN, "locked")]
    assert recording.store.gaps[0].start_ns == hide_ns - recording.start_ns
    assert_cover(recording, recording.end_ns - recording.start_ns)
    assert recording.troubles == []


def test_a_recording_that_begins_hidden_opens_nothing_and_is_explained_from_the_start(no_leaks: None) -> None:
    """Harm: private mode holds for the running session only, or a start in it fails."""
    recording = Recording(hidden="private")
    recording.start()
    assert recording.source.opened == 0
    assert recording.recorder.statistics().lag_ms == 0
    recording.recorder.hide(time.monotonic_ns(), "")
    until(lambda: recording.source.full_grabs, what="a grab")
    recording.stop()
    recording.source.dispose()
    assert gaps_of(recording) == [(GapReason.HIDDEN, "private")]
    assert_cover(recording, recording.end_ns - recording.start_ns)


def test_a_pause_inside_of_a_hidden_stretch_is_a_pause(recording: Recording) -> None:
    recording.start()
    recording.recorder.hide(time.monotonic_ns(), "private")
    pause_ns = time.monotonic_ns()
    recording.recorder.pause(pause_ns)
    time.sleep(0.02)
    resume_ns = time.monotonic_ns()
    recording.recorder.resume(resume_ns)
    recording.stop()
    assert recording.source.full_grabs == 1
    assert_cover(recording, recording.end_ns - recording.start_ns - (resume_ns - pause_ns))
    assert {reason for reason, _ in gaps_of(recording)} == {GapReason.HIDDEN}


def test_a_desktop_that_is_gone_after_a_hidden_stretch_is_lost_and_no_longer_hidden(recording: Recording) -> None:
    """Harm: the gap says `private` for hours in which the screen was unplugged."""
    recording.start()
    recording.recorder.hide(time.monotonic_ns(), "private")
    recording.source.present = False
    recording.recorder.hide(time.monotonic_ns(), "")
    until(lambda: recording.troubles, what="the loss to be told")
    recording.stop()
    assert gaps_of(recording) == [(GapReason.HIDDEN, "private"), (GapReason.DEVICE_LOST, "")]
    assert_cover(recording, recording.end_ns - recording.start_ns)


def test_an_hour_hides_the_picture_by_itself_and_brings_it_back(no_leaks: None) -> None:
    """Harm: the private hour begins while nothing moves, and nobody looks at the clock."""
    rules = PrivacyRules([PrivacyRule(name="night", hours="22:00-06:00")])
    recording = Recording(rules=rules)
    recording.civil = time.struct_time((2026, 1, 1, 21, 59, 59, 3, 1, 0))
    recording.start()
    recording.civil = time.struct_time((2026, 1, 1, 22, 0, 59, 3, 1, 0))
    until(lambda: recording.store.chunks, 5, what="the end of the evening")
    recording.civil = time.struct_time((2026, 1, 2, 6, 0, 0, 3, 1, 0))
    until(lambda: recording.source.full_grabs == 2, 5, what="the morning")
    recording.stop()
    recording.source.dispose()
    assert gaps_of(recording) == [(GapReason.HIDDEN, "night")]
    assert_cover(recording, recording.end_ns - recording.start_ns)


def test_a_source_that_a_rule_hides_is_no_loss_and_nobody_is_troubled(recording: Recording) -> None:
    """Harm: a person is told every second that the window with the bank account was lost."""
    recording.start()
    recording.paint_seen(RED)
    hidden = SourceHidden("the window", "bank")
    opened, recording.source.open = recording.source.open, lambda: raise_it(hidden)  # type: ignore[method-assign]
    changed, recording.source.changed_ns = recording.source.changed_ns, lambda: raise_it(hidden)  # type: ignore[method-assign]
    recording.source.paint(GREEN)
    until(lambda: recording.recorder._reopen_ns, what="the veil")
    recording.source.changed_ns = changed  # type: ignore[method-assign]
    recording.source.paint(BLUE)
    recording.source.open = opened  # type: ignore[method-assign]
    until(lambda: recording.source.full_grabs == 2, 5, what="the return")
    recording.stop()
    assert gaps_of(recording) == [(GapReason.HIDDEN, "bank")]
    assert {colour for _, colour in recording.shown()} == {(0.0, 0.0, 0.0), (255.0, 0.0, 0.0), (0.0, 0.0, 255.0)}
    assert recording.troubles == []


def raise_it(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("takes_over", [False, True])
def test_a_hidden_source_refuses_a_start_but_no_successor_of_a_lost_worker(no_leaks: None, takes_over: bool) -> None:
    """Harm: a worker dies while a private page is open, and nothing is recorded in the rest of the session."""
    recording = Recording(takes_over=takes_over)
    hidden = SourceHidden("the window", "bank")
    opened, recording.source.open = recording.source.open, lambda: raise_it(hidden)  # type: ignore[method-assign]
    if not takes_over:
        with pytest.raises(SourceHidden):
            recording.start()
    else:
        recording.start()
        recording.source.open = opened  # type: ignore[method-assign]
        until(lambda: recording.source.full_grabs, 5, what="the return")
    recording.stop()
    recording.source.dispose()
    assert gaps_of(recording) == ([(GapReason.HIDDEN, "bank")] if takes_over else [])
