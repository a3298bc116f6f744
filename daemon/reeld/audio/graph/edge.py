"""The queue on one connection of the graph. Pure."""

from collections import deque

from reeld.audio.samples import Samples, join
from reeld_proto.stats import QueueStats

EDGE_FRAMES_MAX = 48_000 * 30
"""30 s: a source gives at most 10 s a pull and sources run apart by at most 3 s. Above it the graph has a fault."""


class EdgeFull(RuntimeError):
    """A queue of the graph is over its limit: a node takes less than it is given."""


class Edge:
    """Frames that one node gave and another has not yet taken. Each connection has its own, so none can lose another's.

    Arrays are kept, not copied: whoever pushes one must not change it afterwards. Used by one thread.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._blocks: deque[Samples] = deque()
        self._frames = 0
        self._peak = 0

    def __len__(self) -> int:
        return self._frames

    def push(self, samples: Samples) -> None:
        """Append frames. Raises EdgeFull above `EDGE_FRAMES_MAX`; nothing is dropped silently."""
        if not len(samples):
            return
        if self._frames + len(samples) > EDGE_FRAMES_MAX:
            raise EdgeFull(f"{self.name} holds {self._frames} frames")
        self._blocks.append(samples)
        self._frames += len(samples)
        self._peak = max(self._peak, self._frames)

    def pop(self, frames: int) -> Samples:
        """The oldest `frames` frames; at most `len(self)` of them."""
        frames = min(frames, self._frames)
        parts: list[Samples] = []
        wanted = frames
        while wanted:
            block = self._blocks.popleft()
            if len(block) > wanted:
                self._blocks.appendleft(block[wanted:])
                block = block[:wanted]
            parts.append(block)
            wanted -= len(block)
        self._frames -= frames
        return join(parts)

    def statistics(self) -> QueueStats:
        """Depth, limit and peak in frames."""
        return QueueStats(
            name=self.name, unit="frames", depth=self._frames, limit=EDGE_FRAMES_MAX, peak=self._peak, overflow="block"
        )
