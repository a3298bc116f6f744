"""Tells the store how the clock of a track's device runs. Used by the pump thread."""

from collections.abc import Callable

from reeld_proto.records import SoundClock
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyIngest, ClockFitted

EVERY_NS = 10 * NS_PER_S
"""It is told again after so much media; a crash costs no more."""
NOTABLE_PPM = 5.0
NOTABLE_MS = 1.0
"""A change of drift or error that is told at once."""

Clock = Callable[[], SoundClock | None]
"""How the device's clock runs; None while that is unknown."""


class ClockNews:
    """What is told of one track. send: as of the track's chunks; what it refuses is told again later."""

    def __init__(
        self, *, session: str, track: str, epoch: int, clock: Clock, send: Callable[[AnyIngest, bytes, bytes], bool]
    ) -> None:
        self._session, self._track, self._epoch = session, track, epoch
        self._clock = clock
        self._send = send
        self._told: SoundClock | None = None
        self._told_ns = 0

    def tell(self, media_ns: int, *, last: bool = False) -> None:
        """The track has reached `media_ns`; with `last` nothing more will be told."""
        clock = self._clock()
        if clock is None or clock == self._told or not (last or self._is_due(clock, media_ns)):
            return
        news = ClockFitted(session=self._session, track=self._track, epoch=self._epoch, at_ns=media_ns, clock=clock)
        if self._send(news, b"", b""):
            self._told, self._told_ns = clock, media_ns

    def _is_due(self, clock: SoundClock, media_ns: int) -> bool:
        told = self._told
        if told is None or media_ns - self._told_ns >= EVERY_NS:
            return True
        return abs(clock.ppm - told.ppm) >= NOTABLE_PPM or abs(clock.offset_ms - told.offset_ms) >= NOTABLE_MS
