"""Devices whose clock is wrong and whose server lies about times, without waiting, and an ear that tells when each
frame of the output was captured.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from reeld.audio.feed import Feed
from reeld.audio.samples import RATE, Samples
from reeld.runtime.clock import SessionClock
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.audio.fakes import FakeSource

START = 7_000_000_000_000
BLOCK = 4800
PERIOD_S = 20.0
"""The sound is a triangle: up for half of it, down for half, between LOW and HIGH. Its value says the time."""
LOW, HIGH = 0.1, 0.9
MARGIN = 6000
"""So many frames beside silence are not judged."""

Lie = Callable[[float], float]
"""By how many seconds the stated times of a stream of this age in seconds are wrong."""


def no_lie(_age_s: float) -> float:
    return 0.0


def wander(age_s: float) -> float:
    """As measured: at first wrong in perfect agreement (here by up to 2 s), right when 1.7 s old, then 20 ms about."""
    if age_s < 1.65:
        return -2.0 if age_s < 0.7 else -0.2
    return 0.02 * math.sin(2 * math.pi * max(0.0, age_s - 2.4) / 9.0)


def runaway(age_s: float) -> float:
    """As measured at a remapped source of an idle output: 600 ppm too slow, and back by 107 ms at once."""
    if age_s < 1.2:
        return -0.48
    return 600e-6 * age_s - 0.107 * max(0, math.ceil((age_s - 47) / 178))


def swing(age_s: float) -> float:
    """As measured at a pipe: slow swings of 6 ms, after a first place that is 10 ms off."""
    if age_s < 1.0:
        return -0.3
    return 0.006 * math.sin(2 * math.pi * age_s / 25) - 0.008 * math.exp(-age_s / 4)


def steps(age_s: float) -> float:
    """As measured at a pipe: deliveries come up to 100 ms late, and a little later each time."""
    return 0.1 * (age_s / 1.3 % 1)


def triangle(at_s: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Samples:
    phase = np.abs((at_s / PERIOD_S) % 1 * 2 - 1)
    value = (LOW + (HIGH - LOW) * phase).astype(np.float32)
    return np.repeat(value[:, None], 2, axis=1)


@dataclass
class Crystal:
    """One device: `ppm` fast. It gives the blocks that are complete by a time; each may be late, in order."""

    ppm: float
    lie: Lie = no_lie
    jitter_ns: int = NS_PER_MS // 2
    late: float = 0.01
    delay: Lie = no_lie
    seed: int = 1
    source: FakeSource = field(default_factory=FakeSource)
    _frame: int = 0
    _opened_s: float = 0.0
    _arrived_ns: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def open(self, now_ns: int) -> FakeSource:
        self.source = FakeSource()
        self._frame, self._opened_s, self._arrived_ns = 0, (now_ns - START) / NS_PER_S, now_ns
        self._late_ns = 0
        return self.source

    @property
    def delivered_frames(self) -> int:
        """So many frames of the open stream were delivered."""
        return self._frame

    def run(self, now_ns: int) -> None:
        """Deliver everything that has arrived by `now_ns`."""
        while True:
            begin_s = self._opened_s + self._frame / (RATE * (1 + self.ppm * 1e-6))
            end_s = self._opened_s + (self._frame + BLOCK) / (RATE * (1 + self.ppm * 1e-6))
            delay_s = self.delay(end_s - self._opened_s)
            complete_ns = START + round((end_s + delay_s) * NS_PER_S) + self._late_ns
            if complete_ns > now_ns:
                return
            arrived_ns = max(complete_ns + self._chance.randint(0, NS_PER_MS // 2), self._arrived_ns + 1000)
            self._arrived_ns = arrived_ns
            said_s = begin_s + self.lie(begin_s - self._opened_s)
            said_ns = START + round(said_s * NS_PER_S) + self._chance.randint(-self.jitter_ns, self.jitter_ns)
            times = begin_s + np.arange(BLOCK) / (RATE * (1 + self.ppm * 1e-6))
            self.source.deliver(triangle(times), self._frame, said_ns, arrived_ns)
            self._frame += BLOCK
            self._late_ns = self._chance.randint(0, 300 * NS_PER_MS) if self._chance.random() < self.late else 0


class Ear:
    """Hears the output of a feed, in order: when each frame was captured, against when it is played."""

    def __init__(self) -> None:
        self.frames = 0
        self.silent = 0
        self.judged = 0
        self.worst_s = 0.0
        self.worst_step = 0.0
        self.errors: list[tuple[float, float]] = []  # seconds into the session, median error of some seconds
        self._waiting: list[Samples] = []
        self._begin = 0  # number of the first frame that waits

    def hear(self, samples: Samples) -> None:
        """The frames that follow."""
        self.frames += len(samples)
        self.silent += int(np.count_nonzero(samples[:, 0] == 0))
        self._waiting.append(samples[:, :1])
        if self.frames - self._begin >= 10 * RATE:
            sound = np.concatenate(self._waiting)[:, 0]
            self._judge(sound)
            self._waiting = [sound[-2 * MARGIN :, None]]
            self._begin = self.frames - 2 * MARGIN

    def _judge(self, sound: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> None:
        value = sound.astype(np.float64)
        at_s = (self._begin + np.arange(len(value))) / RATE
        # Near the corners of the triangle a value is not one time; next to silence the filter rings.
        silences = np.cumsum(value == 0)
        near = np.ones(len(value), bool)
        near[MARGIN:-MARGIN] = silences[2 * MARGIN :] > silences[: -2 * MARGIN]
        phase = (at_s / PERIOD_S) % 1 * 2 - 1
        usable = ~near & (np.abs(np.abs(phase) - 0.5) < 0.49)
        error_s = ((value - LOW) / (HIGH - LOW) * np.sign(phase) - phase) * PERIOD_S / 2
        if not usable.any():
            return
        self.judged += int(np.count_nonzero(usable))
        self.worst_s = max(self.worst_s, float(np.abs(error_s[usable]).max()))
        self.errors.append((float(at_s[0]), float(np.median(error_s[usable]))))
        both = usable[1:] & usable[:-1]
        self.worst_step = max(self.worst_step, float(np.abs(np.diff(error_s)[both]).max()) * RATE)


def record(crystal: Crystal, duration_s: float, losses: list[tuple[float, float]], hear: Ear) -> Feed:
    """Run a feed over the device in turns of 150 ms, losing it during `losses` (seconds); hear all of its output."""
    feed = Feed("device", SessionClock(START), 0)
    now_ns = START
    feed.attach(crystal.open(now_ns))
    is_open = True
    while now_ns < START + round(duration_s * NS_PER_S):
        now_ns += 150 * NS_PER_MS
        lost = any(begin <= (now_ns - START) / NS_PER_S < end for begin, end in losses)
        if is_open:
            crystal.run(now_ns)
        if lost and is_open:
            feed.detach()
        elif not lost and not is_open:
            feed.attach(crystal.open(now_ns))
        is_open = not lost
        feed.advance(now_ns)
        hear.hear(feed.take(now_ns))
    end = round(duration_s * RATE)
    feed.advance(now_ns)
    while feed.media_frame < end:
        hear.hear(feed.take_until(end))
    return feed
