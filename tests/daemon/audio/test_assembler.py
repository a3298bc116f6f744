"""Harm guarded against: lost or repeated frames packed edge to edge, so that everything after them is early or late."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.assembler import Assembler, Span
from tests.daemon.audio.fakes import counting, numbers


def test_a_missing_stretch_becomes_silence_of_its_exact_length() -> None:
    line = Assembler(0)
    line.lay(counting(0, 3), 0)
    line.lay(counting(5, 2), 5)
    samples, silent = line.read(0, 7)
    assert numbers(samples) == [0, 1, 2, -1, -1, 5, 6]
    assert silent == [Span(3, 5)]


def test_a_repeated_stretch_is_cut_and_counted() -> None:
    line = Assembler(0)
    line.lay(counting(0, 5), 0)
    line.lay(counting(3, 4), 3)
    assert numbers(line.read(0, 7)[0]) == [0, 1, 2, 3, 4, 5, 6]
    assert line.cut_frames == 2


def test_what_is_wholly_in_the_past_is_cut_whole() -> None:
    line = Assembler(0)
    line.fill_to(10)
    line.lay(counting(2, 4), 2)
    assert line.end == 10
    assert line.cut_frames == 4


def test_reading_ahead_of_what_is_laid_is_a_fault_not_silence() -> None:
    line = Assembler(4)
    line.fill_to(8)
    for start, end in ((0, 6), (4, 9), (7, 6)):
        with pytest.raises(ValueError, match="frames"):
            line.read(start, end)


def test_dropping_forgets_only_what_is_laid() -> None:
    line = Assembler(0)
    line.lay(counting(0, 4), 0)
    line.drop_before(2)
    assert line.head == 2
    line.drop_before(99)
    assert (line.head, line.end) == (4, 4)


def test_spans_are_clipped_to_what_overlaps() -> None:
    assert Span(2, 6).clipped(4, 9) == Span(4, 6)
    assert Span(2, 6).clipped(6, 9) is None


@given(
    blocks=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), max_size=20),
    reads=st.lists(st.integers(0, 80), max_size=20),
)
def test_whatever_arrives_every_frame_is_itself_or_counted_silence(
    blocks: list[tuple[int, int]], reads: list[int]
) -> None:
    line = Assembler(0)
    model: list[int] = []
    for start, length in blocks:
        line.lay(counting(start, length), start)
        if length and start + length > len(model):
            model += [-1] * (start - len(model))
            model += list(range(len(model), start + length))
    assert line.end == len(model)
    got: list[int] = []
    for length in [*reads, len(model)]:
        samples, silent = line.read(len(got), min(len(got) + length, len(model)))
        found = numbers(samples)
        for span in silent:
            assert found[span.start - len(got) : span.end - len(got)] == [-1] * (span.end - span.start)
        assert sum(span.end - span.start for span in silent) == found.count(-1)
        got += found
    assert got == model


def test_what_is_read_does_not_change_when_more_is_laid() -> None:
    line = Assembler(0)
    line.lay(counting(0, 4), 0)
    kept = line.read(0, 2)[0].copy()
    again = kept.copy()
    line.lay(counting(4, 4), 4)
    line.read(2, 8)
    assert np.array_equal(kept, again)
