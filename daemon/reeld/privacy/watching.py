"""Which way of learning about the lock serves this platform."""

import asyncio
import sys

from reeld.privacy.lock import LockWatch, OnLock
from reeld.runtime.logs import get_logger


class NoLockWatch:
    """Implements LockWatch where nothing is built to learn about the lock.

    macOS tells it (`com.apple.screenIsLocked`) to programs with a run loop of Cocoa, which this daemon has not. What is
    recorded meanwhile is the lock screen, and the sound.
    """

    async def serve(self, on_lock: OnLock) -> None:  # noqa: ARG002 - nobody is ever told
        """See LockWatch."""
        get_logger().info("lock.unwatched", bus="", reason=f"not built for {sys.platform}")
        await asyncio.Event().wait()


def lock_watch() -> LockWatch:
    """The one for this platform; what others need is not imported."""
    if sys.platform != "linux":
        return NoLockWatch()
    from reeld.privacy.lock_dbus import DBusLockWatch  # noqa: PLC0415

    return DBusLockWatch()
