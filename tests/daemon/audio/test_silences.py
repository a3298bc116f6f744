"""Harm guarded against: silence that nobody counted, or counted twice, so that a dead microphone looks alive."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.assembler import Span
from reeld.audio.silences import Silences, common_frames


def test_touching_and_overlapping_spans_count_once() -> None:
    silences = Silences()
    for start, end in ((0, 4), (4, 6), (5, 8), (10, 12)):
        silences.add(start, end)
    assert silences.within(0, 100) == [Span(0, 8), Span(10, 12)]
    assert silences.within(7, 11) == [Span(7, 8), Span(10, 11)]


def test_forgetting_keeps_what_reaches_beyond() -> None:
    silences = Silences()
    silences.add(0, 4)
    silences.add(6, 9)
    silences.drop_before(7)
    assert silences.within(0, 100) == [Span(6, 9)]


def test_the_mix_is_silent_only_where_all_its_sources_are() -> None:
    mic = [Span(0, 10), Span(20, 30)]
    system = [Span(5, 25)]
    assert common_frames([mic, system]) == 10
    assert common_frames([mic]) == 20
    assert common_frames([mic, []]) == 0
    assert common_frames([]) == 0


cuts = st.lists(st.integers(0, 60), max_size=12).map(lambda values: sorted(set(values)))


@given(st.lists(cuts, min_size=1, max_size=4), st.integers(0, 60), st.integers(0, 60))
def test_common_frames_agree_with_counting_them_one_by_one(tracks: list[list[int]], one: int, other: int) -> None:
    start, end = min(one, other), max(one, other)
    spans_of, sets = [], []
    for borders in tracks:
        silences = Silences()
        pairs = list(zip(borders[::2], borders[1::2], strict=False))
        for low, high in pairs:
            silences.add(low, high)
        spans_of.append(silences.within(start, end))
        sets.append({frame for low, high in pairs for frame in range(low, high)} & set(range(start, end)))
    assert common_frames(spans_of) == len(set.intersection(*sets))
