"""Places that private windows left. Harm guarded against: old private pixels shown, or places masked for ever."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.api import Rect
from reeld.capture.leftovers import RECTANGLES_MAX, Leftovers
from reeld.capture.rects import subtracted

PLACE = Rect(0, 0, 10, 10)
RECTS = st.builds(Rect, st.integers(0, 50), st.integers(0, 50), st.integers(1, 20), st.integers(1, 20))


def test_a_place_is_masked_for_its_time_even_where_it_was_drawn() -> None:
    left = Leftovers(100)
    left.add([PLACE], 0)
    left.drawn([PLACE])
    left.expire(99)
    assert (left.rects, left.is_due) == ([PLACE], True)
    left.expire(100)
    assert (left.rects, left.is_due) == ([], False)


def test_a_place_that_nobody_has_painted_stays_masked_and_wakes_nobody() -> None:
    """Harm: the window below has no background and its program hangs; the private pixels are still there."""
    left = Leftovers(100)
    left.drawn([])
    left.add([PLACE], 0)
    left.drawn([Rect(0, 0, 10, 4)])
    left.expire(100)
    assert left.rects == [Rect(0, 4, 10, 6)]
    assert not left.is_due
    left.drawn([Rect(0, 0, 10, 10)])
    left.expire(101)
    assert left.rects == []


def test_without_knowledge_of_drawing_time_alone_decides() -> None:
    """Harm: on a server without DAMAGE the mask of a closed window stays for ever."""
    left = Leftovers(100)
    left.add([PLACE], 0)
    left.expire(100)
    assert left.rects == []


@given(st.lists(st.lists(RECTS, min_size=1, max_size=8), max_size=20))
def test_however_a_window_is_shaken_its_places_are_masked_in_few_pieces(moves: list[list[Rect]]) -> None:
    left = Leftovers(1000)
    for now_ns, rects in enumerate(moves):
        left.add(rects, now_ns)
        left.expire(now_ns)
        assert len(left.rects) <= RECTANGLES_MAX
    assert not subtracted([rect for rects in moves for rect in rects], left.rects)
    left.expire(10_000)
    assert left.rects == []
