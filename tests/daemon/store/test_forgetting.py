"""Plans of what must go. Harm guarded against: a chunk that holds something of the range and stays; pictures that stay
and can no longer be decoded; media that goes without need."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reeld.store.forgetting import Held, Redo, joined, overlap, plan_pictures, plan_sounds, without
from reeld.store.timeline import Span
from reeld_proto.records import GapReason


def held(start: int, end: int, *cuts: tuple[int, int], key: bool = False, **more: object) -> Held:
    fields = {"shown": Span(start, end), "content": Span(start, end), "keyframe": key, **more}
    return Held(cuts=tuple(Span(*cut) for cut in cuts), **fields)  # type: ignore[arg-type]


def kept(redo: Redo) -> list[tuple[int, int, bool]]:
    return [(keep.span.start_ns, keep.span.end_ns, keep.again) for keep in redo.keeps]


def test_before_the_range_samples_are_left_out_and_after_it_pictures_are_encoded_again() -> None:
    cut = (15, 25)
    entries = [held(0, 10, cut, key=True), held(10, 20, cut), held(20, 30, cut), held(30, 40, cut)]
    entries += [held(40, 50, cut, key=True), held(50, 60, cut)]
    redos = plan_pictures(entries)
    assert [(redo.index, redo.dirty, kept(redo)) for redo in redos] == [
        (1, True, [(10, 15, False)]),
        (2, True, [(25, 30, True)]),
        (3, False, [(30, 40, True)]),
    ]


def test_a_chunk_that_only_hides_something_of_the_range_goes_too() -> None:
    cut = (0, 5)
    redos = plan_pictures([held(6, 10, cut, key=True, content=Span(0, 10)), held(10, 20, cut)])
    assert [(redo.index, kept(redo)) for redo in redos] == [(0, [(6, 10, True)]), (1, [(10, 20, True)])]
    trailing = plan_pictures([held(0, 10, (12, 15), key=True, content=Span(0, 20))])
    assert [kept(redo) for redo in trailing] == [[(0, 10, False)]]


def test_a_preroll_that_holds_something_of_the_range_goes_and_what_needs_it_is_encoded_again() -> None:
    cut = (-5, -2)
    dirty = plan_pictures([held(0, 10, cut, preroll=(Span(-10, -5), Span(-5, 0))), held(10, 20, cut)])
    assert [(redo.index, redo.dirty, redo.clean_preroll) for redo in dirty] == [(0, False, False), (1, False, True)]
    clean = plan_pictures([held(0, 10, cut, preroll=(Span(-2, 0),)), held(10, 20, cut)])
    assert clean == []


def test_a_clean_preroll_ends_what_a_cut_before_it_broke() -> None:
    cut = (0, 5)
    entries = [held(0, 10, cut, key=True), held(10, 20, preroll=(Span(100, 110),)), held(20, 30)]
    assert [redo.index for redo in plan_pictures(entries)] == [0]


def test_sound_needs_nothing_before_it() -> None:
    cut = (15, 25)
    redos = plan_sounds([held(0, 10, cut), held(10, 20, cut), held(20, 30, cut), held(30, 40, cut)])
    assert [(redo.index, kept(redo)) for redo in redos] == [(1, [(10, 15, False)]), (2, [(25, 30, False)])]


def test_times_without_holes_keep_their_reasons() -> None:
    gap = Span(0, 10, GapReason.HIDDEN)
    assert without([gap], [Span(3, 5)]) == [Span(0, 3, GapReason.HIDDEN), Span(5, 10, GapReason.HIDDEN)]
    assert joined([Span(5, 7), Span(0, 3), Span(3, 4), Span(6, 9), Span(2, 2)]) == [Span(0, 4), Span(5, 9)]


spans = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda each: Span(each[0], each[0] + each[1]))


@given(st.lists(spans, max_size=5), st.lists(spans, max_size=5))
def test_arithmetic_of_times_is_that_of_sets(some: list[Span], holes: list[Span]) -> None:
    def points(each: list[Span]) -> set[int]:
        return {at for span in each for at in range(span.start_ns, span.end_ns)}

    assert points(without(some, holes)) == points(some) - points(holes)
    assert points(joined(some)) == points(some)
    merged = joined(some)
    assert all(before.end_ns < after.start_ns for before, after in pairwise(merged))


@given(st.data())
def test_what_stays_can_be_decoded_and_holds_nothing_of_the_range(data: st.DataObject) -> None:
    cuts = tuple(data.draw(st.lists(spans, min_size=1, max_size=2)))
    entries = []
    at = 0
    for index in range(data.draw(st.integers(1, 8))):
        end = at + data.draw(st.integers(1, 10))
        content = Span(at - data.draw(st.integers(0, 3)), end + data.draw(st.integers(0, 3)))
        preroll = data.draw(st.none() | st.lists(spans, max_size=2).map(tuple)) if index else None
        key = index == 0 or data.draw(st.booleans())
        entries.append(Held(Span(at, end), content, key, cuts, None if key else preroll))
        at = end
    redos = {redo.index: redo for redo in plan_pictures(entries)}
    decodable = False
    for index, entry in enumerate(entries):
        dirty_preroll = any(overlap(each, cut) for each in entry.preroll or () for cut in cuts)
        if index not in redos:
            assert not any(overlap(entry.content, cut) for cut in cuts)
            decodable = (
                entry.keyframe
                or (entry.preroll is not None and not dirty_preroll)
                or (entry.preroll is None and decodable)
            )
            assert decodable
            continue
        redo = redos[index]
        # Time of the entry outside the range is kept, no more and no less.
        assert [keep.span for keep in redo.keeps] == without([entry.shown], cuts)
        for keep in redo.keeps:
            reach = Span(entry.content.start_ns, keep.span.end_ns)
            if not keep.again:
                assert not any(overlap(reach, cut) for cut in cuts)
        decodable = False
