"""How this machine is doing: load by others, battery, time of day."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import psutil

from reeld.enrich.weather import Weather

SHORTEST_S = 0.5
"""Processor time, of all cores, over which a share is formed: of less a single program is all there is."""


class Conditions:
    """Looks at the machine. is_recording: whether a session is recorded now. Belongs to the event loop's thread."""

    def __init__(self, is_recording: Callable[[], bool]) -> None:
        self._is_recording = is_recording
        self._last = psutil.cpu_times()
        self._others = 0.0

    def look(self) -> Weather:
        """The weather since the last look, or the one before, if that was just now."""
        now, last = psutil.cpu_times(), self._last
        total = _total(now) - _total(last)
        # What runs nicely is our own work, or gives way as it does.
        idle = sum(getattr(now, name, 0.0) - getattr(last, name, 0.0) for name in ("idle", "iowait", "nice"))
        if total >= SHORTEST_S:
            self._last = now
            self._others = min(1.0, max(0.0, 1 - idle / total))
        elif total < 0:
            self._last = now  # it was set back
        local = datetime.now().astimezone()
        return Weather(self._is_recording(), self._others, _on_battery(), local.hour * 60 + local.minute)


def _total(times: Any) -> float:
    """All time that passed. Linux counts guests' in `user` and `nice`, too."""
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - guests)


def _on_battery() -> bool:
    sensors = getattr(psutil, "sensors_battery", None)  # not on every system
    found = sensors() if sensors is not None else None
    return found is not None and found.power_plugged is False
