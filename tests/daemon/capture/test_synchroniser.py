"""What holds for any rates, jitter, loss and drop-out; the workloads of SPEC.md are in test_synchroniser_workloads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture.synchroniser import (
    BUFFER_FRAMES_MAX,
    CATCH_UP_NS,
    SOURCES_MAX,
    Frame,
    FrameSet,
    Synchroniser,
)
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.stream import EPOCH_NS, NEVER, Run, Stream, in_order


def test_a_source_that_is_gone_costs_the_others_one_deadline_only() -> None:
    """Harm: after a camera was unplugged the picture of the screens is late for the rest of the session."""
    synchroniser = Synchroniser(50)
    synchroniser.add(0, 50)
    synchroniser.add(1, 50)
    ages: list[int] = []
    run = Run(synchroniser, lambda made: ages.append(run.now_ns - made.at_ns))
    for event in in_order([Stream(fps=50, end_s=2, delay_ms=0), Stream(fps=50, end_s=1, delay_ms=0)], 1):
        run.offer(event)
    late = [index for index, age_ns in enumerate(ages) if age_ns]
    assert late[0] == 50
    assert ages[50] == synchroniser.deadline_ns
    assert set(ages[54:]) == {0}


def test_a_source_that_only_tells_changes_is_neither_late_nor_held_while_it_is_still() -> None:
    """Harm: a screen on which nothing moves counts as lost, or delays the others."""
    synchroniser = Synchroniser(50)
    synchroniser.add(0, 50)
    synchroniser.add(1, 50)
    made: list[FrameSet] = []
    run = Run(synchroniser, made.append)
    run.offer((EPOCH_NS, 1, Frame(EPOCH_NS, 1, "still")))
    for event in in_order([Stream(fps=50, end_s=2, delay_ms=0)], 1):
        synchroniser.unchanged(1, event[0])
        run.offer(event)
        assert run.now_ns == made[-1].at_ns
    assert synchroniser.counts()[1].held == 0
    assert [one.picks[1].fresh for one in made] == [True] + [False] * 99
    run.offer((run.now_ns, 1, Frame(run.now_ns, 2, "moved")))
    run.advance(run.now_ns + 2 * synchroniser.deadline_ns)
    assert made[-1].picks[1].frame.picture == "moved"


def test_it_tells_when_there_is_nothing_new_to_encode() -> None:
    """Harm: an idle desktop wakes the recorder sixty times a second."""
    synchroniser = Synchroniser(50)
    synchroniser.add(0, 50)
    still = [synchroniser.still]
    synchroniser.offer(0, Frame(EPOCH_NS, 1, None), EPOCH_NS)
    still.append(synchroniser.still)
    assert [made.fresh for made in synchroniser.take(EPOCH_NS)] == [True]
    still.append(synchroniser.still)
    assert still == [True, False, True]
    assert [made.fresh for made in synchroniser.take(EPOCH_NS + NS_PER_S // 5)] == [False] * 10


def test_sources_come_and_go_while_it_runs() -> None:
    """Harm: a camera plugged in during a session is never shown, or one taken away blocks the sets."""
    synchroniser = Synchroniser(50)
    synchroniser.add(3, 50)
    made: list[FrameSet] = []
    run = Run(synchroniser, made.append)
    events = in_order([Stream(fps=50, end_s=3)] * 3, 1)
    phases = [{3}, {3, 7}, {7}]
    for second, present in enumerate(phases):
        until_ns = EPOCH_NS + (second + 1) * NS_PER_S
        for source in present - set(synchroniser.counts()):
            synchroniser.add(source, 50)
        for source in set(synchroniser.counts()) - present:
            counts = synchroniser.remove(source)
            assert counts.received == counts.shown + counts.dropped + counts.buffered
        for at_ns, index, frame in events:
            if until_ns - NS_PER_S <= at_ns < until_ns and index == 0:
                for source in present:
                    run.offer((at_ns, source, frame))
        run.advance(until_ns)
        assert set(made[-1].picks) == present
    assert [one.number for one in made] == list(range(1, len(made) + 1))
    assert len(made) >= 145
    synchroniser.remove(7)
    assert synchroniser.next_due_ns() is None
    assert synchroniser.take(run.now_ns + NS_PER_S) == []


def test_what_cannot_take_part_is_refused_by_name() -> None:
    """Harm: frames of a source that was taken away end up in another's cell, or a tenth one in none."""
    synchroniser = Synchroniser(30)
    for source in range(SOURCES_MAX):
        synchroniser.add(source, 30)
    with pytest.raises(RequestRejected, match="source 3") as caught:
        synchroniser.add(3, 30)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    with pytest.raises(RequestRejected, match="9 sources") as caught:
        synchroniser.add(9, 30)
    assert caught.value.remedy
    for refused in (
        lambda: synchroniser.offer(9, Frame(EPOCH_NS, 1, None), EPOCH_NS),
        lambda: synchroniser.unchanged(9, EPOCH_NS),
        lambda: synchroniser.remove(9),
    ):
        with pytest.raises(RequestRejected, match="source 9") as caught:
            refused()
        assert caught.value.code is ErrorCode.NOT_FOUND


