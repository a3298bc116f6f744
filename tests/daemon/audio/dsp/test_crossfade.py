"""Harm guarded against: a click or a hole when settings change that a kernel cannot change itself."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.crossfade import Crossfade
from reeld.audio.dsp.kernel import Kernel
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, LimiterNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, noise, pieces

RATE = 48_000
FADE = 1440


class Late:
    """Times a factor, 100 frames late."""

    latency = 100

    def __init__(self, gain: float) -> None:
        self._gain = np.float32(gain)
        self._delayed: Samples = np.zeros((self.latency, 2), np.float32)

    def process(self, inputs: Sequence[Samples]) -> Samples:
        joined = np.concatenate([self._delayed, inputs[0]])
        self._delayed = joined[len(inputs[0]) :]
        out: Samples = joined[: len(inputs[0])] * self._gain
        return out

    def adjust(self, node: AnyNode) -> bool:
        return isinstance(node, VolumeNode) and node.pan == 0.5


class Later(Late):
    latency = 101


def make(node: AnyNode) -> Kernel | None:
    match node:
        case VolumeNode(muted=True):
            return Later(1.0)
        case VolumeNode():
            return Late(node.gain_db)
        case _:
            return None


def fading() -> Crossfade:
    return Crossfade(make, Late(1.0), RATE)


def gain(value: float) -> VolumeNode:
    return VolumeNode(name="v", gain_db=value)


def test_without_a_change_it_is_the_kernel() -> None:
    samples = noise(3000)
    kernel = fading()
    assert kernel.latency == 100
    assert np.array_equal(aligned(kernel, [samples]), samples)


def test_the_new_kernel_is_not_heard_before_its_latency_has_passed() -> None:
    kernel = fading()
    ones = np.ones((6000, 2), np.float32)
    kernel.process([ones])
    assert kernel.adjust(gain(-1.0))
    out = kernel.process([ones])[:, 0]
    assert (out[:100] == 1).all()
    assert np.abs(np.diff(out)).max() < 2 * np.pi / 2 / FADE * 1.01
    assert (out[100 + FADE :] == -1).all()
    assert out[100 + FADE - 40] > -1


def test_changes_during_a_fade_wait_and_the_last_one_counts() -> None:
    kernel = fading()
    ones = np.ones((6000, 2), np.float32)
    kernel.process([ones])
    for value in (0.5, 7.0, 0.25):
        assert kernel.adjust(gain(value))
    out = np.concatenate([kernel.process([ones[piece]]) for piece in pieces(6000, [480])])[:, 0]
    assert out.max() == 1
    assert out.min() == out[-1] == 0.25
    assert np.abs(np.diff(out)).max() < 0.5 * np.pi / 2 / FADE * 1.01


def test_what_the_kernel_takes_over_itself_needs_no_fade() -> None:
    kernel = fading()
    assert kernel.adjust(VolumeNode(name="v", pan=0.5, gain_db=3.0))
    samples = noise(3000)
    assert np.array_equal(aligned(kernel, [samples]), samples)


def test_another_latency_or_kind_needs_another_kernel() -> None:
    assert not fading().adjust(VolumeNode(name="v", muted=True))
    assert not fading().adjust(LimiterNode(name="l"))


@given(cut_sizes, st.integers(0, 1000))
def test_any_split_gives_the_same_samples(sizes: list[int], at: int) -> None:
    samples = noise(4000)
    outs = []
    for cut in ([4000], sizes):
        kernel = fading()
        parts = [kernel.process([samples[piece]]) for piece in pieces(at, cut)]
        kernel.adjust(gain(0.3))
        parts += [kernel.process([samples[at:][piece]]) for piece in pieces(4000 - at, cut)]
        outs.append(np.concatenate(parts))
    assert np.abs(outs[0] - outs[1]).max() <= 1e-6
