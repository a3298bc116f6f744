"""Harm guarded against: an input that is shifted, lost or at the wrong weight, and a mix that clips or clicks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.mixing import KNEE, Mixer, input_gains, soft_limit
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import MixerNode, MixMode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, pieces, sine

RATE = 48_000


def exact(mode: MixMode = MixMode.SUM, **settings: object) -> MixerNode:
    return MixerNode(name="m", mode=mode, limit=False, **settings)  # type: ignore[arg-type]


def test_impulses_of_all_inputs_come_out_where_they_went_in() -> None:
    out = aligned(Mixer(exact(), RATE, 8), [impulse(1000, 100 * index, 0.5) for index in range(8)])
    assert np.flatnonzero(out[:, 0]).tolist() == [100 * index for index in range(8)]


def test_a_sum_is_the_sum() -> None:
    inputs = [noise(480, seed=seed) for seed in range(8)]
    assert np.allclose(Mixer(exact(), RATE, 8).process(inputs), np.sum(inputs, axis=0), atol=1e-6)


def test_an_average_is_never_louder_than_its_inputs() -> None:
    out = Mixer(exact(MixMode.AVERAGE), RATE, 3).process([np.ones((9, 2), np.float32)] * 3)
    assert out == pytest.approx(np.ones((9, 2)))


def test_each_input_has_its_own_weight_and_one_without_counts_in_full() -> None:
    assert input_gains(exact(MixMode.WEIGHTED, weights=[0.5, 2.0]), 3) == [0.5, 2.0, 1.0]


@pytest.mark.parametrize(
    ("balance", "first", "second"), [(0, 1, 0), (25, 1, 0.5), (50, 1, 1), (75, 0.5, 1), (100, 0, 1)]
)
def test_balance_goes_from_the_first_alone_over_both_in_full_to_the_second(
    balance: float, first: float, second: float
) -> None:
    assert input_gains(exact(MixMode.BALANCE, balance=balance), 2) == [first, second]
    assert input_gains(exact(MixMode.BALANCE, balance=balance), 3)[2] == 1


def test_the_gain_is_of_all() -> None:
    assert input_gains(exact(gain_db=20.0), 2) == pytest.approx([10, 10])


def test_a_single_input_at_unity_is_the_same_block() -> None:
    samples = noise(480, 0.1)
    assert Mixer(MixerNode(name="m"), RATE, 1).process([samples]) is samples


def test_no_input_is_changed_by_bending_it() -> None:
    loud = np.full((480, 2), 3.0, np.float32)
    loud.flags.writeable = False
    assert Mixer(MixerNode(name="m"), RATE, 1).process([loud]).max() <= 1


def test_inputs_that_count_nothing_are_silence() -> None:
    node = exact(MixMode.WEIGHTED, weights=[0.0, 0.0])
    assert not Mixer(node, RATE, 2).process([noise(480), noise(480)]).any()


@given(st.floats(-16, 16, width=32))
def test_the_limit_is_exact_below_the_knee_and_never_leaves_the_range(level: float) -> None:
    out = float(soft_limit(np.full((1, 2), level, np.float32))[0, 0])
    assert abs(out) <= 1
    if abs(level) <= KNEE:
        assert out == level
    else:
        assert np.sign(out) == np.sign(level)
        assert abs(out) >= KNEE - 1e-6


def test_the_limit_bends_without_a_step_or_a_kink() -> None:
    ramp = np.repeat(np.linspace(-2, 2, 4001, dtype=np.float32)[:, None], 2, axis=1)
    slope = np.diff(soft_limit(ramp)[:, 0]) / np.diff(ramp[:, 0])
    assert slope.min() > -1e-3
    assert slope.max() < 1 + 1e-3
    assert np.abs(np.diff(slope)).max() < 0.01


def changed(inputs: list[Samples], at: int, sizes: tuple[int, ...] | list[int], *nodes: MixerNode) -> Samples:
    mixer = Mixer(nodes[0], RATE, len(inputs))
    parts = [mixer.process([samples[piece] for samples in inputs]) for piece in pieces(at, sizes)]
    assert mixer.adjust(nodes[1])
    rest = [samples[at:] for samples in inputs]
    parts += [mixer.process([samples[piece] for samples in rest]) for piece in pieces(len(rest[0]), sizes)]
    return np.concatenate(parts)


@pytest.mark.parametrize(
    "after",
    [
        MixerNode(name="m", mode=MixMode.BALANCE, balance=0.0),
        MixerNode(name="m", mode=MixMode.AVERAGE),
        MixerNode(name="m", gain_db=-40.0),
        MixerNode(name="m", limit=False),
    ],
)
def test_a_change_does_not_click(after: MixerNode) -> None:
    inputs = [sine(100, 4800, 0.6), sine(100, 4800, 0.6)]
    out = changed(inputs, 2400, [480], MixerNode(name="m"), after)
    assert np.abs(np.diff(out, axis=0)).max() < 1.2 * 2 * np.pi * 100 / RATE + 1.2 * np.pi / 2 / 960


@given(cut_sizes, st.integers(0, 3000), st.booleans())
def test_any_split_gives_the_same_samples(sizes: list[int], at: int, limit: bool) -> None:
    inputs = [noise(3000, 0.5, seed=seed) for seed in (1, 2)]
    nodes = MixerNode(name="m"), MixerNode(name="m", mode=MixMode.BALANCE, balance=80.0, limit=limit)
    whole = changed(inputs, at, (3000,), *nodes)
    assert np.abs(whole - changed(inputs, at, sizes, *nodes)).max() <= 1e-6


def test_it_takes_over_no_other_nodes_settings() -> None:
    assert not Mixer(exact(), RATE, 2).adjust(VolumeNode(name="v"))
