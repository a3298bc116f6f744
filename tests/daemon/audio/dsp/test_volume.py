"""Harm guarded against: a click when somebody is muted, a pan to the wrong side, sound that changes on its way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.volume import Volume, channel_gains
from reeld_proto.sound_graph import MixerNode, VolumeNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, pieces, sine

RATE = 48_000


def node(**settings: float) -> VolumeNode:
    return VolumeNode(name="v", **settings)  # type: ignore[arg-type]


def test_an_impulse_comes_out_where_it_went_in() -> None:
    out = aligned(Volume(node(gain_db=-6.0206), RATE, 2), [impulse(1000, 300)])
    assert np.flatnonzero(out[:, 0]).tolist() == [300]
    assert out[300] == pytest.approx([0.25, 0.25], abs=1e-6)


def test_at_unity_the_sound_is_the_same_block() -> None:
    samples = noise(480)
    assert Volume(node(), RATE, 2).process([samples]) is samples


@pytest.mark.parametrize(
    ("pan", "left", "right"), [(-1.0, 1.0, 0.0), (-0.5, 1.0, 0.5), (0.0, 1.0, 1.0), (0.25, 0.75, 1.0), (1.0, 0.0, 1.0)]
)
def test_panning_weakens_the_other_side_alone(pan: float, left: float, right: float) -> None:
    assert channel_gains(node(pan=pan), 2) == pytest.approx([left, right])


def test_panning_surround_spares_the_centre_and_mono() -> None:
    assert channel_gains(node(pan=1.0), 6) == [0, 1, 1, 1, 0, 1]
    assert channel_gains(node(pan=1.0), 1) == [1]


@pytest.mark.parametrize("change", [{"muted": True}, {"gain_db": 12.0}, {"pan": 1.0}])
def test_a_change_does_not_click(change: dict[str, float]) -> None:
    volume = Volume(node(), RATE, 2)
    samples = sine(100, 4800)
    before = volume.process([samples[:2400]])
    assert volume.adjust(node(**change))
    out = np.concatenate([before, volume.process([samples[2400:]])])
    gain = max(1.0, *channel_gains(node(**change), 2))
    steepest = 0.5 * gain * 2 * np.pi * 100 / RATE  # of the sine itself, at the highest gain
    ramp = 0.5 * gain * np.pi / 2 / 960
    assert np.abs(np.diff(out, axis=0)).max() < steepest + ramp


def test_a_change_has_arrived_after_its_ramp() -> None:
    volume = Volume(node(), RATE, 2)
    volume.adjust(node(muted=True, ramp_ms=10.0))
    out = volume.process([np.ones((600, 2), np.float32)])
    assert out[479, 0] > 0
    assert not out[480:].any()


@given(cut_sizes, st.integers(0, 3000))
def test_any_split_gives_the_same_samples(sizes: list[int], changed_at: int) -> None:
    samples = noise(3000)
    outs = []
    for cut in ((3000,), sizes):
        volume = Volume(node(gain_db=-3.0), RATE, 2)
        parts = [volume.process([samples[piece]]) for piece in pieces(changed_at, cut)]
        volume.adjust(node(gain_db=-20.0, pan=0.5))
        rest = samples[changed_at:]
        parts += [volume.process([rest[piece]]) for piece in pieces(len(rest), cut)]
        outs.append(np.concatenate(parts))
    assert np.array_equal(outs[0], outs[1])


def test_it_takes_over_no_other_nodes_settings() -> None:
    assert not Volume(node(), RATE, 2).adjust(MixerNode(name="m"))
