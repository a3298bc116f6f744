"""Whether enrichment may go on now: is somebody recording on a busy machine, is it on battery, is it the hour. Pure."""

from dataclasses import dataclass
from enum import Enum

from reeld.enrich.settings import EnrichConfig

BUSY_SHARE = 0.6
"""From this share of all cores on, used by others, a recording machine has no time to spare."""


@dataclass(frozen=True, slots=True)
class Weather:
    """recording: whether a session is recorded. others: share of all cores that other programs use, 0 to 1.

    on_battery: whether it is. minute: of the day, local time.
    """

    recording: bool
    others: float
    on_battery: bool
    minute: int


class Wish(Enum):
    """How much a person wants a job: not at all, by looking at the session, or by asking for it now."""

    NONE = "none"
    LOOKS = "looks"
    ASKS = "asks"


def hindrance(weather: Weather, config: EnrichConfig, wish: Wish) -> str:
    """Why work must wait, in words; empty if it need not."""
    if weather.recording and config.while_recording == "never":
        return "waits until nothing is recorded"
    if weather.recording and config.while_recording == "idle" and weather.others > BUSY_SHARE:
        return "waits, because a recording needs the machine"
    if weather.on_battery and not config.on_battery and wish is not Wish.ASKS:
        return "waits for mains power"
    if wish is Wish.NONE and not config.allows_minute(weather.minute):
        return f"waits for {config.hours}"
    return ""
