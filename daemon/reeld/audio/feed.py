"""One device as an endless line of media frames: opened streams come and go, the line has no hole.

DESIGN: the stream's samples are held until its clock map is settled (2 s after its first sample), laid onto the
session's line, and read from there through the gate that takes out pauses. Where no stream delivers for `IDLE_NS`, the
line goes on with counted silence up to that long ago, so that sound which is merely late still finds its place.
"""

import threading

from reeld.audio.api import Block, SoundSource
from reeld.audio.assembler import Assembler, Span
from reeld.audio.clockmap import ClockMap
from reeld.audio.dsp.resampling import FixedResampler
from reeld.audio.gate import MediaGate
from reeld.audio.samples import CHANNELS, RATE, Samples, join, nearest_frame, silence
from reeld.audio.silences import Silences
from reeld.runtime.clock import SessionClock
from reeld.runtime.logs import get_logger
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_MS

IDLE_NS = 500 * NS_PER_MS
"""Without samples for this long the line goes on with silence."""
HOLD_NS = 100 * NS_PER_MS
"""Frames younger than this are not given on: an order to pause that reaches us this late still cuts exactly."""
TAKE_FRAMES_MAX = 10 * RATE
"""Most frames given at once: bounds memory after this process was stopped for a while."""


class _Stream:
    """What belongs to one opening of the device: its clock, its rate, and what waits for the clock to settle.

    Positions count frames at RATE since it was opened.
    """

    def __init__(self, source: SoundSource) -> None:
        self.source = source
        self.clock_map = ClockMap(source.rate)
        self.waiting: list[tuple[int, Samples]] = []
        self.last_ns: int | None = None
        self._next_frame = 0  # expected from the device, at its own rate
        self._position = 0
        self._resampler: FixedResampler | None = None
        self._restart(0)

    def is_interrupted(self, block: Block) -> bool:
        """Whether nothing came for so long before `block` that the device may have stood still without counting."""
        return self.last_ns is not None and block.arrived_ns - self.last_ns > IDLE_NS

    def begin_anew(self) -> None:
        """What follows has a line of its own; what waits was laid before."""
        self.clock_map = ClockMap(self.source.rate)

    def take_block(self, block: Block) -> None:
        """Put `block` with what waits."""
        self.clock_map.add(block.frame, len(block.samples), block.adc_ns, block.arrived_ns)
        self.last_ns = block.arrived_ns
        if block.frame != self._next_frame:
            self._flush()
            self._restart(block.frame)
        self._next_frame = block.frame + len(block.samples)
        self._put(block.samples if self._resampler is None else self._resampler.resample(block.samples))

    def settle(self) -> None:
        """No more will come."""
        self.clock_map.settle()
        self._flush()

    def _put(self, samples: Samples) -> None:
        if len(samples):
            self.waiting.append((self._position, samples))
            self._position += len(samples)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._put(self._resampler.resample(silence(0), last=True))

    def _restart(self, frame: int) -> None:
        """What follows begins with the device's frame `frame`: frames between were lost on the way here."""
        rate = self.source.rate
        self._position = (2 * frame * RATE + rate) // (2 * rate)
        self._resampler = FixedResampler(rate, RATE, CHANNELS) if rate != RATE else None

    def stalled(self, now_ns: int) -> bool:
        return bool(self.waiting) and self.last_ns is not None and now_ns - self.last_ns > IDLE_NS