def test_after_the_machine_slept_it_does_not_make_up_for_the_night() -> None:
    """Harm: on waking, 1.7 million sets of the same picture are made at once."""
    synchroniser = Synchroniser(60)
    synchroniser.add(0, 60)
    synchroniser.offer(0, Frame(EPOCH_NS, 1, None), EPOCH_NS)
    assert len(synchroniser.take(EPOCH_NS)) == 1
    morning_ns = EPOCH_NS + 8 * 3600 * NS_PER_S
    sets = synchroniser.take(morning_ns)
    overdue_ns = CATCH_UP_NS + synchroniser.deadline_ns
    assert len(sets) <= overdue_ns * 60 // NS_PER_S + 1
    assert sets[0].at_ns >= morning_ns - overdue_ns
    assert synchroniser.skipped + len(sets) + 1 == pytest.approx(
        8 * 3600 * 60, abs=synchroniser.deadline_ns * 60 / 1e9 + 1
    )


def test_a_first_frame_that_comes_late_does_not_begin_the_sets_in_the_past() -> None:
    """Harm: the first sets of a slow camera are overdue when they are made."""
    synchroniser = Synchroniser(50)
    synchroniser.add(0, 50)
    now_ns = EPOCH_NS + NS_PER_S
    synchroniser.offer(0, Frame(EPOCH_NS, 1, None), now_ns)
    assert synchroniser.take(now_ns)[0].at_ns == now_ns - synchroniser.deadline_ns


def test_a_long_deadline_does_not_cost_the_frames_of_those_who_are_there() -> None:
    """Harm: while a lost source is waited for, the buffers overflow and the set shows nothing at all."""
    synchroniser = Synchroniser(60, deadline_ns=NS_PER_S)
    synchroniser.add(0, 60)
    synchroniser.add(1, 60)
    made: list[FrameSet] = []
    run = Run(synchroniser, made.append)
    for event in in_order([Stream(fps=60, end_s=3)], 1):
        run.offer(event)
    assert run.sets >= 179
    assert all(one.picks[0].fresh for one in made)
    assert synchroniser.counts()[0].dropped == 0


