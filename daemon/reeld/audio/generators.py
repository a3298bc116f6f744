"""Sources without a device: a tone, silence, a recording. Each gives as many frames as it is asked for."""

from collections.abc import Callable

import numpy as np

from reeld.audio.samples import CHANNELS, RATE, Samples, silence
from reeld_proto.sound_graph import ToneNode


def silence_reader() -> Callable[[int], Samples]:
    """Digital silence without end."""
    return silence


def tone_reader(node: ToneNode) -> Callable[[int], Samples]:
    """A sine without end, in all channels; its phase is 0 at the first frame and counted, so that it never drifts."""
    amplitude = 10.0 ** (node.level_db / 20.0)
    position = 0

    def read(frames: int) -> Samples:
        nonlocal position
        cycles = (position + np.arange(frames)) * (node.frequency_hz / RATE)
        position += frames
        # The whole turns go before the sine, or precision would fade over hours.
        wave = (amplitude * np.sin(2.0 * np.pi * np.mod(cycles, 1.0))).astype(np.float32)
        return np.repeat(wave[:, None], CHANNELS, axis=1)

    return read
