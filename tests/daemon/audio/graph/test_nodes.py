"""Harm guarded against: a mixer that shifts one input against another, a resampler that eats the tail."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.graph.edge import Edge
from reeld.audio.graph.nodes import KNEE, Mixer, Resampler, Sink, Source, soft_limit
from reeld.audio.samples import RATE, Samples, join, silence
from tests.daemon.audio.fakes import counting, numbers, tone


def edges(*contents: Samples) -> list[Edge]:
    made = []
    for index, samples in enumerate(contents):
        edge = Edge(f"{index}")
        edge.push(samples)
        made.append(edge)
    return made


def test_the_mixer_adds_frame_n_to_frame_n() -> None:
    inputs = edges(counting(0, 5), counting(0, 3))
    out = Mixer("mix").process(inputs, last=False)
    assert np.array_equal(out, counting(0, 3) * 2)
    assert [len(edge) for edge in inputs] == [2, 0]


def test_the_mixer_waits_for_its_slowest_input() -> None:
    inputs = edges(counting(0, 5), silence(0))
    assert not len(Mixer("mix").process(inputs, last=False))
    assert len(inputs[0]) == 5


def test_at_the_end_no_tail_of_the_longer_input_is_lost() -> None:
    inputs = edges(counting(0, 5), counting(0, 2))
    out = Mixer("mix").process(inputs, last=True)
    assert numbers(out[2:]) == [2, 3, 4]


def test_the_mixer_changes_none_of_its_inputs() -> None:
    shared = counting(0, 4)
    before = shared.copy()
    Mixer("mix").process(edges(shared, shared), last=False)
    assert np.array_equal(shared, before)


@given(st.floats(-16, 16, width=32))
def test_the_limiter_is_exact_below_the_knee_and_never_leaves_the_range(level: float) -> None:
    out = float(soft_limit(np.full((1, 2), level, np.float32))[0, 0])
    assert abs(out) <= 1
    if abs(level) <= KNEE:
        assert out == level
    else:
        assert np.sign(out) == np.sign(level)
        assert abs(out) >= KNEE - 1e-6


def test_the_limiter_bends_without_a_step_or_a_kink() -> None:
    ramp = np.repeat(np.linspace(-2, 2, 4001, dtype=np.float32)[:, None], 2, axis=1)
    slope = np.diff(soft_limit(ramp.copy())[:, 0]) / np.diff(ramp[:, 0])
    assert slope.min() > -1e-3
    assert slope.max() < 1 + 1e-3
    assert np.abs(np.diff(slope)).max() < 0.01


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
def test_resampling_block_by_block_equals_resampling_at_once(rate: int) -> None:
    index = np.arange(rate)
    whole = np.repeat((0.5 * np.sin(2 * np.pi * 1000 * index / rate)).astype(np.float32)[:, None], 2, axis=1)
    node = Resampler("r", rate)
    parts = [node.resample(whole[start : start + rate // 7]) for start in range(0, rate, rate // 7)]
    parts.append(node.resample(silence(0), last=True))
    got = join(parts)
    assert len(got) == RATE
    assert np.abs(got - soxr.resample(whole, rate, RATE, quality="HQ")).max() < 1e-4


def test_a_resampled_click_stays_where_it_was() -> None:
    clicks = np.zeros((44_100, 2), np.float32)
    clicks[22_050] = 0.9
    node = Resampler("r", 44_100)
    (edge,) = edges(clicks)
    out = node.process([edge], last=True)
    assert int(np.argmax(np.abs(out[:, 0]))) == 24_000
    assert not len(node.process([edge], last=True))


def test_sources_give_and_sinks_take_everything() -> None:
    blocks = [tone(440, 0, 10), silence(0)]
    taken: list[Samples] = []
    source, sink = Source("s", lambda: blocks.pop(0)), Sink("k", taken.append)
    (edge,) = edges(source.process([], last=False))
    sink.process([edge], last=False)
    sink.process([edge], last=True)
    assert len(taken) == 1
    assert np.array_equal(taken[0], tone(440, 0, 10))
