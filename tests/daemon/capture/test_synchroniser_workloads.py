"""The workloads of SPEC.md section 2 in simulated time, judged by what the test knows of the streams."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from reeld.capture.synchroniser import (
    BUFFER_FRAMES_MAX,
    Frame,
    FrameSet,
    Pick,
    Synchroniser,
)
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.stream import EPOCH_NS, NEVER, Run, Stream, in_order


@dataclass
class Tally:
    """Judges each set by what the test knows of the streams, not by what the set says of itself.

    in_time: every source shows a frame of its own captured within one interval (its own, or the output's if longer) of
    the instant. new: and each of them was not shown before. bridged: as in_time, but a source that is out at that very
    instant shows the last frame it had. bad: anything else.
    """

    streams: Sequence[Stream]
    output_fps: int
    in_time: int = 0
    new: int = 0
    bridged: int = 0
    partial: int = 0
    bad: int = 0
    spread_ns: int = 0
    _last: dict[int, Frame] = field(default_factory=dict)

    def __call__(self, made: FrameSet) -> None:
        verdicts = {self._judge(source, made.at_ns, pick) for source, pick in made.picks.items()}
        if "bad" in verdicts:
            self.bad += 1
        elif len(made.picks) < len(self.streams):
            missing = [s for s in range(len(self.streams)) if s not in made.picks]
            begun = any(made.at_ns - EPOCH_NS >= (self.streams[s].start_s + 0.1) * NS_PER_S for s in missing)
            self.bad += begun
            self.partial += not begun
        elif "held" in verdicts:
            self.bridged += 1
        else:
            self.in_time += 1
            self.new += all(pick.fresh for pick in made.picks.values())
            times = [pick.frame.captured_ns for pick in made.picks.values()]
            self.spread_ns = max(self.spread_ns, max(times) - min(times))

    def _judge(self, source: int, at_ns: int, pick: Pick) -> str:
        frame, stream = pick.frame, self.streams[source]
        last = self._last.get(source)
        self._last[source] = frame
        if frame.picture != (source, frame.sequence) or pick.fresh is (last is frame):
            return "bad"
        if last is not None and frame.captured_ns < last.captured_ns:
            return "bad"
        within = abs(frame.captured_ns - at_ns) <= NS_PER_S / min(stream.fps, self.output_fps)
        if within or not pick.held:
            return "in time" if within and not pick.held else "bad"
        out_from_ns, out_until_ns = (EPOCH_NS + round(edge * NS_PER_S) for edge in stream.absent_s)
        grace_ns = 2 * NS_PER_S / stream.fps + (stream.jitter_ms + stream.delay_ms) * NS_PER_MS
        is_out = out_from_ns < out_until_ns and out_from_ns <= at_ns <= out_until_ns + grace_ns
        return "held" if stream.loss or is_out else "bad"


def play(streams: Sequence[Stream], output_fps: int, *, seed: int = 1) -> tuple[Tally, Synchroniser, Run]:
    """Run the streams to their end and look at every set."""
    synchroniser = Synchroniser(output_fps)
    for source, stream in enumerate(streams):
        synchroniser.add(source, stream.fps)
    tally = Tally(streams, output_fps)
    run = Run(synchroniser, tally)
    end_ns = EPOCH_NS + round(max(stream.end_s for stream in streams) * NS_PER_S)
    for event in in_order(streams, seed):
        if event[0] < end_ns:
            run.offer(event)
    run.advance(end_ns)
    for counts in synchroniser.counts().values():
        assert counts.received == counts.shown + counts.dropped + counts.buffered
        assert counts.matched + counts.held + counts.absent == run.sets
        assert counts.peak <= BUFFER_FRAMES_MAX
    assert synchroniser.skipped == 0
    return tally, synchroniser, run


@pytest.mark.parametrize(
    ("sources", "fps", "seconds", "jitter_ms", "least"),
    [
        pytest.param(2, 60, 600, 5, 35_900, id="2 x 60 fps, 10 minutes"),
        pytest.param(2, 30, 1800, 5, 53_900, id="2 x 30 fps, 30 minutes"),
        pytest.param(4, 60, 60, 8, 3_550, id="4 x 60 fps"),
        pytest.param(6, 30, 30, 15, 870, id="6 x 30 fps"),
    ],
)
def test_steady_sources_make_a_set_of_new_frames_at_every_instant(
    sources: int, fps: int, seconds: int, jitter_ms: int, least: int
) -> None:
    """Harm: two screens recorded side by side drift apart, stutter or stop."""
    tally, _, run = play([Stream(fps=fps, end_s=seconds, jitter_ms=jitter_ms)] * sources, fps)
    assert run.sets <= seconds * fps + 1
    assert tally.bad == tally.bridged == 0
    assert tally.new >= least
    assert tally.spread_ns <= NS_PER_S // fps


@pytest.mark.parametrize("output_fps", [24, 60])
def test_mixed_rates_are_each_in_time(output_fps: int) -> None:
    """Harm: a camera of 24 fps beside a screen of 60 is always or never taken for late."""
    streams = [Stream(fps=fps, end_s=10, jitter_ms=3) for fps in (60, 30, 24)]
    tally, synchroniser, _ = play(streams, output_fps)
    assert tally.bad == tally.bridged == 0
    assert tally.in_time >= 10 * output_fps - 5
    assert tally.in_time >= 200
    shown = [counts.shown for counts in synchroniser.counts().values()]
    for count, stream in zip(shown, streams, strict=True):
        assert count >= 10 * min(stream.fps, output_fps) - 5


@pytest.mark.parametrize("fps", [60, 50])
def test_an_absent_source_keeps_its_last_frame_and_holds_up_nobody(fps: int) -> None:
    """Harm: a window that hangs for a second stops the recording of the other screens."""
    streams = [
        Stream(fps=fps, end_s=5, jitter_ms=3, absent_s=(2.0, 3.0) if source == 1 else NEVER) for source in range(3)
    ]
    tally, synchroniser, run = play(streams, fps)
    assert run.sets >= 5 * fps - 1
    assert tally.bad == 0
    assert tally.new >= 200 * fps // 60
    assert tally.in_time + tally.bridged == run.sets
    counts = synchroniser.counts()
    assert fps - 5 <= counts[1].held <= fps
    assert counts[0].held == counts[2].held == 0
    assert counts[0].shown >= 5 * fps - 2


def test_lost_frames_cost_their_own_instants_only() -> None:
    """Harm: each frame lost by one source is missing in the others, or puts it a frame behind for good."""
    streams = [Stream(fps=60, end_s=5, jitter_ms=2), Stream(fps=60, end_s=5, jitter_ms=2, loss=0.1)]
    tally, synchroniser, run = play(streams, 60)
    assert run.sets >= 299
    assert tally.bad == 0
    assert tally.new >= 255
    counts = synchroniser.counts()
    assert counts[0].shown >= 298
    assert counts[1].received <= 285
    assert counts[1].lost == 300 - counts[1].received


def test_sources_that_start_one_after_the_other_join_the_sets() -> None:
    """Harm: nothing is recorded until the last camera has woken up, or it is never let in."""
    tally, synchroniser, run = play([Stream(fps=60, end_s=5, start_s=s, jitter_ms=3) for s in (0, 1, 2)], 60)
    assert run.sets >= 299
    assert tally.bad == 0
    assert tally.new >= 170
    assert tally.in_time + tally.partial == run.sets
    absent = [counts.absent for counts in synchroniser.counts().values()]
    assert absent[0] == 0
    assert absent[1] == pytest.approx(60, abs=2)
    assert absent[2] == pytest.approx(120, abs=2)


def test_real_pixels_of_1080p_pass_untouched_and_are_not_kept() -> None:
    """Harm: minutes of raw frames pile up in memory, or two sources are mixed up."""
    pool = [np.full((1080, 1920, 4), 10 * index, np.uint8) for index in range(12)]
    synchroniser = Synchroniser(60)
    synchroniser.add(0, 60)
    synchroniser.add(1, 60)
    seen = Counter[int]()

    def look(made: FrameSet) -> None:
        for source, pick in made.picks.items():
            picture = pick.frame.picture
            assert picture is pool[source + 2 * (pick.frame.sequence % 6)]
            assert picture.shape == (1080, 1920, 4)
            assert picture[540, 960, 0] == 10 * (source + 2 * (pick.frame.sequence % 6))
            assert not pick.held
            seen[source] += pick.fresh

    run = Run(synchroniser, look)
    for at_ns, source, frame in in_order([Stream(fps=60, end_s=5, jitter_ms=5)] * 2, 3):
        run.offer((at_ns, source, Frame(frame.captured_ns, frame.sequence, pool[source + 2 * (frame.sequence % 6)])))
        assert sum(counts.buffered for counts in synchroniser.counts().values()) <= 4
    assert min(seen[0], seen[1]) >= 297


def test_the_judge_of_these_workloads_condemns_what_is_not_in_time() -> None:
    """Harm: the workloads pass with sets of stale, foreign or repeated frames."""
    streams = [Stream(fps=60, end_s=5)] * 2

    def frame(source: int, sequence: int, at_ms: int = 0) -> Frame:
        return Frame(EPOCH_NS + at_ms * NS_PER_MS, sequence, (source, sequence))

    def verdict(*picks: Pick, at_ms: int = 0) -> Tally:
        tally = Tally(streams, 60)
        tally(FrameSet(1, EPOCH_NS + at_ms * NS_PER_MS, dict(enumerate(picks))))
        assert tally.bad + tally.new == 1
        return tally

    good = Pick(frame(0, 1), fresh=True, held=False)
    assert verdict(good, Pick(frame(1, 1), fresh=True, held=False)).new == 1
    assert verdict(good, Pick(frame(0, 1), fresh=True, held=False)).bad == 1
    assert verdict(good, Pick(frame(1, 1), fresh=False, held=False)).bad == 1
    assert verdict(good, Pick(frame(1, 1, at_ms=17), fresh=True, held=False)).bad == 1
    assert verdict(good, Pick(frame(1, 1, at_ms=-17), fresh=True, held=True)).bad == 1
    assert verdict(good, at_ms=200).bad == 1


@pytest.mark.parametrize("phase_ms", [4.0, 8.3, 12.0])
@pytest.mark.parametrize("jitter_ms", [0.0, 5.0])
def test_clocks_out_of_phase_do_not_make_a_source_stutter(phase_ms: float, jitter_ms: float) -> None:
    """Harm: jitter decides anew at each instant which of two frames is closer, so one comes twice, the next never."""
    streams = [
        Stream(fps=60, end_s=20),
        Stream(fps=60, end_s=20, phase_ms=phase_ms, jitter_ms=jitter_ms),
    ]
    tally, synchroniser, run = play(streams, 60)
    assert tally.bad == tally.bridged == 0
    assert tally.new >= run.sets - 3
    assert synchroniser.counts()[1].dropped <= 3


def test_clocks_that_run_apart_slip_one_frame_at_a_time() -> None:
    """Harm: a camera whose clock is 200 ppm slow is a second behind after an hour and a half, and never catches up."""
    streams = [Stream(fps=60, end_s=300), Stream(fps=60, end_s=300, jitter_ms=2, clock_ppm=200)]
    tally, synchroniser, run = play(streams, 60)
    assert tally.bad == tally.bridged == 0
    slipped = 300 * 200e-6 * 60
    assert tally.new >= run.sets - slipped - 3
    assert synchroniser.counts()[1].dropped <= 1


def test_a_set_leaves_as_soon_as_nothing_closer_can_come() -> None:
    """Harm: each set waits its whole deadline, and three more raw frames a source are kept all the time."""
    streams = [Stream(fps=60, end_s=10, jitter_ms=2, delay_ms=1)] * 3
    _, synchroniser, run = play(streams, 60)
    assert run.latest_ns <= synchroniser.deadline_ns
    assert max(counts.peak for counts in synchroniser.counts().values()) <= 2
