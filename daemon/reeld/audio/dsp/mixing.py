"""Many sounds become one. Pure."""

from collections.abc import Sequence

import numpy as np

from reeld.audio.dsp.levels import factor, frames_of, peak
from reeld.audio.dsp.ramp import Ramp
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, MixerNode, MixMode

KNEE = 0.8
"""Up to this level a limited mix is exactly linear; above it the sum bends towards 1 instead of clipping hard."""
RAMP_MS = 20.0
"""How long a change of settings takes."""


class Mixer:
    """A weighted sum, frame by frame. Changes take `RAMP_MS`, from the first frame of the next block on.

    However blocks are cut, what comes out differs by 1e-6 at most, and only while `limit` changes.
    """

    latency = 0

    def __init__(self, node: MixerNode, rate: int, inputs: int) -> None:
        self._rate = rate
        self._inputs = inputs
        self._gains = input_gains(node, inputs)
        self._limit = node.limit
        self._ramp = Ramp([*self._gains, float(node.limit)])

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The sum of the next frames; the block itself where there is one and nothing changes it."""
        if self._ramp.moving:
            return self._under_way(inputs)
        mixed = weighted_sum(inputs, self._gains)
        return soft_limit(mixed) if self._limit else mixed

    def adjust(self, node: AnyNode) -> bool:
        """Move to the settings of `node`."""
        if not isinstance(node, MixerNode):
            return False
        self._gains = input_gains(node, self._inputs)
        self._limit = node.limit
        self._ramp.start([*self._gains, float(node.limit)], frames_of(RAMP_MS, self._rate))
        return True

    def _under_way(self, inputs: Sequence[Samples]) -> Samples:
        curve = self._ramp.advance(len(inputs[0]))
        mixed: Samples = inputs[0] * curve[:, :1]
        for index, samples in enumerate(inputs[1:], 1):
            mixed += samples * curve[:, index : index + 1]
        amount = curve[:, -1:]
        if not amount.any():
            return mixed
        bent = soft_limit(mixed)
        if bent is mixed or amount.min() == 1:
            return bent
        return mixed + amount * (bent - mixed)


def input_gains(node: MixerNode, inputs: int) -> list[float]:
    """The factor of each input. A missing weight is 1; balance leaves a third and further inputs as they are."""
    match node.mode:
        case MixMode.SUM:
            gains = [1.0] * inputs
        case MixMode.AVERAGE:
            gains = [1.0 / inputs] * inputs
        case MixMode.WEIGHTED:
            gains = [*node.weights, *[1.0] * inputs][:inputs]
        case MixMode.BALANCE:
            both = [min(1.0, (100.0 - node.balance) / 50.0), min(1.0, node.balance / 50.0)]
            gains = [*both, *[1.0] * inputs][:inputs]
    gain = factor(node.gain_db)
    return [gain * each for each in gains]


def weighted_sum(inputs: Sequence[Samples], gains: Sequence[float]) -> Samples:
    """The sum of `inputs`, each times its gain; an input itself where it is the only one that counts, at 1."""
    heard = [(samples, gain) for samples, gain in zip(inputs, gains, strict=True) if gain != 0.0]
    if not heard:
        return np.zeros_like(inputs[0])
    parts = [samples if gain == 1.0 else samples * np.float32(gain) for samples, gain in heard]
    if len(parts) == 1:
        return parts[0]
    mixed: Samples = parts[0] + parts[1]
    for part in parts[2:]:
        mixed += part
    return mixed


def soft_limit(samples: Samples) -> Samples:
    """`samples` bent into [-1, 1]: as they are up to KNEE, above it KNEE + (1 - KNEE) * tanh of the excess.

    The block itself where nothing is above KNEE.
    """
    if peak(samples) <= KNEE:
        return samples
    bent = samples.ravel().copy()
    # By number, and not by a mask: numpy is thrice as fast.
    over = np.flatnonzero(np.abs(bent) > KNEE)
    high = bent[over]
    bent[over] = np.copysign(KNEE + (1 - KNEE) * np.tanh((np.abs(high) - KNEE) / (1 - KNEE)), high)
    return bent.reshape(samples.shape)
