"""What is kept of how a device's clock ran: the newest fit, in the track's own record. Pure."""

from math import isfinite

from reeld.store.keys import TIME_NS_MAX
from reeld.store.records import ClockState
from reeld_proto.records import SoundClock
from reeld_proto.workers import ClockFitted

MICROSECONDS_MAX = (1 << 31) - 1
"""Half an hour, and 2,000 ppm: far beyond any clock, and short in a record."""


def refusal(clock: SoundClock) -> str:
    """Why these figures can never be kept; empty if they can."""
    figures = (clock.ppm, clock.residual_ms, clock.offset_ms, clock.corrected_ms)
    if all(isfinite(each) and abs(each) * 1000 <= MICROSECONDS_MAX for each in figures) and clock.residual_ms >= 0:
        return ""
    return "an impossible clock"


def is_impossible(state: ClockState | None) -> bool:
    """Whether a record that came from elsewhere holds what no message could have put there."""
    if state is None:
        return False
    figures = (state.ppm_thousandths, state.residual_us, state.offset_us, state.corrected_us)
    times = (state.epoch, state.at_ns)
    return (
        any(abs(each) > MICROSECONDS_MAX for each in figures)
        or not all(0 <= each <= TIME_NS_MAX for each in times)
        or state.residual_us < 0
    )


def is_newer(message: ClockFitted, known: ClockState | None) -> bool:
    """Whether `message` tells more than what is known: it comes from a later time, or a later process."""
    return known is None or (message.epoch, message.at_ns) > (known.epoch, known.at_ns)


def kept(message: ClockFitted) -> ClockState:
    """The record of `message`, which `refusal` has let pass."""
    clock = message.clock
    figures = (clock.ppm, clock.residual_ms, clock.offset_ms, clock.corrected_ms)
    return ClockState(message.epoch, message.at_ns, *(round(each * 1000) for each in figures))


def told(state: ClockState | None) -> SoundClock | None:
    """The record as clients see it."""
    if state is None:
        return None
    return SoundClock(
        ppm=state.ppm_thousandths / 1000,
        residual_ms=state.residual_us / 1000,
        offset_ms=state.offset_us / 1000,
        corrected_ms=state.corrected_us / 1000,
    )
