"""Sources that change, vanish and come back under a real worker: the recording goes on and says why it has holes."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reeld.capture.api import Rect, Size
from reeld.capture.layouts import fit
from reeld_proto.errors import ErrorCode
from reeld_proto.records import GapReason, Quality, SourceKind
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import Done, SourceSpec, StopTracks, VideoTrackSpec
from tests.daemon.capture.canvas import BLACK, BLUE, GREEN, RED, WHITE, Canvas
from tests.daemon.capture.harness import CaptureHarness, decode, start_order, track_of
from tests.daemon.capture.pointing import Hand
from tests.daemon.capture.program import Program
from tests.support.desk import Monitor, VirtualDesk, desk_environment
from tests.support.monitors import remove_monitor, set_monitor, set_resolution

# They measure how long it takes until a source is back.
pytestmark = pytest.mark.alone

ONLY = Monitor("ONLY", 0, 0, 1280, 720)
BACK_S_MAX = 5.0


@pytest.fixture
def desk() -> Iterator[VirtualDesk]:
    """A desk of its own: it is going to be broken. A name that no other server takes while this one is dead."""
    with VirtualDesk(monitors=(ONLY,), display=f":{2000 + os.getpid() % 50_000}") as opened, desk_environment(opened):
        yield opened


@pytest.fixture
def worker(desk: VirtualDesk, tmp_path: Path) -> Iterator[CaptureHarness]:
    with CaptureHarness(tmp_path, desk.env) as harness:
        yield harness


def stop(worker: CaptureHarness) -> int:
    at_ns = time.monotonic_ns()
    assert worker.order(StopTracks(at_ns=at_ns)) == Done()
    return at_ns


def last_picture(worker: CaptureHarness, folder: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The whole recording is played to its end; RGB."""
    return decode(worker.write_file(folder / "track.mp4"))[-1][1]


