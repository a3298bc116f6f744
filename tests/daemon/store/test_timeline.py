from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store import timeline
from reeld.store.timeline import Pause, PauseMap, Settlement, Span, cover_faults, merged_gaps, public_gaps
from reeld_proto.records import GapReason

MS = 1_000_000
HOLE = GapReason.DROPPED
HIDDEN = GapReason.HIDDEN
# Longer than the rounding that is forgiven, so that each step is a stretch of its own.
STEP = 2 * timeline.ROUNDING_NS

steps = st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: (pair[0] * STEP, (pair[0] + pair[1]) * STEP))
messages = st.tuples(steps, st.sampled_from([None, HIDDEN, GapReason.DEVICE_LOST]))


class Track:
    """A timeline kept in a list, changed only by settlements."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.end_ns = 0

    def put(self, start_ns: int, stop_ns: int, reason: GapReason | None) -> Settlement:
        around = [span for span in sorted(self.spans) if span.start_ns <= stop_ns and span.end_ns >= start_ns]
        around = sorted({*around, *sorted(self.spans)[-1:]})
        if reason is None:
            done = timeline.settle_media(around, self.end_ns, start_ns, stop_ns, HOLE)
        else:
            done = timeline.settle_gap(around, self.end_ns, start_ns, stop_ns, reason, HOLE)
        self.spans = [span for span in self.spans if span not in done.removed] + list(done.added)
        self.spans += [done.media] if done.media else []
        self.end_ns = done.end_ns
        return done

    def at(self, instant: int) -> GapReason | str | None:
        return next((span.reason for span in self.spans if span.start_ns <= instant < span.end_ns), "nothing")


@given(st.lists(messages, max_size=25))
@settings(max_examples=300)
def test_every_nanosecond_is_explained_exactly_once_whatever_arrives(
    arrivals: list[tuple[tuple[int, int], GapReason | None]],
) -> None:
    track = Track()
    media: set[int] = set()
    told: dict[int, GapReason] = {}
    for (start, stop), reason in arrivals:
        track.put(start, stop, reason)
        assert cover_faults(track.spans, track.end_ns) == []
        for instant in range(start, stop, STEP):
            if reason is None:
                # A chunk gets one stretch: from the first free instant to the next chunk.
                pass
            elif track.at(instant) is not None:
                told[instant] = reason
        media |= {instant for instant in range(0, track.end_ns, STEP) if track.at(instant) is None}
    for instant in range(0, track.end_ns, STEP):
        if instant in media:
            assert track.at(instant) is None, "media was taken away again"
        else:
            assert track.at(instant) == told.get(instant, HOLE)


@given(st.lists(messages, max_size=20), messages)
def test_a_message_that_arrives_again_changes_nothing(
    arrivals: list[tuple[tuple[int, int], GapReason | None]], last: tuple[tuple[int, int], GapReason | None]
) -> None:
    track = Track()
    for (start, stop), reason in [*arrivals, last]:
        track.put(start, stop, reason)
    if last[1] is not None:
        before = sorted(track.spans), track.end_ns
        track.put(*last[0], last[1])
        assert (sorted(track.spans), track.end_ns) == before


@given(st.permutations([(index * STEP, (index + 1) * STEP) for index in range(8)]))
def test_chunks_out_of_order_after_a_restart_end_where_they_belong(order: Sequence[tuple[int, int]]) -> None:
    # Else what lay in a socket's buffer during a restart of the store would cost the chunks before it.
    track = Track()
    for start, stop in order:
        assert track.put(start, stop, None).media == Span(start, stop)
    assert sorted(track.spans) == [Span(index * STEP, (index + 1) * STEP) for index in range(8)]


def test_a_late_chunk_takes_its_time_back_from_a_gap_and_splits_it() -> None:
    track = Track()
    track.put(0, STEP, None)
    track.put(5 * STEP, 6 * STEP, None)
    assert track.at(3 * STEP) is HOLE
    track.put(2 * STEP, 3 * STEP, None)
    assert sorted(track.spans, key=lambda span: span.start_ns) == [
        Span(0, STEP),
        Span(STEP, 2 * STEP, HOLE),
        Span(2 * STEP, 3 * STEP),
        Span(3 * STEP, 5 * STEP, HOLE),
        Span(5 * STEP, 6 * STEP),
    ]


def test_overlapping_start_is_shortened_and_says_so() -> None:
    track = Track()
    track.put(0, 10 * STEP, None)
    done = track.put(8 * STEP, 12 * STEP, None)
    assert done.media == Span(10 * STEP, 12 * STEP)
    assert done.shortened
    assert track.put(2 * STEP, 5 * STEP, None).media is None


def test_rounding_of_ticks_makes_no_gaps() -> None:
    # 1024 samples at 48 kHz are 21,333,333.3 ns: without forgiveness every chunk would bring a gap of a nanosecond.
    track = Track()
    track.put(0, 21_333_333, None)
    done = track.put(21_333_334, 42_666_667, None)
    assert not done.shortened
    track.put(42_666_660, 64_000_000, None)
    assert [span.reason for span in track.spans] == [None] * 3
    assert cover_faults(track.spans, 64_000_000) == []


def test_an_hour_of_hidden_screen_is_one_gap() -> None:
    track = Track()
    for index in range(1800):
        track.put(index * STEP, (index + 1) * STEP, HIDDEN)
    assert track.spans == [Span(0, 1800 * STEP, HIDDEN)]
    assert merged_gaps([Span(5, 9, HIDDEN), Span(0, 5, HIDDEN)]) == [Span(0, 9, HIDDEN)]


def test_a_hole_before_a_told_gap_is_explained_too() -> None:
    track = Track()
    track.put(0, STEP, None)
    track.put(3 * STEP, 4 * STEP, HIDDEN)
    assert track.at(2 * STEP) is HOLE
    assert track.at(3 * STEP) is HIDDEN


def test_verify_would_see_each_kind_of_breach() -> None:
    spans = [Span(0, 5), Span(4, 8, HIDDEN), Span(9, 10)]
    assert [(fault.kind, fault.start_ns, fault.end_ns) for fault in cover_faults(spans, 12)] == [
        ("overlap", 4, 5),
        ("hole", 8, 9),
        ("hole", 10, 12),
    ]
    assert cover_faults([Span(0, 5)], 3)[0].kind == "overlap"
    assert cover_faults([], 0) == []


pauses = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=6).map(
    lambda pairs: [
        Pause(start, start + length)
        for start, length in zip(
            (sum(first + second for first, second in pairs[:index]) + pair[0] for index, pair in enumerate(pairs)),
            (pair[1] for pair in pairs),
            strict=True,
        )
    ]
)


@given(pauses, st.integers(0, 400))
def test_media_time_and_the_clock_agree_in_both_directions(spans: list[Pause], media_ns: int) -> None:
    mapping = PauseMap(spans)
    assert mapping.media_ns(mapping.clock_ns(media_ns)) == media_ns
    assert mapping.media_ns(mapping.clock_ns(media_ns, before_pause=True)) == media_ns
    total = sum(pause.end_clock_ns - pause.start_clock_ns for pause in spans)
    assert media_ns <= mapping.clock_ns(media_ns, before_pause=True) <= mapping.clock_ns(media_ns) <= media_ns + total


def test_time_inside_a_pause_stands_still() -> None:
    mapping = PauseMap([Pause(10, 20), Pause(30, 35)])
    assert [mapping.media_ns(clock) for clock in (5, 10, 15, 20, 30, 33, 35, 40)] == [5, 10, 10, 10, 20, 20, 20, 25]
    assert mapping.points == [(10, 10), (20, 5)]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6), st.sampled_from([HIDDEN, HOLE])), max_size=5), pauses)
def test_gaps_and_chunks_cover_the_clock_too(drawn: list[tuple[int, int, GapReason]], spans: list[Pause]) -> None:
    # What people see counts pauses; a gap across a pause must not cover it twice.
    gaps: list[Span] = []
    for start, length, reason in drawn:
        if all(start >= gap.end_ns or start + length <= gap.start_ns for gap in gaps):
            gaps.append(Span(start, start + length, reason))
    scaled = public_gaps(
        "mix",
        [Span(gap.start_ns * MS, gap.end_ns * MS, gap.reason) for gap in sorted(gaps)],
        PauseMap([Pause(each.start_clock_ns * MS, each.end_clock_ns * MS) for each in spans]),
    )
    for before, after in pairwise(scaled):
        assert before.end_s <= after.start_s
    paused = [each for each in scaled if each.reason is GapReason.PAUSED]
    length_ms = sum(pause.end_clock_ns - pause.start_clock_ns for pause in spans)
    assert round(sum(each.end_s - each.start_s for each in paused) * 1000) == length_ms
    rest = sum(each.end_s - each.start_s for each in scaled) - length_ms / 1000
    assert round(rest * 1000) == sum(gap.end_ns - gap.start_ns for gap in gaps)


def test_a_gap_across_a_pause_is_shown_in_two_parts() -> None:
    second = 1000 * MS
    shown = public_gaps("mix", [Span(1 * second, 3 * second, HIDDEN)], PauseMap([Pause(2 * second, 7 * second)]))
    assert [(each.reason.value, each.start_s, each.end_s, each.media_start_s, each.media_end_s) for each in shown] == [
        ("hidden", 1.0, 2.0, 1.0, 2.0),
        ("paused", 2.0, 7.0, 2.0, 2.0),
        ("hidden", 7.0, 8.0, 2.0, 3.0),
    ]


def test_gaps_hidden_by_different_rules_stay_apart_and_keep_their_rule_when_media_cuts_them() -> None:
    """Harm: `show` names the wrong rule for a stretch, or none."""
    bank = Span(0, 10 * STEP, HIDDEN, "bank")
    night = timeline.settle_gap([bank], 10 * STEP, 10 * STEP, 20 * STEP, HIDDEN, HOLE, detail="night")
    assert night.added == (Span(10 * STEP, 20 * STEP, HIDDEN, "night"),)
    assert not night.removed
    again = timeline.settle_gap([bank], 10 * STEP, 10 * STEP, 20 * STEP, HIDDEN, HOLE, detail="bank")
    assert again.added == (Span(0, 20 * STEP, HIDDEN, "bank"),)
    cut = timeline.settle_media([bank], 10 * STEP, 4 * STEP, 6 * STEP, HOLE)
    assert cut.added == (Span(0, 4 * STEP, HIDDEN, "bank"), Span(6 * STEP, 10 * STEP, HIDDEN, "bank"))
    shown = public_gaps("t", [bank], PauseMap([Pause(5 * STEP, 7 * STEP)]))
    assert [gap.detail for gap in shown] == ["bank", "", "bank"]
