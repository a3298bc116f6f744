"""Notices what changes among the devices, in a thread of its own: new and lost ones, another default, a lost server.

Linux subscribes to the server's own news and looks at it only then: nothing runs while nothing changes. macOS has no
news here, so it is looked at when a device is missed, in a fresh process.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from reeld.audio import devices, pulse
from reeld.audio.world import Devices, World
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger

RETRY_S = 0.5
"""Pause between two tries to reach a lost server."""
ANSWER_S = 2.0
"""Longest wait for an answer; a server that hangs is given up and tried again."""
PACE_S = 0.2
"""Shortest time from one look to the next (5 ms of CPU each): somebody may be drawing a slider."""
STREAMS_PACE_S = 1.0
"""The same where only programs began or ceased to play, which some do all the time."""
RELIST_S = 3.0
"""The same for a list of a process's own, which takes half a second of CPU."""
STOP_S_MAX = 2.0

OnChange = Callable[[], None]


class Watch(Protocol):
    """What the keeper knows of the devices. `world` is read by any thread; the rest belongs to the keeper's owner."""

    @property
    def world(self) -> World | None:
        """The devices as of the last change; None while nobody can tell."""
        ...

    def miss(self) -> None:
        """A device is not there: look, if nobody tells by himself. From any thread, as often as wanted."""
        ...

    def close(self) -> None:
        """End the thread."""
        ...


MakeWatch = Callable[[OnChange], Watch]
"""Begins to watch; the callback is called in the watch's thread whenever `world` is another one."""


class NoWatch:
    """Knows nothing: devices are found by opening them, and defaults are not followed."""

    world: World | None = None

    def __init__(self, on_change: OnChange) -> None:
        pass

    def miss(self) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """There is no thread."""


class PulseWatch:
    """Watches PulseAudio or PipeWire from its making until `close`."""

    def __init__(self, on_change: OnChange) -> None:
        self.world: World | None = None
        self._on_change = on_change
        self._stopping = threading.Event()
        self._wake_fd, self._stop_fd = os.pipe()
        self._changed = self._is_urgent = False
        self._thread = threading.Thread(target=self._run, name="audio-watch", daemon=True)
        self._thread.start()

    def miss(self) -> None:
        """The server tells by itself."""

    def close(self) -> None:
        """End the thread; a server that hangs cannot hold it up. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        os.write(self._stop_fd, b"x")
        self._thread.join(STOP_S_MAX)
        if not self._thread.is_alive():
            for descriptor in (self._wake_fd, self._stop_fd):
                os.close(descriptor)

    def _run(self) -> None:
        bounds = pulse.BoundedPoll(stop_fd=self._wake_fd)
        while not self._stopping.is_set():
            bounds.limit(ANSWER_S)
            try:
                with pulse.connection(bounds) as server:
                    self._follow(server, bounds)
            except ConnectionError:
                pass
            except Exception:  # noqa: BLE001 - what is not known is better than what was known once
                get_logger().exception("audio.watch_failed")
            self._tell(None)
            self._stopping.wait(RETRY_S)

    def _follow(self, server: Any, bounds: pulse.BoundedPoll) -> None:
        """Look, and again after each change. Raises ConnectionError through `connection` when the server is gone."""
        server.event_callback_set(self._notice)
        server.event_mask_set("server", "source", "source_output", "sink", "sink_input")
        while not self._stopping.is_set():
            bounds.limit(ANSWER_S)
            self._changed = self._is_urgent = False
            self._tell(pulse.look(server))
            looked_s = time.monotonic()
            while not self._changed and not self._stopping.is_set():
                bounds.limit(None)
                server.event_listen(None)
            pace_s = PACE_S if self._is_urgent else STREAMS_PACE_S
            self._stopping.wait(max(0.0, looked_s + pace_s - time.monotonic()))

    def _notice(self, event: Any) -> None:
        import pulsectl  # noqa: PLC0415 - loaded long since

        self._changed = True
        self._is_urgent |= event.facility != "sink_input"
        raise pulsectl.PulseLoopStop

    def _tell(self, world: World | None) -> None:
        if world is None and self.world is None:
            return
        self.world = world
        if not self._stopping.is_set():
            self._on_change()


class ListWatch:
    """Lists devices anew when one is missed. listing: gives what a fresh process sees."""

    def __init__(self, on_change: OnChange, listing: Callable[[], Devices] = devices.list_portaudio) -> None:
        self.world: World | None = None
        self._on_change = on_change
        self._listing = listing
        self._stopping = threading.Event()
        self._missed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audio-watch", daemon=True)
        self._thread.start()

    def miss(self) -> None:
        """Look soon, at most every `RELIST_S`."""
        self._missed.set()

    def close(self) -> None:
        """End the thread; a list that is being made is left to itself. May be called twice."""
        self._stopping.set()
        self._missed.set()
        self._thread.join(STOP_S_MAX)

    def _run(self) -> None:
        while True:
            self._missed.wait()
            if self._stopping.is_set():
                return
            self._missed.clear()
            found = self._listing()
            if found.warnings:
                get_logger().warning("audio.listing_failed", reason=found.warnings[0])
            else:
                self.world = World(found, monotonic_ns(), dict.fromkeys(found.ids(), 0))
                self._on_change()
            self._stopping.wait(RELIST_S)


def watch_devices(on_change: OnChange) -> Watch:
    """The watch of this machine."""
    return ListWatch(on_change) if sys.platform == "darwin" else PulseWatch(on_change)