def is_colour(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", colour: int) -> bool:
    return bool(np.allclose(pixels.reshape(-1, 3).mean(axis=0), list(colour.to_bytes(3, "big")), atol=10))


def more(items: Callable[[], Sequence[object]]) -> Callable[[], bool]:
    """Asks whether there are more of them than now."""
    known = len(items())
    return lambda: len(items()) > known


def assert_explained(worker: CaptureHarness, end_ns: int) -> None:
    """Chunks and gaps cover the recording from its start to its end, without overlap."""
    spans = [(chunk.start_ns, chunk.end_ns) for chunk in worker.chunks()]
    spans = sorted([*spans, *((gap.start_ns, gap.end_ns) for gap in worker.gaps())])
    assert spans[0][0] == 0
    assert all(first[1] == second[0] for first, second in pairwise(spans))
    assert spans[-1][1] == end_ns


def test_a_server_that_is_killed_twice_leaves_two_gaps_and_a_playable_file(
    desk: VirtualDesk, worker: CaptureHarness, tmp_path: Path
) -> None:
    """Harm: logging out, or a crash of the X server, ends the recording for good, or leaves a hole without a reason."""
    start_ns = time.monotonic_ns()
    worker.order(start_order([track_of(ONLY)], start_ns=start_ns))
    for colour in (GREEN, RED):
        worker.run(0.3)
        lost, back, goes_on = more(lambda: worker.trouble), more(worker.gaps), more(worker.chunks)
        desk.kill_display()
        worker.until(lost, 5, what="word of the loss")
        worker.run(0.5)
        desk.start_display()
        back_ns = time.monotonic_ns()
        with Canvas(0, 0, 1280, 720, colour):
            worker.until(back, BACK_S_MAX, what="the end of the gap")
            worker.until(goes_on, 5, what="a chunk after it")
            assert start_ns + worker.gaps()[-1].end_ns - back_ns <= BACK_S_MAX * NS_PER_S
            worker.run(0.5)
            if colour == RED:
                end_ns = stop(worker)
    assert [gap.reason for gap in worker.gaps()] == [GapReason.DEVICE_LOST] * 2
    assert {trouble.code for trouble in worker.trouble} == {ErrorCode.DEVICE_FAILED}
    assert_explained(worker, end_ns - start_ns)
    assert is_colour(last_picture(worker, tmp_path), RED)


def test_five_resolutions_in_one_recording_are_letterboxed_and_never_stretched(
    desk: VirtualDesk, worker: CaptureHarness, tmp_path: Path
) -> None:
    """Harm: a projector with another resolution kills the recording, distorts it, or shows the old size's remains."""
    remove_monitor(desk, "ONLY")
    screen = Monitor("screen", 0, 0, 1280, 720)
    sizes = [Size(1024, 600), Size(801, 601), Size(1280, 720), Size(640, 480), Size(720, 720)]
    start_ns = time.monotonic_ns()
    with Canvas(0, 0, 1280, 720, GREEN) as canvas:
        order = start_order([track_of(screen)], start_ns=start_ns, quality=Quality.HIGH, pointer=False)
        worker.order(order)
        shown: list[tuple[int, Size]] = []
        for size in sizes:
            set_resolution(desk, *size)
            canvas.fill(BLUE, [(100, 60, 200, 200)])
            worker.run(0.6)
            shown.append((time.monotonic_ns() - start_ns, size))
        end_ns = stop(worker)
    assert worker.gaps() == []
    assert worker.trouble == []
    assert_explained(worker, end_ns - start_ns)
    frames = decode(worker.write_file(tmp_path / "track.mp4"))
    for at_ns, size in shown:
        picture = [frame for at_s, frame in frames if at_s <= at_ns / NS_PER_S][-1].astype(int)
        where = fit(Size(size.width + size.width % 2, size.height + size.height % 2), Rect(0, 0, 1280, 720))
        red, green, blue = picture[:, :, 0], picture[:, :, 1], picture[:, :, 2]
        assert box(blue > 128) == (where.x + 100, where.y + 60, 200, 200)
        assert box((green > 128) | (blue > 128)) == tuple(where)
        assert (red < 64).all()


def box(mask: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]") -> tuple[int, int, int, int]:
    """The smallest rectangle around what is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def test_a_monitor_that_is_unplugged_is_a_gap_until_it_is_back(
    desk: VirtualDesk, worker: CaptureHarness, tmp_path: Path
) -> None:
    """Harm: pulling the cable for a moment ends the recording, or its return is missed."""
    start_ns = time.monotonic_ns()
    with Canvas(0, 0, 1280, 720, GREEN) as canvas:
        worker.order(start_order([track_of(ONLY)], start_ns=start_ns))
        worker.run(0.3)
        remove_monitor(desk, "ONLY")
        worker.until(lambda: worker.trouble, 5, what="word of the loss")
        assert "no monitor ONLY" in worker.trouble[0].message
        canvas.fill(BLUE)
        worker.run(0.5)
        set_monitor(desk, "ONLY", 0, 0, 800, 600)
        back_ns = time.monotonic_ns()
        worker.until(worker.gaps, BACK_S_MAX, what="the end of the gap")
        assert start_ns + worker.gaps()[0].end_ns - back_ns <= BACK_S_MAX * NS_PER_S
        worker.run(0.5)
        end_ns = stop(worker)
    assert [gap.reason for gap in worker.gaps()] == [GapReason.DEVICE_LOST]
    assert_explained(worker, end_ns - start_ns)
    picture = last_picture(worker, tmp_path)
    assert is_colour(picture[70:650, 250:1030], BLUE)
    assert is_colour(picture[:, :200], BLACK)


def window_track(program: Program, width: int, height: int) -> VideoTrackSpec:
    source = SourceSpec(
        kind=SourceKind.WINDOW, id=program.id, label="notes.txt - Editor", app="Editor", width=width, height=height
    )
    return VideoTrackSpec(track="video-1", label="window", sources=[source], width=640, height=480)


def test_a_window_is_recorded_closed_and_picked_up_again(
    desk: VirtualDesk, worker: CaptureHarness, tmp_path: Path
) -> None:
    """Harm: what covers the window is recorded, or a program that is opened again is not."""
    start_ns = time.monotonic_ns()
    with Program(100, 100, 640, 480, background=RED) as program, Canvas(90, 90, 700, 300, WHITE), Hand() as hand:
        hand.move(5, 5)
        worker.order(start_order([window_track(program, 640, 480)], start_ns=start_ns))
        program.fill(GREEN, 0, 0, 640, 480)
        worker.run(0.5)
        program.close()
        worker.until(lambda: worker.trouble, 5, what="word of the loss")
        assert worker.trouble[0].message == f"the window {program.id} is closed"
        with Program(300, 150, 320, 241, background=BLUE, title="other.txt - Editor", connection=program.connection):
            back_ns = time.monotonic_ns()
            worker.until(worker.gaps, BACK_S_MAX, what="the end of the gap")
            assert start_ns + worker.gaps()[0].end_ns - back_ns <= BACK_S_MAX * NS_PER_S
            worker.run(0.5)
            end_ns = stop(worker)
    assert_explained(worker, end_ns - start_ns)
    frames = decode(worker.write_file(tmp_path / "track.mp4"))
    lost_s = worker.gaps()[0].start_ns / NS_PER_S
    before = [frame for at_s, frame in frames if at_s < lost_s][-1]
    assert is_colour(before, GREEN)
    where = fit(Size(320, 242), Rect(0, 0, 640, 480))
    after = frames[-1][1]
    assert is_colour(after[where.y + 4 : where.bottom - 4, where.x + 4 : where.right - 4], BLUE)
    assert is_colour(after[: where.y - 4], BLACK)
