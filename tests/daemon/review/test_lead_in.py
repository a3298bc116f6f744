"""Harm guarded against: a clip that shows what lies before it, begins black, or plays its pictures at wrong times."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.media.fragments import Init, Sample, pack_chunk, parse_chunk
from reeld.review.lead_in import Window, is_whole, shown_pictures, shown_sounds

SCALE = 90_000
MS = SCALE // 1000
FRAME = 3000
INIT = Init(SCALE, 0, 0, 0)


def run(count: int, start: int = 0, *, b_frames: bool = False) -> list[Sample]:
    """Pictures of 1/30 s that say their number in order of display; with B-frames I P B B P B B, like encoders do."""
    order = list(range(count))
    if b_frames:
        order = [0] + [at for group in range(1, count, 3) for at in (group + 2, group, group + 1) if at < count]
    delay = FRAME if b_frames else 0
    return [
        Sample(start + place * FRAME - delay, start + at * FRAME, FRAME, place == 0, memoryview(at.to_bytes(2, "big")))
        for place, at in enumerate(order)
    ]


def window(start: int, end: int, shift: int = 0) -> Window:
    return Window(shift, start, end, MS)


def on_view(samples: list[Sample], at: int) -> int:
    """Number of the picture that a player shows then."""
    seen = max((each for each in samples if each.pts <= at), key=lambda each: each.pts)
    return int.from_bytes(seen.data, "big")


def times(samples: list[Sample]) -> list[tuple[int, int]]:
    return [(each.dts, each.pts) for each in samples]


def test_what_comes_before_lies_directly_before_the_picture_on_view() -> None:
    found = shown_pictures([], run(4, 9000), window(90_000 + 9000 + 4500, 10**6, 90_000))
    assert times(found) == [(103_499, 103_499), (103_500, 103_500), (105_000, 105_000), (108_000, 108_000)]
    assert on_view(found, 103_500) == 1


def test_at_the_beginning_of_a_clip_the_rest_is_pushed_by_no_more_than_it_must() -> None:
    found = shown_pictures([], run(4), window(0, 10**6, -4500))
    assert times(found) == [(0, 0), (1, 1), (1500, 1500), (4500, 4500)]


def test_a_picture_that_stays_is_shown_for_as_long_as_it_was() -> None:
    found = shown_pictures([], run(1), window(1000, 2500))
    assert [(each.pts, each.duration) for each in found] == [(1000, 1500)]


def test_the_last_picture_ends_with_the_clip_and_later_ones_are_left_out() -> None:
    found = shown_pictures([], run(5), window(0, 7000))
    assert [(each.pts, each.duration) for each in found] == [(0, 3000), (3000, 3000), (6000, 1000)]


def test_of_pictures_in_another_order_what_others_need_is_kept() -> None:
    found = shown_pictures([], run(7, b_frames=True), window(0, 2 * FRAME))
    assert [int.from_bytes(each.data, "big") for each in found] == [0, 3, 1]


def test_what_is_whole_is_known_from_what_is_not() -> None:
    own = run(3, 9000)
    assert is_whole(own, window(9000 + MS, 18_000))
    assert not is_whole(own, window(9000 + 2 * MS, 18_000))
    assert not is_whole(own, window(9000, 18_000 - 2 * MS))
    assert not is_whole(run(3, b_frames=True), window(0, 9000)), "it would be decoded before 0"


def test_a_window_in_which_nothing_lies_still_gives_a_chunk() -> None:
    assert pack_chunk(shown_pictures([], run(2, 9000), window(0, 1000)))
    assert pack_chunk(shown_sounds(run(2, 9000), window(0, 1000)))


@given(
    lead=st.integers(0, 40),
    own=st.integers(1, 40),
    start=st.integers(0, 40 * FRAME),
    length=st.integers(2 * MS, 40 * FRAME),
    place=st.integers(0, 10**7) | st.just(0),
    b_frames=st.booleans(),
)
def test_whatever_is_cut_the_right_picture_is_on_view_at_every_moment(
    lead: int, own: int, start: int, length: int, place: int, b_frames: bool
) -> None:
    before, chunk = run(lead, b_frames=b_frames), run(own, lead * FRAME, b_frames=b_frames)
    chunk = [
        Sample(each.dts, each.pts, each.duration, not lead and each.sync, memoryview((each.pts // FRAME).to_bytes(2)))
        for each in chunk
    ]
    start = min(lead * FRAME + start, (lead + own) * FRAME - 1)
    end = min(start + length, (lead + own) * FRAME)
    shift = place - start
    found = parse_chunk(pack_chunk(shown_pictures(before, chunk, window(place, place + end - start, shift))), INIT)
    assert found[0].dts >= 0
    assert all(one.dts < two.dts for one, two in pairwise(found))
    assert all(each.pts >= each.dts for each in found)
    assert len({each.pts for each in found}) == len(found)
    for at in range(place + MS, place + end - start, FRAME // 4):
        wanted = {(at - shift + skew) // FRAME for skew in (-MS, MS)}
        assert on_view(found, at) in wanted
    hidden = [each for each in found if int.from_bytes(each.data, "big") < start // FRAME]
    shown_at = sorted(each.pts for each in found)
    for each in hidden:
        following = shown_at[shown_at.index(each.pts) + 1]
        assert following - each.pts <= MS
        assert each.pts <= place + MS


@given(st.integers(1, 30), st.integers(0, 30 * 1024), st.integers(1, 30 * 1024), st.integers(-5000, 5000))
def test_of_sound_each_packet_is_in_one_of_two_parts_that_meet(count: int, cut: int, rest: int, shift: int) -> None:
    packets = [Sample(at * 1024, at * 1024, 1024, True, memoryview(bytes([at]))) for at in range(count)]
    cut = min(cut, count * 1024)
    parts = [
        [bytes(each.data)[0] for each in shown_sounds(packets, Window(0, start, end, 48))]
        for start, end in ((0, cut), (cut, count * 1024))
    ]
    if all(end - start >= 1024 for start, end in ((0, cut), (cut, count * 1024))):
        assert [*parts[0], *parts[1]] == list(range(count))
    found = shown_sounds(packets, Window(shift, cut + shift, cut + rest + shift, 48))
    assert found[0].dts >= 0
    assert all(one.dts < two.dts for one, two in pairwise(found))
    assert all(each.pts >= each.dts for each in found)


@pytest.mark.parametrize(("start", "first"), [(512, 0), (513, 1), (1024, 1)])
def test_a_packet_that_is_mostly_before_the_start_is_not_heard(start: int, first: int) -> None:
    packets = [Sample(at * 1024, at * 1024, 1024, True, memoryview(bytes([at]))) for at in range(3)]
    assert bytes(shown_sounds(packets, Window(0, start, 3072, 48))[0].data)[0] == first
