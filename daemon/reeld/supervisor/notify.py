"""Readiness, stopping and watchdog messages to the service manager (systemd); silent without one."""

import asyncio
import os

import sdnotify

from reeld.runtime.logs import get_logger


class ServiceManager:
    """Belongs to the event loop: a loop that hangs sends no watchdog message, which is what the watchdog is for."""

    def __init__(self) -> None:
        # Without the variable sdnotify would open a socket and forget it.
        self._notifier = sdnotify.SystemdNotifier() if os.environ.get("NOTIFY_SOCKET") else None
        self._timer: asyncio.TimerHandle | None = None

    def ready(self) -> None:
        """Commands are served. Starts the watchdog messages if the manager wants them."""
        self._tell("READY=1")
        interval_s = watchdog_interval_s(os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", ""))
        if interval_s is not None:
            self._beat(interval_s)

    def stopping(self) -> None:
        """The daemon ends; its session is being made durable, which may take a while."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """End the watchdog messages and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
        if self._notifier is not None and self._notifier.socket is not None:
            self._notifier.socket.close()
            self._notifier = None

    def _tell(self, message: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(message)

    def _beat(self, interval_s: float) -> None:
        self._tell("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(interval_s, self._beat, interval_s)


def watchdog_interval_s(usec: str, pid: str) -> float | None:
    """Seconds between messages: half the manager's limit, as sd_watchdog_enabled(3) advises; None if it has none.

    usec, pid: the variables WATCHDOG_USEC and WATCHDOG_PID; the latter names the process that is meant.
    """
    if pid and pid != str(os.getpid()):
        return None
    if not usec.isdigit() or int(usec) == 0:
        if usec:
            get_logger().warning("daemon.watchdog_unreadable", value=usec)
        return None
    return int(usec) / 2e6
