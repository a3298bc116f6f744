"""Harm guarded against: a node without its signal work, and a worker that loads what no node of it needs."""

import numpy as np
import pytest

from reeld.audio.dsp.factory import kernel_for, observer_for
from reeld_proto.sound_graph import (
    AnyNode,
    ChannelMapNode,
    LimiterNode,
    MeterNode,
    MixerNode,
    ResamplerNode,
    SilenceNode,
    VolumeNode,
)
from tests.daemon.audio.dsp.blocks import noise, observed, raw

KERNELS: list[AnyNode] = [
    MixerNode(name="m"),
    VolumeNode(name="v"),
    ChannelMapNode(name="c"),
    LimiterNode(name="l"),
]


@pytest.mark.parametrize("node", KERNELS, ids=lambda node: type(node).__name__)
@pytest.mark.parametrize("channels", [1, 2, 6, 32])
def test_every_processor_works_on_any_number_of_channels(node: AnyNode, channels: int) -> None:
    kernel = kernel_for(node, 48_000, channels, 1)
    assert kernel.latency >= 0
    out = raw(kernel, [noise(4800, 0.1, channels)], [480, 33])
    assert out.shape == (4800, 2 if isinstance(node, ChannelMapNode) else channels)
    assert np.isfinite(out).all()


def test_every_observer_speaks() -> None:
    assert observed(observer_for(MeterNode(name="m"), 48_000, 2), noise(4800))


def test_nodes_without_signal_work_have_no_kernel() -> None:
    for node in (SilenceNode(name="s"), ResamplerNode(name="r", rate=48_000), MeterNode(name="m")):
        with pytest.raises(TypeError):
            kernel_for(node, 48_000, 2, 1)
    with pytest.raises(TypeError):
        observer_for(SilenceNode(name="s"), 48_000, 2)
