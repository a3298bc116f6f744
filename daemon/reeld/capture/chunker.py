"""Which encoded frames make a chunk, and from when to when it lasts. Pure: packets are opaque.

DESIGN: frames come when the picture changes, chunks must come all the time, because whatever is not in a closed chunk
is lost in a crash. A chunk is closed by the sample that opens the next one, so the track is covered without a hole;
when nothing moves, the owner repeats the picture at `deadline_ns` to close it. A closed chunk is held for a moment
more: orders to pause or stop name an instant that has passed when they arrive, and what was recorded after it can be
taken back only while it is here.

Times are media nanoseconds; ticks are those of the encoder, each computed from its absolute time, so rounding never
adds up. Two samples are at least one tick apart.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

from reeld_proto.units import NS_PER_S

CHUNK_NS = NS_PER_S
"""A chunk is closed by the first sample this long after its own first one; one with changes waits hardly longer."""

GRACE_NS = 150_000_000
"""How long a chunk with changes that is due waits for the next change to close it, before a repeat does. While there
is motion, or a terminal that scrolls, no repeat is needed at all."""

STILL_CHUNK_NS = 1_500_000_000
"""A chunk without changes may wait this long: fewer repeats, and still under 2 s lost when everything dies."""

CHUNK_NS_MAX = 2 * NS_PER_S
"""No chunk is longer. Where nobody came in time, what follows is a hole: nobody looked at the screen meanwhile."""

CHUNK_BYTES_MAX = 4 * 1024 * 1024
"""A chunk that has grown to this is closed early: the unit of loss and of storage stays small."""

HOLD_NS = 100_000_000
"""How long a closed chunk can still be shortened: many times what an order needs from the daemon to here."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One encoded frame, shown from `start_ns` (`start_ticks`) until the next. changed: not a repeat."""

    packet: Any
    size: int
    start_ns: int
    start_ticks: int
    keyframe: bool
    changed: bool


@dataclass(slots=True)
class Chunk:
    """Samples that are stored together, shown from the first one's start to `end_ns` (`end_ticks`)."""

    samples: list[Sample]
    end_ns: int
    end_ticks: int
    dropped: int
    unchanged: int

    @property
    def start_ns(self) -> int:
        """When its first sample is shown."""
        return self.samples[0].start_ns


class Chunker:
    """One track. start_ns: where it must begin, whatever its first sample's time; None: where that comes."""

    def __init__(self, *, timescale: int, start_ns: int | None) -> None:
        self._timescale = timescale
        self._next_ns = start_ns
        self._end_ns = start_ns or 0
        self._end_ticks = self._ticks(self._end_ns)
        self._samples: list[Sample] = []
        self._bytes = 0
        self._dropped = 0
        self._unchanged = 0
        self._closed: deque[Chunk] = deque()
        self._due = False

    @property
    def end_ns(self) -> int:
        """Up to where the track is covered by closed chunks."""
        return self._end_ns

    @property
    def is_empty(self) -> bool:
        """Whether the next sample opens a chunk."""
        return not self._samples

    @property
    def deadline_ns(self) -> int | None:
        """When a repeat of the picture is due at the latest; None while no chunk is open."""
        if not self._samples:
            return None
        moved = any(sample.changed for sample in self._samples)
        return self._samples[0].start_ns + (CHUNK_NS + GRACE_NS if moved else STILL_CHUNK_NS)

    @property
    def release_ns(self) -> int | None:
        """When the oldest closed chunk need not be held any longer; None if there is none."""
        return self._closed[0].end_ns + HOLD_NS if self._closed else None

    def place(self, at_ns: int) -> tuple[int, int]:
        """Time and ticks of the next sample, captured at `at_ns`; closes the open chunk if it is due.

        The sample must then be added with these times. They never go back, and a chunk begins where the one before
        ended, except behind a hole.
        """
        if self._samples and at_ns > self._samples[0].start_ns + CHUNK_NS_MAX:
            self.cut(self._samples[0].start_ns + CHUNK_NS_MAX)
            self.leave_hole()
        if not self._samples:
            if self._next_ns is not None:
                return self._next_ns, self._end_ticks
            at_ns = max(at_ns, self._end_ns)
            return at_ns, max(self._ticks(at_ns), self._end_ticks)
        at_ns = max(at_ns, self._samples[-1].start_ns + 1)
        ticks = max(self._ticks(at_ns), self._samples[-1].start_ticks + 1)
        if self._due or self._bytes >= CHUNK_BYTES_MAX or at_ns - self._samples[0].start_ns >= CHUNK_NS:
            self._close(at_ns, ticks)
        return at_ns, ticks

    def add(self, sample: Sample) -> None:
        """Take a sample whose times came from `place`."""
        self._samples.append(sample)
        self._bytes += sample.size
        if not sample.changed:
            self._unchanged += 1

    def hurry(self) -> None:
        """The next sample closes the open chunk, however short it is."""
        self._due = bool(self._samples)

    def note_unchanged(self) -> None:
        """The picture was looked at and had not changed."""
        self._unchanged += 1

    def note_dropped(self, frames: int) -> None:
        """Frames that should have been taken were not."""
        self._dropped += frames

    def cut(self, at_ns: int) -> None:
        """End the track at `at_ns`, or where it was already handed out to: later samples are forgotten.

        The next sample, whatever its time, continues from there, unless `leave_hole` is called.
        """
        if self._samples:
            self._close(max(at_ns, self._samples[-1].start_ns + 1), 0)
        while self._closed and self._closed[-1].start_ns >= at_ns:
            forgotten = self._closed.pop()
            self._set_end(forgotten.start_ns, forgotten.samples[0].start_ticks)
        if self._closed and self._closed[-1].end_ns >= at_ns:
            last = self._closed[-1]
            last.samples = [sample for sample in last.samples if sample.start_ns < at_ns]
            last.end_ns = at_ns
            last.end_ticks = max(self._ticks(at_ns), last.samples[-1].start_ticks + 1)
            self._set_end(at_ns, last.end_ticks)

    def leave_hole(self) -> None:
        """The next sample begins at its own time, not where the track ended. Call it after `cut`."""
        self._next_ns = None

    def discard(self) -> int:
        """Forget every sample that is not handed out, and say how many; the next one comes behind a hole."""
        forgotten = len(self._samples) + sum(len(chunk.samples) for chunk in self._closed)
        self._samples, self._bytes = [], 0
        self._closed.clear()
        self.leave_hole()
        return forgotten

    def take(self, now_ns: int | None) -> Chunk | None:
        """The oldest closed chunk, if at `now_ns` it need not be held any longer; at None, held long enough or not."""
        if not self._closed or (now_ns is not None and now_ns < self._closed[0].end_ns + HOLD_NS):
            return None
        return self._closed.popleft()

    def _close(self, end_ns: int, end_ticks: int) -> None:
        self._closed.append(Chunk(self._samples, end_ns, end_ticks, self._dropped, self._unchanged))
        self._samples, self._bytes, self._dropped, self._unchanged = [], 0, 0, 0
        self._due = False
        self._set_end(end_ns, end_ticks)

    def _set_end(self, end_ns: int, end_ticks: int) -> None:
        self._end_ns = self._next_ns = end_ns
        self._end_ticks = end_ticks

    def _ticks(self, at_ns: int) -> int:
        return (at_ns * self._timescale + NS_PER_S // 2) // NS_PER_S
