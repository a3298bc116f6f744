from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture.chunker import (
    CHUNK_BYTES_MAX,
    CHUNK_NS,
    CHUNK_NS_MAX,
    GRACE_NS,
    HOLD_NS,
    STILL_CHUNK_NS,
    Chunk,
    Chunker,
    Sample,
)
from reeld_proto.units import NS_PER_MS, NS_PER_S

TIMESCALE = 90_000


@dataclass
class Driver:
    """A recorder in media time: writes frames, repeats at deadlines, collects what is released."""

    chunker: Chunker
    now_ns: int = 0
    floor_ns: int = 0
    out: list[Chunk] = field(default_factory=list)
    recording: bool = False

    def write(self, *, changed: bool = True, size: int = 100) -> tuple[int, int]:
        at_ns, ticks = self.chunker.place(self.now_ns)
        self.chunker.add(Sample(object(), size, at_ns, ticks, keyframe=False, changed=changed))
        self.recording = True
        return at_ns, ticks

    def advance(self, by_ns: int) -> None:
        """Let time pass as an undelayed recorder would: every deadline is met."""
        target_ns = self.now_ns + by_ns
        while self.recording and (deadline := self.chunker.deadline_ns) is not None and deadline <= target_ns:
            self.now_ns = max(self.now_ns, deadline)
            self.release()
            self.write(changed=False)
        self.now_ns = target_ns
        self.release()

    def release(self) -> None:
        while (chunk := self.chunker.take(self.now_ns)) is not None:
            self.out.append(chunk)

    def cut(self, late_ns: int) -> None:
        """An order that names an instant `late_ns` ago: media time goes back to it, but never behind an older order."""
        self.now_ns = self.floor_ns = max(self.floor_ns, self.now_ns - late_ns)
        self.chunker.cut(self.now_ns)
        self.recording = False
        while (chunk := self.chunker.take(None)) is not None:
            self.out.append(chunk)


def driver(start_ns: int | None = 0) -> Driver:
    return Driver(Chunker(timescale=TIMESCALE, start_ns=start_ns))


def check_cover(chunks: list[Chunk], end_ns: int, *, start_ns: int = 0) -> None:
    """Chunks cover [start, end) without hole or overlap, in nanoseconds and in ticks, each at most 2 s long."""
    at_ns, last_ticks = start_ns, None
    for chunk in chunks:
        assert chunk.start_ns == at_ns
        assert chunk.start_ns < chunk.end_ns <= chunk.start_ns + CHUNK_NS_MAX
        starts = [sample.start_ns for sample in chunk.samples]
        assert starts == sorted(set(starts))
        assert starts[-1] < chunk.end_ns
        ticks = [sample.start_ticks for sample in chunk.samples]
        assert last_ticks is None or ticks[0] == last_ticks
        assert all(first < second for first, second in zip(ticks, [*ticks[1:], chunk.end_ticks], strict=True))
        at_ns, last_ticks = chunk.end_ns, chunk.end_ticks
    assert at_ns == end_ns


steps = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.integers(0, 3 * NS_PER_S)),
        st.tuples(st.just("frames"), st.integers(1, 60)),
        st.tuples(st.just("pause"), st.integers(0, HOLD_NS)),
        st.tuples(st.just("idle"), st.integers(0, 20 * NS_PER_S)),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(steps, st.integers(0, HOLD_NS))
