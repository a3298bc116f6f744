"""Devices without hardware: a source whose blocks and clock the test decides, and one that runs by the real clock."""

from collections.abc import Callable

import numpy as np

from reeld.audio.api import Block
from reeld.audio.samples import RATE, Samples
from reeld.runtime.clock import monotonic_ns
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_S


def counting(start: int, frames: int) -> Samples:
    """Frames whose value is their number, scaled so that float32 holds it exactly: lost or shifted ones show."""
    return np.repeat(((np.arange(start, start + frames) + 1) / 2**22).astype(np.float32)[:, None], 2, axis=1)


def numbers(samples: Samples) -> list[int]:
    """The frame numbers that `counting` put in; -1 where there is silence."""
    return [int(value) - 1 for value in np.round(samples[:, 0] * 2**22)]


def tone(hz: float, start: int, frames: int, level: float = 0.2) -> Samples:
    wave = level * np.sin(2 * np.pi * hz * np.arange(start, start + frames) / RATE)
    return np.repeat(wave.astype(np.float32)[:, None], 2, axis=1)


class FakeSource:
    """Delivers what the test gives it."""

    def __init__(self, rate: int = RATE) -> None:
        self.rate = rate
        self.ended = False
        self.failure = ""
        self.overruns = 0
        self.closed = False
        self.sounded_ns: int | None = None
        self._blocks: list[Block] = []

    def deliver(self, samples: Samples, frame: int, adc_ns: int, arrived_ns: int | None = None) -> None:
        """A block of frames from number `frame` on, captured at `adc_ns`, delivered when it was complete."""
        if arrived_ns is None:
            arrived_ns = adc_ns + len(samples) * NS_PER_S // self.rate
        self._blocks.append(Block(samples, frame, adc_ns, arrived_ns))

    def read(self) -> list[Block]:
        blocks, self._blocks = self._blocks, []
        for block in blocks:
            if block.samples.any():
                self.sounded_ns = block.arrived_ns
        return blocks

    def statistics(self) -> QueueStats:
        return QueueStats(name="ring fake", unit="frames", depth=len(self._blocks), limit=100)

    def close(self) -> None:
        self.closed = True


class LiveSource(FakeSource):
    """Plays `wave(start, frames)` by the real clock in blocks of 20 ms; frame 0 is at `opened_ns`."""

    def __init__(self, wave: Callable[[int, int], Samples]) -> None:
        super().__init__()
        self.opened_ns = monotonic_ns()
        self.muted_ns: int | None = None  # from then on it delivers nothing
        self._wave = wave
        self._next = 0

    def read(self) -> list[Block]:
        now_ns = monotonic_ns() if self.muted_ns is None else self.muted_ns
        step = RATE // 50
        while self.opened_ns + (self._next + step) * NS_PER_S // RATE <= now_ns:
            adc_ns = self.opened_ns + self._next * NS_PER_S // RATE
            self.deliver(self._wave(self._next, step), self._next, adc_ns)
            self._next += step
        return super().read()
