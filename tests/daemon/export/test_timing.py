from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reeld.export.timing import Timed, decoded_early, filled, from_start, rising, with_durations

FRAME = 1024


def picture(pts: int, *, sync: bool = False, dts: int | None = None) -> Timed:
    return Timed(pts if dts is None else dts, pts, sync, b"%d" % pts)


def sound(pts: int) -> Timed:
    return Timed(pts, pts, sync=True, data=b"sound")


def test_the_picture_on_view_at_the_start_begins_there() -> None:
    # Else a range out of a still screen would begin with nothing at all.
    samples = [picture(-90, sync=True), picture(-50, sync=True), picture(-30), picture(-10), picture(20)]
    assert [(each.pts, each.data) for each in from_start(samples)] == [
        (-50, b"-50"),
        (-30, b"-30"),
        (0, b"-10"),
        (20, b"20"),
    ]


def test_a_picture_exactly_at_the_start_stays() -> None:
    assert [each.pts for each in from_start([picture(-10, sync=True), picture(0), picture(10)])] == [-10, 0, 10]


def test_pictures_that_only_precede_the_range_are_held_into_it() -> None:
    assert [each.pts for each in from_start([picture(-500, sync=True), picture(-400)])] == [-500, 0]


def test_a_track_that_begins_later_begins_later() -> None:
    assert [each.pts for each in from_start([picture(30, sync=True), picture(60)])] == [30, 60]
    assert list(from_start([])) == []


def test_reordered_pictures_keep_their_decoding_order() -> None:
    samples = [picture(-30, sync=True, dts=-40), picture(-10, dts=-30), picture(20, dts=10)]
    assert [(each.dts, each.pts) for each in from_start(samples)] == [(-40, -30), (-30, 0), (10, 20)]


@given(st.lists(st.integers(-100, 100), max_size=30))
def test_decoding_times_always_rise(times: list[int]) -> None:
    found = [each.dts for each in rising(picture(time) for time in times)]
    assert len(found) == len(times)
    assert all(before < after for before, after in pairwise(found))
    assert all(each.pts >= each.dts for each in rising(picture(time) for time in times))


@given(
    st.lists(st.integers(1, 5000), min_size=0, max_size=20),
    st.integers(-4000, 4000),
    st.integers(1, 60_000),
)
def test_sound_has_no_hole_and_nothing_moves(gaps: list[int], first: int, end: int) -> None:
    # Players that count samples would run ahead of the picture by the length of every hole.
    times = [first + sum(gaps[:index]) for index in range(len(gaps) + 1)]
    samples = list(filled([sound(time) for time in times], end, FRAME, b"silence"))
    laid = list(with_durations(samples, end))
    assert laid[0].pts <= FRAME // 2
    assert laid[-1].pts + laid[-1].duration == end
    assert all(before.pts + before.duration == after.pts for before, after in pairwise(laid))
    assert all(each.duration <= FRAME * 3 // 2 for each in laid)
    assert {each.pts for each in laid if each.data == b"sound"} <= set(times)
    kept, cursor = [], None
    for time in times:
        if -2 * FRAME < time < end and (cursor is None or time >= cursor - FRAME // 2):
            kept.append(time)
            cursor = time + FRAME
    assert [each.pts for each in samples if each.data == b"sound"] == kept


def test_a_track_without_sound_is_silence_of_full_length() -> None:
    laid = list(with_durations(filled([], 10 * FRAME + 100, FRAME, b"silence"), 10 * FRAME + 100))
    assert len(laid) == 11
    assert laid[-1].duration == 100


def test_the_last_picture_lasts_to_the_end_and_none_begins_after_it() -> None:
    laid = list(with_durations([picture(0), picture(30), picture(100), picture(130)], 100))
    assert [(each.pts, each.duration) for each in laid] == [(0, 30), (30, 70)]
    assert list(with_durations([], 100)) == []


def test_pictures_out_of_order_are_decoded_before_they_are_shown() -> None:
    # FFmpeg's muxer refuses a picture that is decoded later.
    samples = [Timed(0, 0, True, b""), Timed(10, 30, False, b""), Timed(20, 10, False, b""), Timed(30, 20, False, b"")]
    early = list(decoded_early(samples, 10))
    assert [each.dts for each in early] == [-10, 0, 10, 20]
    assert [each.pts for each in early] == [0, 30, 10, 20]
    assert list(decoded_early(samples, 0)) == samples
