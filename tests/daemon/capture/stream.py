"""Simulated sources and the time they run in, for the tests of the synchroniser: no clock, no waiting, seeded."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from reeld.capture.synchroniser import Frame, FrameSet, Synchroniser
from reeld_proto.units import NS_PER_MS, NS_PER_S

EPOCH_NS = 1_000 * NS_PER_S
NEVER = (0.0, 0.0)

Event = tuple[int, int, Frame]
"""When a frame arrives, of which source, and the frame; its picture is (source, sequence)."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A source of `fps` from `start_s` to `end_s`. Frame n is captured at its nominal instant plus up to `jitter_ms`,
    and arrives up to `delay_ms` after that. loss: share of the frames that never come; absent_s: when none does.
    """

    fps: float
    end_s: float
    start_s: float = 0.0
    jitter_ms: float = 0.0
    delay_ms: float = 2.0
    phase_ms: float = 0.0
    loss: float = 0.0
    absent_s: tuple[float, float] = NEVER
    clock_ppm: float = 0.0

    def events(
        self, source: int, rng: random.Random, picture: Callable[[int, int], object] | None = None
    ) -> Iterator[Event]:
        """Frames in order of their capture."""
        interval_ns = NS_PER_S / self.fps * (1 + self.clock_ppm / 1e6)
        count = round((self.end_s - self.start_s) * self.fps)
        last_ns = 0
        for index in range(count):
            at_ns = round(self.start_s * NS_PER_S + index * interval_ns)
            lost = rng.random() < self.loss or self.absent_s[0] * NS_PER_S <= at_ns < self.absent_s[1] * NS_PER_S
            jitter_ns = round(rng.random() * self.jitter_ms * NS_PER_MS)
            captured_ns = EPOCH_NS + at_ns + round(self.phase_ms * NS_PER_MS) + jitter_ns
            captured_ns = last_ns = max(captured_ns, last_ns + 1)
            arrives_ns = captured_ns + round(rng.random() * self.delay_ms * NS_PER_MS)
            if not lost:
                shown = (source, index + 1) if picture is None else picture(source, index + 1)
                yield arrives_ns, source, Frame(captured_ns, index + 1, shown)


@dataclass
class Run:
    """A punctual owner of a synchroniser: takes after each offer and whenever a set is due."""

    synchroniser: Synchroniser
    on_set: Callable[[FrameSet], None]
    now_ns: int = 0
    latest_ns: int = 0
    last_at_ns: int = 0
    sets: int = 0

    def offer(self, event: Event) -> None:
        """Let time pass until the frame arrives, and offer it."""
        at_ns, source, frame = event
        self.advance(at_ns)
        self.synchroniser.offer(source, frame, at_ns)
        self._take()

    def advance(self, until_ns: int) -> None:
        """Let time pass: each set is taken when it is due."""
        while (due_ns := self.synchroniser.next_due_ns()) is not None and due_ns <= until_ns:
            self.now_ns = max(self.now_ns, due_ns)
            assert self._take(), "a set was said to be due and was not: its owner would spin, or wait for ever"
        self.now_ns = max(self.now_ns, until_ns)

    def _take(self) -> int:
        taken = self.synchroniser.take(self.now_ns)
        for made in taken:
            assert made.at_ns > self.last_at_ns
            assert made.at_ns <= self.now_ns <= made.at_ns + self.synchroniser.deadline_ns
            self.latest_ns = max(self.latest_ns, self.now_ns - made.at_ns)
            self.last_at_ns = made.at_ns
            self.sets += 1
            self.on_set(made)
        return len(taken)


def in_order(streams: Iterable[Stream], seed: int) -> list[Event]:
    """All frames of all streams by arrival; those of one source may overtake each other only if its delay lets them."""
    rng = random.Random(seed)
    events = [event for source, stream in enumerate(streams) for event in stream.events(source, rng)]
    return sorted(events, key=lambda event: event[0])
