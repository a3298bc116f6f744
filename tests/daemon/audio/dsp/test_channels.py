"""Harm guarded against: a channel that is lost, doubled or louder than full scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.channels import ChannelMap, usual_matrix
from reeld_proto.sound_graph import ChannelMapNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw

RATE = 48_000


def node(channels: int, matrix: list[list[float]] | None = None) -> ChannelMapNode:
    return ChannelMapNode(name="c", channels=channels, matrix=matrix or [])


@given(st.integers(1, 32), st.integers(1, 32))
def test_the_usual_maps_never_clip_and_have_a_factor_for_every_channel(given_channels: int, wanted: int) -> None:
    matrix = usual_matrix(given_channels, wanted)
    assert len(matrix) == wanted
    for row in matrix:
        assert len(row) == given_channels
        assert 0 <= sum(row) <= 1 + 1e-9


def test_mono_becomes_both_sides_and_both_sides_mono() -> None:
    assert usual_matrix(1, 2) == [[1], [1]]
    assert usual_matrix(2, 1) == [[0.5, 0.5]]


def test_surround_keeps_left_left_and_the_voice_in_the_middle() -> None:
    left, right = usual_matrix(6, 2)
    assert left[0] > 0 == left[1]
    assert right[1] > 0 == right[0]
    assert left[2] == right[2] > 0
    assert left[0] / left[2] == pytest.approx(2**0.5)
    assert usual_matrix(1, 6) == [[0], [0], [1], [0], [0], [0]]
    assert usual_matrix(2, 6)[:3] == [[1, 0], [0, 1], [0, 0]]
    assert sum(usual_matrix(6, 1)[0]) == pytest.approx(1)


def test_a_map_that_changes_nothing_gives_the_same_block() -> None:
    samples = noise(480)
    assert ChannelMap(node(2), RATE, 2).process([samples]) is samples


def test_a_matrix_is_applied_as_it_is_written() -> None:
    samples = noise(480, channels=3)
    matrix = [[1.0, 0.0, -2.0], [0.5, 0.5, 0.0]]
    out = raw(ChannelMap(node(2, matrix), RATE, 3), [samples])
    assert np.allclose(out, samples @ np.array(matrix, np.float32).T, atol=1e-6)


def test_fewer_and_more_frames_keep_their_place() -> None:
    out = aligned(ChannelMap(node(6), RATE, 1), [impulse(1000, 321, channels=1)])
    assert [position.tolist() for position in np.nonzero(out)] == [[321], [2]]


def test_swapping_sides_while_recording_does_not_click() -> None:
    mapping = ChannelMap(node(2), RATE, 2)
    samples = np.repeat(np.array([[0.5, -0.5]], np.float32), 2000, axis=0)
    before = mapping.process([samples[:500]])
    assert mapping.adjust(node(2, [[0.0, 1.0], [1.0, 0.0]]))
    out = np.concatenate([before, mapping.process([samples[500:]])])
    assert out[-1].tolist() == [-0.5, 0.5]
    assert np.abs(np.diff(out, axis=0)).max() < np.pi / 2 / 960 * 1.01


def test_another_number_of_channels_needs_another_kernel() -> None:
    mapping = ChannelMap(node(2), RATE, 2)
    assert not mapping.adjust(node(1))
    assert not mapping.adjust(VolumeNode(name="v"))


@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples = noise(2000, channels=6)
    whole, cut = ChannelMap(node(2), RATE, 6), ChannelMap(node(2), RATE, 6)
    assert np.array_equal(raw(whole, [samples], [2000]), raw(cut, [samples], sizes))
    for mapping in (whole, cut):
        mapping.adjust(node(2, [[0.1] * 6, [0.2] * 6]))
    assert np.abs(raw(whole, [samples], [2000]) - raw(cut, [samples], sizes)).max() <= 1e-6
