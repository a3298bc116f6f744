"""Less of a steady noise, by FFmpeg's spectral subtraction."""

from collections.abc import Sequence

from reeld.audio.dsp.filterchain import FilterChain
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode, DenoiserNode

STEPS_A_SECOND = 80
"""FFmpeg's `afftdn` advances by this part of a second, and gives a frame two steps after it came."""


class Denoiser:
    """Follows the noise as it changes. Latency: three steps less a frame, 1799 frames at 48 kHz (37.5 ms).

    Bit-identical however blocks are cut.
    """

    def __init__(self, node: DenoiserNode, rate: int, channels: int) -> None:
        step = rate // STEPS_A_SECOND
        settings = f"nr={node.reduction_db!r}:nf={node.floor_db!r}:tn=1"
        self._chain = FilterChain([("afftdn", settings)], rate, channels, lag=2 * step, step=step)
        self.latency = self._chain.latency

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        return self._chain.process(inputs)

    def adjust(self, node: AnyNode) -> bool:
        """Another reduction or floor counts from the next step on; steps overlap, so none clicks."""
        if not isinstance(node, DenoiserNode):
            return False
        self._chain.order("nr", repr(node.reduction_db))
        self._chain.order("nf", repr(node.floor_db))
        return True
