"""Harm guarded against: silence told at the wrong frame, or not at all, or where somebody whispers."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.observations import Heard, Kind, Observation
from reeld.audio.dsp.silence import SilenceDetector
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import SilenceDetectorNode
from tests.daemon.audio.dsp.blocks import cut_sizes, observed

RATE = 1000
LOUD = 0.02


def detector(duration_ms: float = 500.0) -> SilenceDetector:
    return SilenceDetector(SilenceDetectorNode(name="s", duration_ms=duration_ms), RATE)


def spans(said: list[Observation]) -> list[tuple[int, int]]:
    """The spans, checking that each was told open first."""
    opened = None
    found = []
    for each in said:
        assert isinstance(each, Heard)
        assert each.kind is Kind.SILENCE
        if each.end_frame is None:
            assert opened is None
            assert each.is_open
            opened = each.start_frame
        else:
            assert each.start_frame == opened
            found.append((each.start_frame, each.end_frame))
            opened = None
    assert opened is None
    return found


def sound(frames: int, *loud: int) -> Samples:
    samples = np.full((frames, 2), 0.009, np.float32)  # -40.9 dB
    samples[list(loud), 1] = -LOUD
    return samples


def test_spans_are_exact_to_the_frame() -> None:
    samples = sound(3000, 0, 501, 1001, 2000, 2001, 2002)
    assert spans(observed(detector(), samples)) == [(1, 501), (1002, 2000), (2003, 3000)]


def test_a_frame_less_than_the_duration_is_no_silence() -> None:
    assert spans(observed(detector(), sound(1000, 500))) == [(0, 500)]
    assert spans(observed(detector(), sound(999, 499))) == []


def test_silence_that_is_still_open_is_told_once_it_is_long_enough() -> None:
    listening = detector()
    assert listening.observe(sound(499)) == []
    assert listening.observe(sound(1)) == [Heard(0, None, Kind.SILENCE)]
    assert listening.observe(sound(400)) == []
    assert listening.finish() == [Heard(0, 900, Kind.SILENCE)]


def test_one_loud_channel_is_enough() -> None:
    samples = sound(2000)
    samples[::100, 0] = LOUD
    assert spans(observed(detector(), samples)) == []


@given(st.sets(st.integers(0, 1999), max_size=12), cut_sizes, st.integers(10, 700))
def test_any_split_says_the_same_as_counting_by_hand(loud: set[int], sizes: list[int], duration: int) -> None:
    samples = sound(2000, *loud)
    said = [observed(detector(float(duration)), samples, cut) for cut in ([2000], sizes, [1, 1, 1, 97])]
    assert said[0] == said[1] == said[2]
    borders = [-1, *sorted(loud), 2000]
    by_hand = [(one + 1, other) for one, other in pairwise(borders) if other - one > duration]
    assert spans(said[0]) == by_hand
