"""One device as an endless line of media frames: opened streams come and go, the line has no hole.

DESIGN: the stream's samples are held until it is known where they belong (2 s after its first sample), laid onto the
session's line, and read from there through the gate that takes out pauses. Where no stream delivers for `IDLE_NS`, the
line goes on with counted silence up to that long ago (`LATE_NS` while one is open), so that sound which is merely late
still finds its place.
"""

import threading

from reeld.audio.api import SoundSource
from reeld.audio.assembler import Assembler, Span
from reeld.audio.gate import MediaGate
from reeld.audio.samples import RATE, Samples, join, silence
from reeld.audio.silences import Silences
from reeld.audio.stream import IDLE_NS, OpenStream
from reeld.runtime.clock import SessionClock
from reeld_proto.records import SoundClock
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_MS

LATE_NS = 800 * NS_PER_MS
"""A block that comes so long after its first frame still finds its place: it is 100 ms long, may be 300 ms late, and
waits for a pump that may be late itself."""
HOLD_NS = 100 * NS_PER_MS
"""Frames younger than this are not given on: an order to pause that reaches us this late still cuts exactly."""
TOLD_PPM = 50.0
"""A clock that is less sure than this is not told."""
TAKE_FRAMES_MAX = 10 * RATE
"""Most frames given at once: bounds memory after this process was stopped for a while."""


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
        self._stream: OpenStream | None = None
        self._clock_before: SoundClock | None = None  # of the streams before this one

    @property
    def media_frame(self) -> int:
        """The media frame that `take` gives next."""
        return self._media

    def attach(self, source: SoundSource) -> None:
        """From now on `source` is the device's stream."""
        with self._lock:
            self._stream = OpenStream(self.name, source)

    def detach(self) -> None:
        """The device's stream is about to be closed; what it delivered so far is kept."""
        with self._lock:
            self._absorb()
            if self._stream is not None:
                self._clock_before = self._sound_clock()
                self._stream.finish()
                self._lay()
            self._stream = None

    def advance(self, now_ns: int) -> bool:
        """Take in what the device delivered and what its silence amounts to; True if any sample came."""
        with self._lock:
            came = self._absorb()
            stream = self._stream
            if stream is not None and stream.stalled(now_ns):
                # It stopped before its clock was known; what comes later, if anything, is a correction.
                stream.settle()
                self._lay()
            if stream is None or not stream.waiting:
                patience_ns = IDLE_NS if stream is None else LATE_NS
                self._line.fill_to(self._gate.line_frame(now_ns - patience_ns))
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
                stream.settle()
                self._lay()
            return end_frame <= self._media or self._line.end >= end_frame + self._shift_at(end_frame)

    def take_until(self, end_frame: int, frames: int = TAKE_FRAMES_MAX) -> Samples:
        """The media frames up to `end_frame`, at most `frames`; what is not here is counted silence."""
        with self._lock:
            end = end_frame + self._shift_at(end_frame)
            if self._stream is not None and self._line.end < end:
                self._stream.finish()
                self._lay()
            self._line.fill_to(end)
            return self._take(self._line.end, end_frame, frames)

    @property
    def expects_sound(self) -> bool:
        """Whether a stream is open and has delivered before."""
        with self._lock:
            return self._stream is not None and self._stream.last_ns is not None

    def sound_clock(self) -> SoundClock | None:
        """How the device's clock runs beside ours, as far as is known; of its last stream while none is open."""
        with self._lock:
            return self._sound_clock()

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
                stream.finish()
                self._lay()
                stream.begin_anew()
            stream.take_block(block)
        stream.correct()
        self._lay()
        return True

    def _lay(self) -> None:
        if self._stream is not None:
            for start, samples in self._stream.take_placed(self._clock.start_ns):
                self._line.lay(samples, start)

    def _sound_clock(self) -> SoundClock | None:
        before, stream = self._clock_before, self._stream
        found = stream.estimate if stream is not None else None
        if stream is None or found is None or found.unsure_ppm > TOLD_PPM:
            return before
        corrected_ms = stream.corrected_frames / RATE * 1000 + (before.corrected_ms if before is not None else 0.0)
        return SoundClock(
            ppm=round(found.ppm, 2),
            residual_ms=round(found.residual_ns / NS_PER_MS, 3),
            offset_ms=round(stream.error_ns / NS_PER_MS, 3),
            corrected_ms=round(corrected_ms, 3),
        )
