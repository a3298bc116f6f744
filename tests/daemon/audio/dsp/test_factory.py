"""Harm guarded against: a node without its signal work, and a worker that loads what no node of it needs."""

import gc
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from reeld.audio.dsp.factory import kernel_for, observer_for
from reeld_proto.sound_graph import (
    AnyNode,
    Band,
    ChannelMapNode,
    CompressorNode,
    DenoiserNode,
    EqualiserNode,
    GateNode,
    LimiterNode,
    LoudnessNode,
    MeterNode,
    MixerNode,
    NormaliserNode,
    ResamplerNode,
    SilenceDetectorNode,
    SilenceNode,
    VoiceDetectorNode,
    VolumeNode,
)
from tests.daemon.audio.dsp.blocks import aligned, impulse, noise, observed, raw

KERNELS: list[AnyNode] = [
    MixerNode(name="m"),
    VolumeNode(name="v"),
    ChannelMapNode(name="c"),
    LimiterNode(name="l"),
    NormaliserNode(name="n"),
    EqualiserNode(name="e", bands=[Band(frequency_hz=1000, gain_db=3)]),
    CompressorNode(name="c"),
    GateNode(name="g"),
    DenoiserNode(name="d"),
    LoudnessNode(name="r"),
]
OBSERVERS: list[AnyNode] = [MeterNode(name="m"), SilenceDetectorNode(name="s"), VoiceDetectorNode(name="v")]


@pytest.mark.parametrize("node", KERNELS, ids=lambda node: type(node).__name__)
@pytest.mark.parametrize("channels", [1, 2, 6, 32])
def test_every_processor_works_on_any_number_of_channels(node: AnyNode, channels: int) -> None:
    kernel = kernel_for(node, 48_000, channels, 1)
    assert kernel.latency >= 0
    out = raw(kernel, [noise(4800, 0.1, channels)], [480, 33])
    assert out.shape == (4800, 2 if isinstance(node, ChannelMapNode) else channels)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("node", KERNELS, ids=lambda node: type(node).__name__)
@pytest.mark.parametrize("rate", [1_000, 44_100, 192_000])
def test_every_processor_works_at_any_rate(node: AnyNode, rate: int) -> None:
    kernel = kernel_for(node, rate, 2, 1)
    samples = impulse(rate, rate // 3, 0.5) + noise(rate, 1e-6)
    assert int(np.argmax(np.abs(aligned(kernel, [samples], [rate // 10])[:, 0]))) == rate // 3


@pytest.mark.parametrize("node", KERNELS, ids=lambda node: type(node).__name__)
def test_every_processor_takes_over_its_own_settings_and_no_others(node: AnyNode) -> None:
    kernel = kernel_for(node, 48_000, 2, 1)
    assert kernel.adjust(node)
    assert not kernel.adjust(SilenceNode(name="s"))
    assert not any(kernel.adjust(other) for other in KERNELS if type(other) is not type(node))


@pytest.mark.parametrize("node", OBSERVERS, ids=lambda node: type(node).__name__)
@pytest.mark.parametrize("rate", [1_000, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 32])
def test_every_observer_listens_at_any_rate(node: AnyNode, rate: int, channels: int) -> None:
    said = observed(observer_for(node, rate, channels), np.zeros((rate, channels), np.float32), [480])
    assert (len(said) == 0) == isinstance(node, VoiceDetectorNode)


def test_memory_does_not_grow_with_what_was_heard() -> None:
    works = [kernel_for(node, 48_000, 2, 1) for node in KERNELS]
    listeners = [observer_for(node, 48_000, 2) for node in OBSERVERS]
    blocks = [noise(4800, level) for level in (0.05, 0.8, 0.0)]

    def hear(times: int) -> int:
        for turn in range(times):
            block = blocks[turn // 5 % len(blocks)]
            for work in works:
                work.process([block])
            for listener in listeners:
                listener.observe(block)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        settled = hear(45)
        assert hear(60) - settled < 10_000
    finally:
        tracemalloc.stop()


def test_ffmpeg_is_loaded_only_where_a_node_needs_it() -> None:
    script = (
        "import sys; from reeld.audio.dsp.factory import kernel_for; from reeld_proto.sound_graph import *;"
        "kernel_for(LimiterNode(name='l'), 48000, 2, 1); assert 'av' not in sys.modules and 'scipy' not in sys.modules;"
        "kernel_for(GateNode(name='g'), 48000, 2, 1); assert 'av' in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_nodes_without_signal_work_have_no_kernel() -> None:
    for node in (SilenceNode(name="s"), ResamplerNode(name="r", rate=48_000), MeterNode(name="m")):
        with pytest.raises(TypeError):
            kernel_for(node, 48_000, 2, 1)
    with pytest.raises(TypeError):
        observer_for(SilenceNode(name="s"), 48_000, 2)
