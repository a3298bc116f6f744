"""What the engine asks of a node's signal work.

Everywhere here sound is float32, shape (frames, channels), finite. Blocks handed in are borrowed until the call
returns and never changed; a block given back may be the one handed in, so whoever gets it must not change it either.
All of it is called by the one thread that pulls the graph, and nothing of it raises on any finite sound.
"""

from collections.abc import Sequence
from typing import Protocol

from reeld.audio.dsp.observations import Observation
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode


class Kernel(Protocol):
    """The work of a processor. latency: frames by which its output lags its input; constant.

    As many frames come out as go in. The engine drops the first `latency` frames and feeds as many zeros at the end.
    Cutting the input into other blocks gives the same samples; where not to the bit, the kernel says how far off.
    """

    latency: int

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames. inputs: equally long, as many as the kernel was made for."""
        ...

    def adjust(self, node: AnyNode) -> bool:
        """Take over changed settings without a click. False: nothing was taken over, a new kernel must be made."""
        ...


class Observer(Protocol):
    """The work of a node that listens. What it says does not depend on how the sound is cut into blocks."""

    def observe(self, samples: Samples) -> list[Observation]:
        """What the next frames complete or begin, in order of what it is about."""
        ...

    def finish(self) -> list[Observation]:
        """What is still open ends with the last frame observed. Given once, at the end."""
        ...
