"""For how long the room suffices. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date

from reeld_proto.store_orders import KeyRoom

DAYS_MAX = 7
"""Days with recordings that the pace is taken from: a week's habits, and soon true again when these change."""


def bytes_per_day(days: Sequence[KeyRoom], today: date) -> float:
    """The pace of the last seven days with recordings, spread over the calendar: days without one count, too."""
    recent = sorted((date.fromisoformat(day.key), day.unique_bytes + day.shared_bytes) for day in days if _has(day))
    recent = recent[-DAYS_MAX:]
    if not recent:
        return 0.0
    span_days = max((today - recent[0][0]).days + 1, len(recent))
    return sum(size for _, size in recent) / span_days


def days_left(per_day: float, rooms: Iterable[int]) -> float | None:
    """Days until the smallest of these rooms (bytes) is used up; None if nothing is recorded, or nothing is limited."""
    least = min(rooms, default=None)
    if least is None or per_day <= 0:
        return None
    return max(0, least) / per_day


def _has(day: KeyRoom) -> bool:
    return day.unique_bytes + day.shared_bytes > 0
