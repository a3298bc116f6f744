"""When a device is opened, given up and complained about. Pure: it is told what happened and when."""

from enum import Enum, auto

from reeld_proto.units import NS_PER_S

RETRY_NS = NS_PER_S
"""Pause between two openings of a lost device: it is back well within 5 s of its return."""
SILENT_NS = 5 * NS_PER_S
"""Without samples for this long a person is told. An idle virtual output needs up to 2 s for its first one."""
REOPEN_NS = 2 * NS_PER_S
"""From then on an open but mute stream is replaced this often."""


class Action(Enum):
    """What to do with the device now."""

    NOTHING = auto()
    OPEN = auto()
    REOPEN = auto()


class DeviceHealth:
    """One device from the start of its recording at `now_ns`. All times are monotonic. Used by one thread."""

    def __init__(self, now_ns: int) -> None:
        self._is_open = False
        self._tried_ns: int | None = None
        self._sounded_ns = now_ns
        self._complained = False

    def tried(self, now_ns: int, *, is_open: bool) -> None:
        """An opening was tried just now."""
        self._tried_ns = now_ns
        self._is_open = is_open

    def ended(self) -> None:
        """The open stream stopped by itself."""
        self._is_open = False

    def sounded(self, now_ns: int) -> bool:
        """Samples came last at `now_ns`; True if people were told that they do not, and can be told that they do."""
        if now_ns <= self._sounded_ns:
            return False
        self._sounded_ns = now_ns
        recovered, self._complained = self._complained, False
        return recovered

    def action(self, now_ns: int) -> Action:
        """What is due at `now_ns`."""
        since_try_ns = None if self._tried_ns is None else now_ns - self._tried_ns
        if not self._is_open:
            return Action.OPEN if since_try_ns is None or since_try_ns >= RETRY_NS else Action.NOTHING
        mute = now_ns - self._sounded_ns >= SILENT_NS and since_try_ns is not None and since_try_ns >= REOPEN_NS
        return Action.REOPEN if mute else Action.NOTHING

    def complaint(self, now_ns: int) -> str | None:
        """Once per outage, after `SILENT_NS`: `device-lost`, or `device-silent` if it is open but mute."""
        if self._complained or now_ns - self._sounded_ns < SILENT_NS:
            return None
        self._complained = True
        return "device-silent" if self._is_open else "device-lost"
