"""Gain, mute and pan. Pure."""

from collections.abc import Sequence

from reeld.audio.dsp.levels import factor, frames_of, scaled
from reeld.audio.dsp.ramp import Ramp
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, VolumeNode

PAIRS = {2: ((0, 1),), 4: ((0, 1), (2, 3)), 6: ((0, 1), (4, 5)), 8: ((0, 1), (4, 5), (6, 7))}
"""Which channels are left and right, by the number of all: stereo, quadraphonic, 5.1 and 7.1 in FFmpeg's order."""


class Volume:
    """A gain for each channel. Changes take `ramp_ms`, from the first frame of the next block on.

    Pan weakens the other side and never strengthens: in the middle both are in full. Without left and right, as in
    mono, it does nothing. Bit-identical however blocks are cut.
    """

    latency = 0

    def __init__(self, node: VolumeNode, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._ramp = Ramp(channel_gains(node, channels))
        self._gains = self._ramp.gains

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames; the block itself where all gains are 1."""
        (samples,) = inputs
        if not self._ramp.moving:
            return scaled(samples, self._gains)
        out: Samples = samples * self._ramp.advance(len(samples))
        return out

    def adjust(self, node: AnyNode) -> bool:
        """Move to the settings of `node`."""
        if not isinstance(node, VolumeNode):
            return False
        self._gains = channel_gains(node, self._channels)
        self._ramp.start(self._gains, frames_of(node.ramp_ms, self._rate))
        return True


def channel_gains(node: VolumeNode, channels: int) -> list[float]:
    """The factor of each channel."""
    gains = [0.0 if node.muted else factor(node.gain_db)] * channels
    for left, right in PAIRS.get(channels, ()):
        gains[left] *= min(1.0, 1.0 - node.pan)
        gains[right] *= min(1.0, 1.0 + node.pan)
    return gains
