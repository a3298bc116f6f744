"""Other channels. Pure."""

from collections.abc import Sequence

import numpy as np

from reeld.audio.dsp.levels import frames_of
from reeld.audio.dsp.ramp import Ramp
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, ChannelMapNode

RAMP_MS = 20.0
"""How long a change of factors takes."""
CENTRE = 2
"""Where 5.1 and 7.1 have their middle, in FFmpeg's order: left, right, centre, bass, back left and right, side pair."""
HALF_POWER = 0.5**0.5
TO_STEREO = {
    4: ([1, 0, HALF_POWER, 0], [0, 1, 0, HALF_POWER]),
    6: ([1, 0, HALF_POWER, 0, HALF_POWER, 0], [0, 1, HALF_POWER, 0, 0, HALF_POWER]),
    8: (
        [1, 0, HALF_POWER, 0, HALF_POWER, 0, HALF_POWER, 0],
        [0, 1, HALF_POWER, 0, 0, HALF_POWER, 0, HALF_POWER],
    ),
}
"""Downmixes of ITU-R BS.775, left and right, before they are scaled to stay within full scale; bass is left out."""

Matrix = list[list[float]]


class ChannelMap:
    """Each channel that comes out is a weighted sum of those that go in. Changed factors take `RAMP_MS`.

    However blocks are cut, what comes out differs by 1e-6 at most.
    """

    latency = 0

    def __init__(self, node: ChannelMapNode, rate: int, channels: int) -> None:
        self._rate = rate
        self._channels = channels
        self._matrix = matrix_of(node, channels)
        self._ramp = Ramp(flat(self._matrix))

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames; the block itself where nothing changes it."""
        (samples,) = inputs
        if not self._ramp.moving:
            return mapped(samples, self._matrix)
        curve = self._ramp.advance(len(samples)).reshape(len(samples), len(self._matrix), self._channels)
        out: Samples = np.einsum("foi,fi->fo", curve, samples)
        return out

    def adjust(self, node: AnyNode) -> bool:
        """Move to the factors of `node`; False where it has another number of channels."""
        if not isinstance(node, ChannelMapNode) or node.channels != len(self._matrix):
            return False
        self._matrix = matrix_of(node, self._channels)
        self._ramp.start(flat(self._matrix), frames_of(RAMP_MS, self._rate))
        return True


def flat(matrix: Matrix) -> list[float]:
    """The rows one after the other."""
    return [value for row in matrix for value in row]


def matrix_of(node: ChannelMapNode, channels: int) -> Matrix:
    """The factors of `node` for `channels` channels that go in."""
    return node.matrix or usual_matrix(channels, node.channels)


def usual_matrix(given: int, wanted: int) -> Matrix:
    """How `given` channels usually become `wanted`; never louder than full scale.

    Mono goes to every channel, of 5.1 and 7.1 to the centre; 4.0, 5.1 and 7.1 become stereo by ITU-R BS.775, and mono
    is the average of that. Otherwise the first channels stay, what is missing is silent, and mono is the average.
    """
    if given == wanted:
        return identity(given, wanted)
    if given == 1:
        centred = wanted in {6, 8}
        return [[1.0 if index == CENTRE or not centred else 0.0] for index in range(wanted)]
    if wanted <= 2 and given in TO_STEREO:
        left, right = ([value / sum(row) for value in row] for row in TO_STEREO[given])
        return [left, right] if wanted == 2 else [[(one + other) / 2 for one, other in zip(left, right, strict=True)]]
    if wanted == 1:
        return [[1.0 / given] * given]
    return identity(given, wanted)


def identity(given: int, wanted: int) -> Matrix:
    """Channel n to channel n."""
    return [[float(index == other) for other in range(given)] for index in range(wanted)]


def mapped(samples: Samples, matrix: Matrix) -> Samples:
    """`samples` with the channels of `matrix`; the block itself where it is the identity."""
    given = samples.shape[1]
    if matrix == identity(given, len(matrix)) and len(matrix) == given:
        return samples
    out = np.zeros((len(samples), len(matrix)), np.float32)
    for index, row in enumerate(matrix):
        target = out[:, index]
        for other, value in enumerate(row):
            if value:
                target += samples[:, other] * np.float32(value)
    return out
