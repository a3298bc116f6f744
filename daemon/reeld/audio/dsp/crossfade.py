"""From one kernel to another without a click. Pure."""

from collections.abc import Callable, Sequence

from reeld.audio.dsp.kernel import Kernel
from reeld.audio.dsp.levels import frames_of
from reeld.audio.dsp.ramp import Ramp
from reeld.audio.samples import Samples
from reeld_proto.sound_graph import AnyNode

FADE_MS = 30.0


class Crossfade:
    """A kernel that is replaced, when its settings change, by one made anew: both run while one fades into the other.

    kernel: the first. make: gives the one of changed settings, None for a node of another kind. The fade begins
    once the new kernel's latency has passed. Settings that change meanwhile wait for the fade to end; of several the
    last counts.
    """

    def __init__(self, make: Callable[[AnyNode], Kernel | None], kernel: Kernel, rate: int) -> None:
        self.latency = kernel.latency
        self._make = make
        self._kernel = kernel
        self._rate = rate
        self._next: Kernel | None = None
        self._after: Kernel | None = None
        self._silent = 0
        self._ramp = Ramp([0.0])

    def process(self, inputs: Sequence[Samples]) -> Samples:
        """The next frames, `latency` late."""
        out = self._kernel.process(inputs)
        if self._next is None:
            return out
        coming = self._next.process(inputs)
        skipped = min(self._silent, len(out))
        self._silent -= skipped
        if skipped == len(out):
            return out
        mixed = out.copy()
        curve = self._ramp.advance(len(out) - skipped)
        mixed[skipped:] += curve * (coming[skipped:] - out[skipped:])
        if not self._ramp.moving:
            self._kernel = self._next
            self._begin(self._after)
        return mixed

    def adjust(self, node: AnyNode) -> bool:
        """Begin to fade to the settings of `node`; False where they need another latency."""
        if self._next is None and self._kernel.adjust(node):
            return True
        kernel = self._make(node)
        if kernel is None or kernel.latency != self.latency:
            return False
        if self._next is None:
            self._begin(kernel)
        else:
            self._after = kernel
        return True

    def _begin(self, kernel: Kernel | None) -> None:
        self._next, self._after = kernel, None
        self._silent = self.latency
        self._ramp = Ramp([0.0])
        self._ramp.start([1.0], frames_of(FADE_MS, self._rate))
