"""Privacy under a real worker, in what it recorded. Harm guarded against: one frame of a private window in the file."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from reeld.runtime.clock import monotonic_ns
from reeld_proto.privacy import PrivacyRule
from reeld_proto.records import GapReason, Quality
from reeld_proto.workers import HideTracks, StopTracks
from tests.daemon.capture.dancer import STAGE
from tests.daemon.capture.harness import CaptureHarness, decode, start_order, track_of
from tests.support.desk import Monitor, VirtualDesk
from tests.support.wait import until

MONITOR = Monitor("LEFT", 0, 0, 640, 480)
SECRET = [PrivacyRule(name="by name", app="secret"), PrivacyRule(name="by title", title="*secret*")]


@pytest.fixture(scope="module")
def small_desk() -> Iterator[VirtualDesk]:
    with VirtualDesk(monitors=(MONITOR,)) as desk:
        yield desk


@pytest.fixture
def worker(small_desk: VirtualDesk, tmp_path: Path) -> Iterator[CaptureHarness]:
    with CaptureHarness(tmp_path, small_desk.env) as harness:
        yield harness


def magenta(picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> int:
    """Pixels that show the dancer's private colour, though chroma is shared by four pixels."""
    stage = picture[: STAGE[3], : STAGE[2]].astype(int)
    return int(((stage[:, :, 0] > 110) & (stage[:, :, 2] > 110) & (stage[:, :, 1] < 90)).sum())


@pytest.mark.slow
@pytest.mark.parametrize("masked", [True, False])
def test_no_frame_of_a_recording_shows_a_window_that_opens_moves_and_closes_fifty_times(
    worker: CaptureHarness, small_desk: VirtualDesk, tmp_path: Path, masked: bool
) -> None:
    """Without rules the same dance is seen: the test can fail."""
    order = start_order([track_of(MONITOR)], start_ns=monotonic_ns(), quality=Quality.HIGH)
    worker.order(msgspec.structs.replace(order, privacy=SECRET if masked else []))
    command = [sys.executable, "-m", "tests.daemon.capture.dancer", "--seed", "5", "--rounds", "50"]
    dancer = small_desk.spawn(*command, cwd=Path(__file__).parents[3])
    worker.until(lambda: dancer.poll() is not None, 60, what="the end of the dance")
    worker.run(0.2)
    worker.order(StopTracks(at_ns=monotonic_ns()))
    frames = decode(worker.write_file(tmp_path / "dance.mp4"))
    assert len(frames) > 10
    private = [magenta(picture) for _, picture in frames]
    assert any(private) is not masked


def test_what_happens_between_hide_and_show_is_a_gap_that_names_its_reason(
    worker: CaptureHarness, small_desk: VirtualDesk
) -> None:
    start_ns = monotonic_ns()
    worker.order(start_order([track_of(MONITOR)], start_ns=start_ns))
    worker.run(0.2)
    hidden_ns = monotonic_ns()
    worker.order(HideTracks(at_ns=hidden_ns, detail="private"))
    told = len(worker.progress)
    worker.until(lambda: len(worker.progress) > told + 1, what="progress, or the supervisor would replace it")
    worker.order(HideTracks(at_ns=monotonic_ns(), detail=""))
    sent = len(worker.chunks())
    worker.until(lambda: len(worker.chunks()) > sent, what="a picture afterwards")
    end_ns = monotonic_ns()
    worker.order(StopTracks(at_ns=end_ns))
    (gap,) = worker.gaps()
    assert (gap.reason, gap.detail, gap.start_ns) == (GapReason.HIDDEN, "private", hidden_ns - start_ns)
    spans = sorted([*((each.start_ns, each.end_ns) for each in worker.chunks()), (gap.start_ns, gap.end_ns)])
    assert (spans[0][0], spans[-1][1]) == (0, end_ns - start_ns)
    assert all(one[1] == other[0] for one, other in pairwise(spans))
    assert worker.progress[-1].tracks[0].lag_ms < 2000
    until(lambda: not worker.trouble, 1, what="no trouble")
