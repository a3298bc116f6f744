"""One opening of a device: its clock, its speed, and what waits for the clock to settle. Pure.

DESIGN: positions count frames at RATE from the device's frame 0 on, at the speed at which they are taken: a device that
is fast gets fewer of them. A block that is missing (the device's numbers jump) leaves a hole of its length, one that is
repeated lands where it was before; the assembler makes silence of the one and cuts the other.
"""

from reeld.audio.api import Block, SoundSource
from reeld.audio.clockfit import ClockFit, Estimate
from reeld.audio.clockmap import ClockMap
from reeld.audio.samples import RATE, Samples, nearest_frame
from reeld.audio.steering import Steering
from reeld.audio.varispeed import Varispeed
from reeld.runtime.logs import get_logger
from reeld_proto.units import NS_PER_MS, NS_PER_S

IDLE_NS = 500 * NS_PER_MS
"""Without samples for this long the line goes on with silence."""
LOOK_S = 5
"""Seconds between two looks at how the clock runs."""


class OpenStream:
    """The blocks of `source`, placed. Used by one thread; name: the device, for the log."""

    def __init__(self, name: str, source: SoundSource) -> None:
        self.source = source
        self.waiting: list[tuple[int, Samples]] = []
        self.last_ns: int | None = None
        self.estimate: Estimate | None = None
        self.error_ns = 0.0
        self._name = name
        self._map = ClockMap()
        self._fit = ClockFit()
        self._steering = Steering()
        self._speed = Varispeed(source.rate)
        self._expected = 0
        self._position = 0
        self._seconds = 0

    @property
    def settled(self) -> bool:
        """Whether it is known where the stream's sound belongs."""
        return self._map.origin_ns is not None

    @property
    def corrected_frames(self) -> float:
        """By how many frames at RATE the sound was stretched so far; negative for one that was shortened."""
        return self._speed.place(self._expected) - self._expected * RATE / self.source.rate

    def take_block(self, block: Block) -> None:
        """Put `block` with what waits."""
        if block.frame != self._expected:
            self._begin_at(block.frame)
        start, end = block.frame, block.frame + len(block.samples)
        placed = _time_ns(self._speed.place(start)), _time_ns(self._speed.place(end))
        self._map.add(*placed, block.adc_ns, block.arrived_ns)
        if self.settled:
            rate = self.source.rate
            own = start * NS_PER_S // rate, end * NS_PER_S // rate
            if self._fit.add(*own, block.adc_ns, block.arrived_ns):
                self._look()
        self.last_ns = block.arrived_ns
        self._expected = end
        self._put(self._speed.push(block.samples))

    def begin_anew(self) -> None:
        """The device stood still for some time without counting: what follows has a line of its own. After `finish`."""
        self._map, self._fit = ClockMap(), ClockFit()

    def is_interrupted(self, block: Block) -> bool:
        """Whether nothing came for so long before `block` that the device may have stood still without counting."""
        return self.last_ns is not None and block.arrived_ns - self.last_ns > IDLE_NS

    def stalled(self, now_ns: int) -> bool:
        """Whether something waits and nothing comes any more."""
        return bool(self.waiting) and self.last_ns is not None and now_ns - self.last_ns > IDLE_NS

    def settle(self) -> None:
        """Place what waits by what is known so far."""
        self._map.settle()

    def finish(self) -> None:
        """Give what the filter still holds, and place all: no more will come, or it begins anew."""
        self._map.settle()
        self._begin_at(self._expected)

    def correct(self) -> int:
        """Move the line if sound was lost or came twice; the move in ns."""
        moved_ns = self._map.correct()
        if moved_ns:
            self._fit.shift(moved_ns)
            get_logger().warning("audio.slip", source=self._name, moved_ms=round(moved_ns / NS_PER_MS, 1))
        return moved_ns

    def take_placed(self, start_ns: int) -> list[tuple[int, Samples]]:
        """What waits, each with the frame of the line (which begins at monotonic `start_ns`) where it belongs."""
        if self._map.origin_ns is None:
            return []
        origin = nearest_frame(self._map.origin_ns - start_ns)
        placed = [(origin + position, samples) for position, samples in self.waiting]
        self.waiting.clear()
        return placed

    def _look(self) -> None:
        """See how the clock runs, now and then, and choose the speed."""
        self._seconds += 1
        if self._seconds % LOOK_S or self._map.origin_ns is None:
            return
        found = self._fit.estimate(self._origin_at)
        if found is None:
            return
        self.estimate = found
        self.error_ns = found.origin_ns - self._origin_at(found.at_ns)
        if not self._speed.changing:
            self._speed.steer(self._steering.target(found, self.error_ns, self._speed.ppm))

    def _origin_at(self, at_ns: float) -> float:
        """Where the device's frame 0 would be, were all as at the device's time `at_ns`, as the sound is placed."""
        frame = round(at_ns * self.source.rate / NS_PER_S)
        return (self._map.origin_ns or 0) + self._speed.place(frame) * NS_PER_S / RATE - at_ns

    def _begin_at(self, frame: int) -> None:
        """What follows begins with the device's frame `frame`."""
        self._flush()
        self._position = round(self._speed.place(frame))
        self._speed = Varispeed(self.source.rate, into=frame, out=self._position, ppm=self._speed.ppm)
        self._expected = frame

    def _flush(self) -> None:
        self._put(self._speed.flush())

    def _put(self, samples: Samples) -> None:
        if len(samples):
            self.waiting.append((self._position, samples))
            self._position += len(samples)


def _time_ns(position: float) -> int:
    return round(position * NS_PER_S / RATE)
