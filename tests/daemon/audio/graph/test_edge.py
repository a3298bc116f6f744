"""Harm guarded against: a queue that loses or swaps frames between two nodes, or grows without end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.graph.edge import NOTES_MAX, PRESSED, RELIEVED, Edge, EdgeFull, Notes
from reeld.audio.graph.negotiation import Format
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
    edge = Edge("a-b", Format(1000, 1))
    edge.push(silence(edge.limit, 1))
    with pytest.raises(EdgeFull, match="a-b"):
        edge.push(silence(1, 1))
    assert len(edge) == edge.limit


def test_a_queue_presses_back_until_it_is_well_below_where_it_began_to() -> None:
    edge = Edge("a-b", Format(1000, 1))
    edge.push(silence(int(PRESSED * edge.limit) - 1, 1))
    assert not edge.is_pressed
    edge.push(silence(1, 1))
    pressed = [edge.is_pressed]
    edge.pop(len(edge) - int(RELIEVED * edge.limit) - 1)
    pressed.append(edge.is_pressed)  # else it would flutter
    edge.pop(1)
    pressed.append(edge.is_pressed)
    assert pressed == [True, True, False]


def test_what_is_missing_is_padded_with_silence_of_the_same_shape() -> None:
    edge = Edge("a-b", Format(1000, 3))
    edge.push(np.ones((2, 3), np.float32))
    padded = edge.pop_padded(5)
    assert padded.shape == (5, 3)
    assert padded.sum() == 6
    assert edge.pop(4).shape == (0, 3)


def test_statistics_tell_depth_limit_and_peak() -> None:
    edge = Edge("a-b")
    edge.push(silence(7))
    edge.pop(3)
    found = edge.statistics()
    assert (found.depth, found.peak, found.unit, found.overflow) == (4, 7, "frames", "block")


def test_observations_that_nobody_takes_are_dropped_oldest_first_and_counted() -> None:
    notes = Notes("m.levels-f")
    notes.push(range(NOTES_MAX + 3))
    assert not notes.is_pressed
    assert (notes.statistics().dropped, notes.statistics().peak) == (3, NOTES_MAX + 3)
    assert notes.take()[0] == 3
    assert not len(notes)
