"""The buffer between a device's callback thread and the pump.

One thread writes, one reads, no lock: each counter is written by one side only and read whole by the other (the
interpreter makes the assignment atomic), and the writer sets its counter after the data is in place.
"""

from typing import Any

import numpy as np

from reeld.audio.api import Block
from reeld.audio.samples import CHANNELS, RATE
from reeld_proto.stats import QueueStats

RING_FRAMES_MAX = 4 * RATE
"""4 s, 1.5 MB: the pump reads ten times a second; above it the newest block is dropped and counted."""
RING_BLOCKS_MAX = 4096
"""More than 4 s of the smallest blocks seen (100 frames)."""


class BlockRing:
    """Blocks with their times, preallocated. name: of the device, for the statistics."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._samples = np.zeros((RING_FRAMES_MAX, CHANNELS), np.float32)
        self._table: list[tuple[int, int, int, int, int]] = [(0, 0, 0, 0, 0)] * RING_BLOCKS_MAX
        self._frames_in = 0  # stored frames so far; writer
        self._blocks_in = 0  # writer
        self._counter = 0  # device frames so far, stored or not; writer
        self._dropped = 0  # writer
        self._frames_out = 0  # reader
        self._blocks_out = 0  # reader
        self._peak = 0  # reader

    def write(self, samples: "np.ndarray[Any, Any]", frames: int, adc_ns: int, arrived_ns: int) -> None:
        """Copy a block of float32, shape (frames, 1 or CHANNELS). Writer's thread; never waits, keeps no memory."""
        frame = self._counter
        self._counter += frames
        stored, blocks = self._frames_in, self._blocks_in
        full = stored + frames - self._frames_out > RING_FRAMES_MAX or blocks - self._blocks_out >= RING_BLOCKS_MAX
        if full:
            self._dropped += frames
            return
        at = stored % RING_FRAMES_MAX
        first = min(frames, RING_FRAMES_MAX - at)
        self._samples[at : at + first] = samples[:first]
        if first < frames:
            self._samples[: frames - first] = samples[first:frames]
        self._table[blocks % RING_BLOCKS_MAX] = (frame, stored, frames, adc_ns, arrived_ns)
        self._frames_in = stored + frames
        self._blocks_in = blocks + 1

    def read(self) -> list[Block]:
        """Everything written so far, copied, oldest first. Reader's thread."""
        blocks = []
        until = self._blocks_in
        self._peak = max(self._peak, self._frames_in - self._frames_out)
        while self._blocks_out < until:
            frame, stored, frames, adc_ns, arrived_ns = self._table[self._blocks_out % RING_BLOCKS_MAX]
            at = stored % RING_FRAMES_MAX
            if at + frames <= RING_FRAMES_MAX:
                samples = self._samples[at : at + frames].copy()
            else:
                samples = np.concatenate([self._samples[at:], self._samples[: at + frames - RING_FRAMES_MAX]])
            blocks.append(Block(samples, frame, adc_ns, arrived_ns))
            self._frames_out = stored + frames
            self._blocks_out += 1
        return blocks

    def statistics(self) -> QueueStats:
        """Depth, limit and peak in frames; `dropped` counts frames. Any thread."""
        return QueueStats(
            name=f"ring {self._name}",
            unit="frames",
            depth=self._frames_in - self._frames_out,
            limit=RING_FRAMES_MAX,
            peak=self._peak,
            dropped=self._dropped,
            overflow="drop",
        )
