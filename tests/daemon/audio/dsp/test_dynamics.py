"""Harm guarded against: a compressor that is not the one asked for, a gate that lets through or cuts words."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from reeld.audio.dsp.dynamics import compressor, gate
from reeld.audio.dsp.factory import kernel_for
from reeld.audio.dsp.levels import factor
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import CompressorNode, GateNode
from tests.daemon.audio.dsp.blocks import aligned, cut_sizes, impulse, noise, raw, sine, through_ffmpeg

RATE = 48_000
COMPRESSOR = CompressorNode(name="c", knee_db=0.0)
GATE = GateNode(name="g")


def bursts(frames: int) -> Samples:
    """Noise whose level jumps by up to 40 dB every 50 ms."""
    steps = np.repeat([0.5, 0.05, 0.2, 0.005, 0.9], RATE // 20)
    level = np.resize(steps, frames).astype(np.float32)[:, None]
    return noise(frames, 0.3) * level


def compressed_by_hand(samples: Samples, node: CompressorNode, key: Samples) -> Samples:
    """Frame by frame, with a hard knee: squared level of the key's loudest channel, smoothed, then the static curve."""
    up, down = (min(1.0, 4000 / (ms * RATE)) for ms in (node.attack_ms, node.release_ms))
    threshold = factor(node.threshold_db)
    out = np.empty_like(samples)
    level = 0.0
    for index in range(len(samples)):
        heard = float(np.abs(key[index]).max()) ** 2
        level += (heard - level) * (up if heard > level else down)
        loud = math.sqrt(level) / threshold
        gain = loud ** (1 / node.ratio - 1) if loud > 1 else 1.0
        out[index] = samples[index] * gain * factor(node.makeup_db)
    return out


@pytest.mark.parametrize("inputs", [1, 2])
def test_an_impulse_comes_out_where_it_went_in(inputs: int) -> None:
    kernel = compressor(COMPRESSOR, RATE, 2, inputs)
    assert kernel.latency == 0
    out = aligned(kernel, [impulse(1000, 321)] * inputs)
    assert np.flatnonzero(out[:, 0]).tolist() == [321]


@pytest.mark.parametrize("ratio", [2.0, 4.0, 20.0])
def test_a_steady_tone_lies_on_the_static_curve(ratio: float) -> None:
    node = CompressorNode(name="c", ratio=ratio, knee_db=0.0, attack_ms=100.0)
    out = raw(compressor(node, RATE, 2, 1), [sine(997, RATE, 10 ** (-8 / 20) * math.sqrt(2))])
    level_db = 20 * math.log10(math.sqrt(float(np.mean(out[-9600:] ** 2))))
    # The release is as slow as the attack here, so the level is the root mean square, -8 dB, 12 above the threshold.
    assert level_db == pytest.approx(-20 + 12 / ratio, abs=0.2)


@pytest.mark.parametrize("inputs", [1, 2])
def test_it_is_what_the_definition_says(inputs: int) -> None:
    samples, key = bursts(14_400), noise(14_400, 0.2, seed=7)
    key[:4800] = 0
    listened = key if inputs == 2 else samples
    out = raw(compressor(COMPRESSOR, RATE, 2, inputs), [samples, key][:inputs])
    assert np.abs(out - compressed_by_hand(samples, COMPRESSOR, listened)).max() <= 1e-5


def test_it_is_what_ffmpegs_command_line_gives() -> None:
    samples = bursts(48_000)
    node = CompressorNode(name="c", makeup_db=6.0)
    filters = f"acompressor=threshold={factor(-20)}:ratio=4:attack=10:release=100:knee={factor(6)}:makeup={factor(6)}"
    expected, _ = through_ffmpeg(samples, f"{filters}:link=maximum:detection=rms")
    assert np.abs(raw(compressor(node, RATE, 2, 1), [samples]) - expected).max() <= 1e-5


def test_a_silent_key_leaves_the_sound_as_it_is() -> None:
    samples = bursts(9600)
    assert np.array_equal(raw(compressor(COMPRESSOR, RATE, 2, 2), [samples, samples * 0]), samples)


@settings(max_examples=30)
@given(cut_sizes)
def test_any_split_gives_the_same_samples(sizes: list[int]) -> None:
    samples, key = bursts(4000), noise(4000)
    for node in (COMPRESSOR, GATE):
        for inputs in (1, 2) if node is COMPRESSOR else (1,):
            kernels = [
                compressor(COMPRESSOR, RATE, 2, inputs) if node is COMPRESSOR else gate(GATE, RATE, 2) for _ in range(2)
            ]
            given_in = [samples, key][:inputs]
            assert np.array_equal(raw(kernels[0], given_in, [4000]), raw(kernels[1], given_in, sizes))


def test_a_gate_takes_off_its_range_and_lets_a_voice_through() -> None:
    quiet = raw(gate(GATE, RATE, 2), [sine(300, RATE, factor(-60.0))])[RATE // 2 :]
    assert np.abs(quiet).max() <= factor(-60 - 60) * 1.01
    loud = sine(300, RATE, factor(-30.0))
    out = raw(gate(GATE, RATE, 2), [loud])
    assert np.allclose(out[960:], loud[960:], atol=factor(-30) * 0.01)


def test_a_gate_stays_open_within_a_word_and_closes_after_it() -> None:
    samples = sine(300, RATE, factor(-66.0))
    samples[:9600] = sine(300, 9600, factor(-20.0))
    samples[4800:6240] = 0  # 30 ms between two sounds
    out = raw(gate(GATE, RATE, 2), [samples])
    assert np.abs(out[6300:9600]).max() == pytest.approx(factor(-20), rel=0.01)
    assert np.abs(out[-9600:]).max() < factor(-66 - 50)


@pytest.mark.parametrize("after", [CompressorNode(name="c", threshold_db=-40.0, ratio=20.0), COMPRESSOR])
def test_changed_settings_do_not_click(after: CompressorNode) -> None:
    kernel = kernel_for(COMPRESSOR, RATE, 2, 1)
    samples = sine(200, 24_000, 0.5)
    before = kernel.process([samples[:12_000]])
    assert kernel.adjust(after)
    out = np.concatenate([before, kernel.process([samples[12_000:]])])[11_000:, 0]
    assert np.abs(np.diff(out)).max() < 0.5 * 2 * np.pi * 200 / RATE * 1.2
