"""The queues on the connections of the graph. Pure.

DESIGN: each connection has its own queue, so that a node with several outputs feeds each completely and none can lose
another's frames. Frames are numbered from the graph's start; a queue knows how many went in and out, so every node's
input can be told from where it is.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from reeld.audio.graph.negotiation import SOURCE_FORMAT, Format
from reeld.audio.samples import Samples, join, silence
from reeld_proto.stats import QueueStats

EDGE_S_MAX = 30
"""Seconds of sound in a queue. Sources that run apart by more than this are a fault, told by an error."""
PRESSED = 0.9
RELIEVED = 0.7
"""A queue fuller than the first share presses back: nothing is given to it until it is emptier than the second."""
NOTES_MAX = 10_000
"""Observations in a queue: a quarter of an hour of levels."""


class EdgeFull(RuntimeError):
    """A queue of the graph is over its limit: a node takes less than it is given."""


class Edge:
    """Sound that one node gave and another has not yet taken.

    Arrays are kept, not copied: whoever pushes one must not change it afterwards. Used by one thread.
    """

    def __init__(self, name: str, form: Format = SOURCE_FORMAT) -> None:
        self.name = name
        self.form = form
        self.limit = EDGE_S_MAX * form.rate
        self._blocks: deque[Samples] = deque()
        self._frames = 0
        self._peak = 0
        self._pressed = False
        self.presses = 0

    def __len__(self) -> int:
        return self._frames

    @property
    def is_pressed(self) -> bool:
        """Whether nothing should be given to it now."""
        return self._pressed

    def push(self, samples: Samples) -> None:
        """Append frames. Raises EdgeFull above the limit; nothing is dropped silently."""
        if not len(samples):
            return
        if self._frames + len(samples) > self.limit:
            raise EdgeFull(f"{self.name} holds {self._frames} frames")
        self._blocks.append(samples)
        self._frames += len(samples)
        self._peak = max(self._peak, self._frames)
        if not self._pressed and self._frames >= PRESSED * self.limit:
            self._pressed = True
            self.presses += 1

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
        self._pressed = self._pressed and self._frames > RELIEVED * self.limit
        return join(parts) if parts else silence(0, self.form.channels)

    def pop_padded(self, frames: int) -> Samples:
        """The same, with silence behind what is there, up to `frames` frames."""
        found = self.pop(frames)
        if len(found) == frames:
            return found
        return np.concatenate([found, silence(frames - len(found), self.form.channels)])

    def statistics(self) -> QueueStats:
        """Depth, limit and peak in frames."""
        return QueueStats(
            name=self.name, unit="frames", depth=self._frames, limit=self.limit, peak=self._peak, overflow="block"
        )


class Notes:
    """Observations that one node gave and another has not yet taken; the oldest go first, and are counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._items: deque[object] = deque()
        self._peak = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def is_pressed(self) -> bool:
        """Never: what says something about sound does not hold the sound up."""
        return False

    def push(self, items: Sequence[object]) -> None:
        """Append observations."""
        self._items.extend(items)
        self._peak = max(self._peak, len(self._items))
        while len(self._items) > NOTES_MAX:
            self._items.popleft()
            self._dropped += 1

    def take(self) -> list[object]:
        """Everything that waits."""
        items = list(self._items)
        self._items.clear()
        return items

    def statistics(self) -> QueueStats:
        """Depth, limit and peak in observations."""
        return QueueStats(
            name=self.name,
            unit="observations",
            depth=len(self._items),
            limit=NOTES_MAX,
            peak=self._peak,
            dropped=self._dropped,
            overflow="drop",
        )
