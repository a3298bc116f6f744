"""Whether the session of the desktop is locked, from everybody who may know. Pure.

A desktop may tell it in several ways at once, each a little later than the other. It is locked while any of them says
so; one that is gone says nothing.
"""

from collections.abc import Callable
from typing import Protocol

OnLock = Callable[[bool, int], None]
"""Told whether the session is locked, and since which monotonic instant; in the loop, must not block."""


class LockWatch(Protocol):
    """Tells when the session is locked and unlocked. Belongs to the event loop's thread."""

    async def serve(self, on_lock: OnLock) -> None:
        """Watch until cancelled. Raises nothing: who cannot watch says so in the log and tries again."""
        ...


class LockState:
    """What each witness said last. on_lock: told when the whole changes."""

    def __init__(self, on_lock: OnLock) -> None:
        self._on_lock = on_lock
        self._locked: set[str] = set()

    def say(self, witness: str, locked: bool | None, now_ns: int) -> None:  # noqa: FBT001 - it is what is said
        """A witness says it is locked or not; None: it says nothing any more."""
        before = bool(self._locked)
        if locked:
            self._locked.add(witness)
        else:
            self._locked.discard(witness)
        if bool(self._locked) != before:
            self._on_lock(bool(self._locked), now_ns)

    def forget(self, bus: str, now_ns: int) -> None:
        """All witnesses whose names begin with `bus` are out of reach."""
        for witness in [each for each in self._locked if each.startswith(bus)]:
            self.say(witness, None, now_ns)