def test_any_schedule_is_covered_to_the_nanosecond(schedule: list[tuple[str, int]], stop_late_ns: int) -> None:
    """Harm: a second of a session is neither recorded nor explained, or recorded twice."""
    run = driver()
    run.write()
    for step, value in schedule:
        if step == "frame":
            run.advance(value)
            run.write()
        elif step == "frames":
            for _ in range(value):
                run.advance(NS_PER_S // 30)
                run.write()
        elif step == "idle":
            run.advance(value)
        else:
            run.cut(value)
            run.write()
    run.cut(stop_late_ns)
    check_cover(run.out, run.now_ns)


@settings(deadline=None)
@given(steps)
def test_at_any_moment_less_than_two_seconds_are_unsent(schedule: list[tuple[str, int]]) -> None:
    """Harm: a crash loses more than 2 s."""
    run = driver()
    run.write()
    for _, value in schedule:
        run.advance(value % (2 * NS_PER_S))
        assert run.now_ns - run.chunker.end_ns <= STILL_CHUNK_NS + HOLD_NS
        sent_ns = run.out[-1].end_ns if run.out else 0
        assert run.now_ns - sent_ns < 2 * NS_PER_S
        run.write()


def test_ticks_do_not_drift_from_absolute_time() -> None:
    """Harm: after an hour picture and sound are apart by the sum of all roundings."""
    run = driver()
    run.write()
    for _ in range(30 * 600):
        run.advance(33_366_667)
        at_ns, ticks = run.write()
        assert abs(ticks / TIMESCALE - at_ns / NS_PER_S) <= 1 / TIMESCALE


def test_a_chunk_with_changes_is_closed_by_the_first_frame_after_a_second() -> None:
    """Harm: a crash during motion loses more than about a second."""
    run = driver()
    for _ in range(35):
        run.write()
        run.advance(NS_PER_S // 30)
    assert [(chunk.end_ns, chunk.unchanged) for chunk in run.out] == [(31 * (NS_PER_S // 30), 0)]


def test_what_moved_and_then_stopped_is_closed_by_a_repeat() -> None:
    """Harm: the last change before stillness is lost when the machine dies a minute later."""
    run = driver()
    run.write()
    run.advance(CHUNK_NS + GRACE_NS + HOLD_NS)
    assert [chunk.end_ns for chunk in run.out] == [CHUNK_NS + GRACE_NS]


def test_an_idle_hour_needs_few_samples() -> None:
    """Harm: an idle hour fills the disk or keeps the processor awake."""
    run = driver()
    run.write()
    run.advance(3600 * NS_PER_S)
    assert sum(len(chunk.samples) for chunk in run.out) <= 3600 * NS_PER_S // STILL_CHUNK_NS + 1
    check_cover(run.out, run.out[-1].end_ns)


def test_large_chunks_are_closed_early() -> None:
    """Harm: a lossless recording makes chunks that no message can carry."""
    run = driver()
    run.write(size=CHUNK_BYTES_MAX)
    run.advance(NS_PER_S // 30)
    run.write()
    run.advance(HOLD_NS)
    assert [len(chunk.samples) for chunk in run.out] == [1]


def test_frames_after_a_late_order_are_taken_back() -> None:
    """Harm: what was on the screen after the person pressed pause is recorded."""
    run = driver()
    run.write()
    run.advance(500 * NS_PER_MS)
    run.write()
    run.advance(20 * NS_PER_MS)
    run.cut(30 * NS_PER_MS)
    check_cover(run.out, 490 * NS_PER_MS)
    assert len(run.out[0].samples) == 1


def test_a_closed_chunk_is_shortened_by_a_late_order() -> None:
    """Harm: the recording is longer than the session, or chunks overlap after the pause."""
    run = driver()
    run.write()
    run.advance(CHUNK_NS + 10 * NS_PER_MS)
    run.write()
    run.advance(20 * NS_PER_MS)
    assert run.out == []
    run.cut(40 * NS_PER_MS)
    check_cover(run.out, CHUNK_NS - 10 * NS_PER_MS)


def test_an_order_older_than_the_hold_never_makes_chunks_overlap() -> None:
    """Harm: two chunks claim the same time when the machine was stuck between order and arrival."""
    run = driver()
    run.write()
    run.advance(3 * NS_PER_S)
    sent = len(run.out)
    assert sent
    end_ns = run.out[-1].end_ns
    run.cut(3 * NS_PER_S - 1)
    run.write()
    run.advance(5 * NS_PER_S)
    run.cut(0)
    assert run.out[sent].start_ns == end_ns
    check_cover(run.out, run.now_ns)


def test_a_stalled_recorder_leaves_a_hole_and_no_long_chunk() -> None:
    """Harm: ten seconds nobody watched are recorded as a still picture."""
    run = driver()
    run.write()
    run.now_ns = 10 * NS_PER_S
    run.write()
    run.cut(-NS_PER_S)
    assert [(chunk.start_ns, chunk.end_ns) for chunk in run.out] == [
        (0, CHUNK_NS_MAX),
        (10 * NS_PER_S, 11 * NS_PER_S),
    ]


@pytest.mark.parametrize("start_ns", [None, 0])
def test_the_first_chunk_begins_at_the_session_or_after_a_restart_at_its_frame(start_ns: int | None) -> None:
    """Harm: the start of a session has no picture, or a crash's hole is painted over."""
    run = driver(start_ns)
    run.now_ns = 300 * NS_PER_MS
    run.write()
    run.advance(NS_PER_S)
    run.cut(0)
    check_cover(run.out, 1300 * NS_PER_MS, start_ns=0 if start_ns == 0 else 300 * NS_PER_MS)


def test_behind_a_hole_the_next_chunk_begins_at_its_own_frame() -> None:
    """Harm: the picture from before a lost device is stretched over the time without it."""
    run = driver()
    run.write()
    run.advance(200 * NS_PER_MS)
    run.cut(0)
    run.chunker.leave_hole()
    run.now_ns += 5 * NS_PER_S
    run.write()
    run.advance(NS_PER_S)
    run.cut(0)
    assert [(chunk.start_ns, chunk.end_ns) for chunk in run.out] == [
        (0, 200 * NS_PER_MS),
        (5200 * NS_PER_MS, 6200 * NS_PER_MS),
    ]


def test_discard_forgets_and_counts_everything_unsent() -> None:
    """Harm: frames that refer to a lost chunk are stored and show rubbish."""
    run = driver()
    run.write()
    run.advance(CHUNK_NS + GRACE_NS)
    run.write()
    assert run.chunker.discard() == 3
    run.cut(0)
    assert run.out == []
    run.advance(NS_PER_S)
    run.write()
    run.cut(-NS_PER_MS)
    assert run.out[0].start_ns == 2 * NS_PER_S + GRACE_NS


def test_counters_travel_with_the_chunk_they_belong_to() -> None:
    """Harm: dropped frames of a session cannot be placed in time."""
    run = driver()
    run.write()
    run.chunker.note_dropped(3)
    run.chunker.note_unchanged()
    run.advance(CHUNK_NS)
    run.write()
    run.advance(CHUNK_NS)
    run.cut(0)
    assert [(chunk.dropped, chunk.unchanged) for chunk in run.out] == [(3, 1), (0, 0)]


def test_two_frames_within_one_tick_stay_apart() -> None:
    """Harm: a sample of no duration, which the muxer refuses."""
    run = driver()
    run.write()
    run.now_ns += 5
    _, ticks = run.write()
    assert ticks == 1
    run.cut(-1)
    check_cover(run.out, 6)


def test_a_hurried_chunk_ends_with_the_next_sample_and_only_that_one() -> None:
    """Harm: the last seconds before `replay save` are missing in it because their chunk was not full."""
    drive = driver()
    drive.chunker.hurry()  # nothing is open: nothing to hurry
    drive.write()
    drive.now_ns = 200 * NS_PER_MS
    drive.write()
    drive.chunker.hurry()
    drive.now_ns = 300 * NS_PER_MS
    drive.write(changed=False)
    drive.now_ns = 400 * NS_PER_MS
    drive.write()
    chunk = drive.chunker.take(None)
    assert chunk is not None
    assert (chunk.start_ns, chunk.end_ns, len(chunk.samples)) == (0, 300 * NS_PER_MS, 2)
    assert drive.chunker.take(None) is None
    drive.cut(0)
    check_cover([chunk, *drive.out], 400 * NS_PER_MS)