def test_the_default_deadline_is_three_intervals_and_never_long() -> None:
    """Harm: at 1 fps every set comes three seconds late."""
    assert Synchroniser(60).deadline_ns == 3 * (NS_PER_S // 60)
    assert Synchroniser(1).deadline_ns == 200 * NS_PER_MS
    assert Synchroniser(60, deadline_ns=5).deadline_ns == 5


def test_the_grid_does_not_wander() -> None:
    """Harm: 60 fps is made of intervals of 16,666,666 ns, and after hours picture and sound are apart."""
    synchroniser = Synchroniser(60)
    synchroniser.add(0, 60)
    made: list[FrameSet] = []
    run = Run(synchroniser, made.append)
    run.offer((EPOCH_NS, 0, Frame(EPOCH_NS, 1, None)))
    run.advance(EPOCH_NS + 61 * NS_PER_S)
    assert made[3600].at_ns == EPOCH_NS + 60 * NS_PER_S


streams_of_any_kind = st.builds(
    Stream,
    fps=st.sampled_from([1, 5, 23.976, 24, 25, 30, 50, 59.94, 60, 90]),
    start_s=st.sampled_from([0.0, 0.05, 0.7]),
    end_s=st.sampled_from([0.8, 1.5]),
    jitter_ms=st.sampled_from([0.0, 3.0, 20.0, 300.0]),
    delay_ms=st.sampled_from([0.0, 2.0, 40.0, 500.0]),
    phase_ms=st.floats(-20, 20),
    loss=st.sampled_from([0.0, 0.1, 0.9]),
    absent_s=st.sampled_from([NEVER, (0.3, 1.0), (0.0, 0.9)]),
    clock_ppm=st.sampled_from([0.0, 500.0, -20_000.0]),
)


@settings(max_examples=40)
@given(
    streams=st.lists(streams_of_any_kind, min_size=2, max_size=9),
    output_fps=st.sampled_from([1, 24, 30, 60]),
    deadline_ns=st.sampled_from([None, 0, 10 * NS_PER_MS, NS_PER_S]),
    seed=st.integers(0, 1000),
)
def test_it_neither_stops_nor_grows_whatever_its_sources_do(
    streams: list[Stream], output_fps: int, deadline_ns: int | None, seed: int
) -> None:
    """Harm: one bad source ends the recording of the others.

    `Run` asserts at each set that instants strictly increase and that none is later than the deadline.
    """
    synchroniser = Synchroniser(output_fps, deadline_ns=deadline_ns)
    for source, stream in enumerate(streams):
        synchroniser.add(source, stream.fps)
    shown: dict[int, Frame] = {}
    arrived: dict[int, dict[int, Frame]] = {source: {} for source in range(len(streams))}

    def look(made: FrameSet) -> None:
        assert made.picks
        for source, pick in made.picks.items():
            tolerance_ns = NS_PER_S / min(streams[source].fps, output_fps) + 1
            assert pick.frame is arrived[source][pick.frame.sequence], "a frame of another source, or of none"
            if source in shown:
                assert pick.frame.captured_ns >= shown[source].captured_ns
            assert pick.fresh is (shown.get(source) is not pick.frame)
            assert pick.held is (abs(pick.frame.captured_ns - made.at_ns) > tolerance_ns)
            assert pick.frame.captured_ns <= made.at_ns + tolerance_ns, "shown long before it was captured"
            shown[source] = pick.frame

    run = Run(synchroniser, look)
    events = in_order(streams, seed)
    for event in events:
        arrived[event[1]][event[2].sequence] = event[2]
        run.offer(event)
        assert all(lane.waiting <= BUFFER_FRAMES_MAX for lane in synchroniser._lanes.values())
    end_ns = run.now_ns + synchroniser.deadline_ns + 2 * NS_PER_S
    run.advance(end_ns)
    if events:
        begin_ns = max(events[0][2].captured_ns, events[0][0] - synchroniser.deadline_ns)
        expected = (end_ns - synchroniser.deadline_ns - begin_ns) * output_fps // NS_PER_S + 1
        assert run.sets >= expected, "instants without a set"
    assert synchroniser.skipped == 0
    for source, counts in synchroniser.counts().items():
        assert counts.received == len(arrived[source]) == counts.shown + counts.dropped
        assert counts.matched + counts.held + counts.absent == run.sets
        assert counts.peak <= BUFFER_FRAMES_MAX
        if arrived[source]:
            assert shown[source].captured_ns == max(frame.captured_ns for frame in arrived[source].values())