class Feed:
    """The sound of one device for one session.

    first_frame: media frame with which it begins. `attach` and `detach` may be called from any thread; everything else
    belongs to the pump thread.
    """

    def __init__(self, name: str, clock: SessionClock, first_frame: int) -> None:
        self.name = name
        self.silences = Silences()
        self.silent_frames = 0
        self._clock = clock
        self._gate = MediaGate(clock)
        self._media = first_frame
        stretch = self._gate.next_stretch(first_frame)
        self._line = Assembler(first_frame if stretch is None else stretch.start)
        self._lock = threading.Lock()
        self._stream: _Stream | None = None

    @property
    def media_frame(self) -> int:
        """The media frame that `take` gives next."""
        return self._media

    def attach(self, source: SoundSource) -> None:
        """From now on `source` is the device's stream."""
        with self._lock:
            self._stream = _Stream(source)

    def detach(self) -> None:
        """The device's stream is about to be closed; what it delivered so far is kept."""
        with self._lock:
            self._absorb()
            if self._stream is not None:
                self._stream.settle()
                self._lay()
            self._stream = None

    def advance(self, now_ns: int) -> bool:
        """Take in what the device delivered and what its silence amounts to; True if any sample came."""
        with self._lock:
            came = self._absorb()
            stream = self._stream
            if stream is not None and stream.stalled(now_ns):
                # It stopped before its clock was known; what comes later, if anything, is a correction.
                stream.clock_map.settle()
                self._lay()
            if stream is None or not stream.waiting:
                self._line.fill_to(self._gate.line_frame(now_ns - IDLE_NS))
            return came

    def take(self, now_ns: int, frames: int = TAKE_FRAMES_MAX) -> Samples:
        """The media frames that follow, as far as they are certain; at most `frames`."""
        with self._lock:
            return self._take(min(self._line.end, self._gate.line_frame(now_ns - HOLD_NS)), None, frames)

    def covers(self, end_frame: int) -> bool:
        """Whether everything up to media frame `end_frame` is here; settles the clock if the stream is young."""
        with self._lock:
            stream = self._stream
            if stream is not None and stream.waiting:
                stream.clock_map.settle()
                self._lay()
            return end_frame <= self._media or self._line.end >= end_frame + self._shift_at(end_frame)

    def take_until(self, end_frame: int, frames: int = TAKE_FRAMES_MAX) -> Samples:
        """The media frames up to `end_frame`, at most `frames`; what is not here is counted silence."""
        with self._lock:
            self._line.fill_to(end_frame + self._shift_at(end_frame))
            return self._take(self._line.end, end_frame, frames)

    @property
    def expects_sound(self) -> bool:
        """Whether a stream is open and has delivered before."""
        with self._lock:
            return self._stream is not None and self._stream.last_ns is not None

    def statistics(self) -> QueueStats | None:
        """The ring of the open stream."""
        with self._lock:
            return None if self._stream is None else self._stream.source.statistics()

    def _shift_at(self, end_frame: int) -> int:
        """By how much the line runs ahead of media at the frame before `end_frame`."""
        stretch = self._gate.next_stretch(max(end_frame - 1, 0))
        return 0 if stretch is None else stretch.shift

    def _take(self, line_limit: int, media_limit: int | None, room: int) -> Samples:
        parts: list[Samples] = []
        while room > 0:
            stretch = self._gate.next_stretch(self._media)
            if stretch is None:
                self._line.drop_before(line_limit)
                break
            ends = [line_limit, stretch.start + room]
            if stretch.end is not None:
                ends.append(stretch.end)
            if media_limit is not None:
                ends.append(media_limit + stretch.shift)
            samples = self._read(stretch.start, min(ends), stretch.shift)
            if not len(samples):
                break
            parts.append(samples)
            room -= len(samples)
        return join(parts)

    def _read(self, start: int, end: int, shift: int) -> Samples:
        """Frames [start, end) of the line; those that a pause, resumed late, already dropped are counted silence."""
        if end <= start:
            return silence(0)
        begin = min(max(start, self._line.head), end)
        samples, spans = self._line.read(begin, end) if begin < end else (silence(0), [])
        if begin > start:
            samples = join([silence(begin - start), samples])
            spans.insert(0, Span(start, begin))
        for span in spans:
            self.silences.add(span.start - shift, span.end - shift)
            self.silent_frames += span.end - span.start
        self._media = end - shift
        return samples

    def _absorb(self) -> bool:
        stream = self._stream
        if stream is None or not (blocks := stream.source.read()):
            return False
        for block in blocks:
            if stream.is_interrupted(block):
                stream.clock_map.settle()
                self._lay()
                stream.begin_anew()
            stream.take_block(block)
        moved_ns = stream.clock_map.correct()
        if moved_ns:
            get_logger().warning("audio.slip", source=self.name, moved_ms=round(moved_ns / NS_PER_MS, 1))
        self._lay()
        return True

    def _lay(self) -> None:
        stream = self._stream
        if stream is None or stream.clock_map.origin_ns is None:
            return
        origin = nearest_frame(stream.clock_map.origin_ns - self._clock.start_ns)
        for position, samples in stream.waiting:
            self._line.lay(samples, origin + position)
        stream.waiting.clear()
