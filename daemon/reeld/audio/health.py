"""When a device is opened, given up and complained about. Pure: it is told what happened and when."""

from enum import Enum, auto

from reeld_proto.errors import DeviceTrouble
from reeld_proto.units import NS_PER_S

RETRY_NS = NS_PER_S
"""Pause between two openings of a lost device: it is back well within 5 s of its return."""
SILENT_NS = 4 * NS_PER_S
"""Without samples for this long a person is told, who then knows within 5 s. An idle virtual output needs up to 2 s for
its first one."""
MUTE_NS = 4 * NS_PER_S
"""The same for nothing but exact zeros. A microphone in the quietest room gives none for so long."""
REOPEN_NS = 2 * NS_PER_S
"""From then on a stream that is open and delivers nothing is replaced this often."""


class Action(Enum):
    """What to do with the device now."""

    NOTHING = auto()
    OPEN = auto()
    REOPEN = auto()


class DeviceHealth:
    """One device from the start of its recording at `now_ns`. All times are monotonic. Used by one thread."""

    def __init__(self, now_ns: int) -> None:
        self._is_open = False
        self._is_doubtful = False
        self._tried_ns: int | None = None
        self._delivered_ns = now_ns
        self._heard_ns = now_ns
        self._expected_ns: int | None = None
        self._told: DeviceTrouble | None = None
        self._told_ns = now_ns

    def tried(self, now_ns: int, *, is_open: bool) -> None:
        """An opening was tried just now; `is_open`: there is an open stream."""
        self._tried_ns = now_ns
        self._is_open = is_open
        self._is_doubtful = False

    def ended(self) -> None:
        """The open stream is no more."""
        self._is_open = False

    def doubt(self) -> None:
        """The open stream may be dead without a word: replace it."""
        self._is_doubtful = True

    def hope(self) -> None:
        """It can be opened, other than when that was tried: try now."""
        self._tried_ns = None

    def delivered(self, at_ns: int) -> None:
        """Samples came last at `at_ns`, whatever they were."""
        self._delivered_ns = max(self._delivered_ns, at_ns)

    def heard(self, at_ns: int) -> None:
        """Samples other than zero came last at `at_ns`."""
        self._heard_ns = max(self._heard_ns, at_ns)

    def expect(self, now_ns: int, *, sound: bool) -> None:
        """Whether the device should give anything but zeros: always of a microphone, of an output while it plays."""
        if not sound:
            self._expected_ns = None
        elif self._expected_ns is None:
            self._expected_ns = now_ns

    def action(self, now_ns: int) -> Action:
        """What is due at `now_ns`."""
        since_try_ns = None if self._tried_ns is None else now_ns - self._tried_ns
        if not self._is_open:
            return Action.OPEN if since_try_ns is None or since_try_ns >= RETRY_NS else Action.NOTHING
        if self._is_doubtful:
            return Action.REOPEN
        silent = now_ns - self._delivered_ns >= SILENT_NS and (since_try_ns is None or since_try_ns >= REOPEN_NS)
        return Action.REOPEN if silent else Action.NOTHING

    def word(self, now_ns: int) -> DeviceTrouble | None:
        """What people should be told now: of each outage once that it began, and once that it is over."""
        outage = self._outage(now_ns)
        if self._told is not None and self._is_over(self._told):
            self._told = None
            return DeviceTrouble.BACK
        worse = self._told is DeviceTrouble.MUTE and outage not in (None, DeviceTrouble.MUTE)
        if outage is None or (self._told is not None and not worse):
            return None
        self._told, self._told_ns = outage, now_ns
        return outage

    def _outage(self, now_ns: int) -> DeviceTrouble | None:
        if now_ns - self._delivered_ns >= SILENT_NS:
            return DeviceTrouble.SILENT if self._is_open else DeviceTrouble.LOST
        if not self._is_open or self._expected_ns is None:
            return None
        since_ns = max(self._heard_ns, self._expected_ns, self._tried_ns or 0)
        return DeviceTrouble.MUTE if now_ns - since_ns >= MUTE_NS else None

    def _is_over(self, told: DeviceTrouble) -> bool:
        return (self._heard_ns if told is DeviceTrouble.MUTE else self._delivered_ns) > self._told_ns
