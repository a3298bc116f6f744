"""Harm guarded against: a queue that loses or swaps frames between two nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.graph.edge import EDGE_FRAMES_MAX, Edge, EdgeFull
from reeld.audio.samples import silence
from tests.daemon.audio.fakes import counting, numbers


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=60))
def test_frames_leave_in_the_order_they_came_whatever_the_block_sizes(steps: list[tuple[bool, int]]) -> None:
    edge = Edge("a-b")
    pushed = 0
    popped: list[int] = []
    for is_push, frames in steps:
        if is_push:
            edge.push(counting(pushed, frames))
            pushed += frames
        else:
            popped += numbers(edge.pop(frames))
        assert len(edge) == pushed - len(popped)
    popped += numbers(edge.pop(pushed))
    assert popped == list(range(pushed))


def test_a_full_queue_says_so_and_keeps_what_it_has() -> None:
    edge = Edge("a-b")
    edge.push(silence(EDGE_FRAMES_MAX))
    with pytest.raises(EdgeFull, match="a-b"):
        edge.push(silence(1))
    assert len(edge) == EDGE_FRAMES_MAX


def test_depth_and_peak_are_told() -> None:
    edge = Edge("a-b")
    edge.push(silence(10))
    edge.pop(4)
    stats = edge.statistics()
    assert (stats.name, stats.unit, stats.depth, stats.peak, stats.limit) == ("a-b", "frames", 6, 10, EDGE_FRAMES_MAX)
