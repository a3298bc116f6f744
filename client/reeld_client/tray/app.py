"""Follows a daemon, keeps the model, does what is chosen; a screen shows it.

Three threads: the screen's own (the main one), one that listens to the daemon and one that does what was chosen, each
with a client of its own. They meet in the model, under a lock, and nothing is kept when the daemon goes.
"""

import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from reeld_client.client import Client
from reeld_client.tray.doing import do
from reeld_client.tray.menu import Action, Entry, menu
from reeld_client.tray.model import Face, Notice, TrayModel
from reeld_proto.commands import Snapshot
from reeld_proto.errors import ReeldError
from reeld_proto.events import AnyEvent

RETRY_S = 1.0
"""How often a daemon is looked for: one attempt to connect to a local socket."""
LOOK_RECORDING_S = 2.0
LOOK_IDLE_S = 5.0
"""How often the state is asked for beside the events: size, and private mode, which others may switch."""
_LISTEN_S = 0.5


class Screen(Protocol):
    """Where icon and menu are shown. It asks the tray for what to show, whenever told that this may have changed."""

    def run(self) -> None:
        """Show the icon until `stop`. In the main thread."""
        ...

    def refresh(self) -> None:
        """Something may have changed. From any thread."""
        ...

    def tell(self, notice: Notice) -> None:
        """Notify. From any thread."""
        ...

    def stop(self) -> None:
        """Let `run` return. From any thread, also before `run`."""
        ...


class Tray:
    """One daemon's tray. The methods that screens call are for any thread and never wait for the daemon."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._model = TrayModel()
        self._lock = threading.Lock()
        self._chosen: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._screen: Screen | None = None

    def face(self) -> Face:
        """What the icon shows now."""
        with self._lock:
            return self._model.face(time.monotonic())

    def tooltip(self) -> str:
        """The state in words, some lines."""
        with self._lock:
            return self._model.tooltip(time.monotonic())

    def entries(self) -> list[Entry]:
        """The menu as of now."""
        with self._lock:
            return menu(self._model, time.monotonic())

    def choose(self, action: Action) -> None:
        """A person chose this entry."""
        if action is Action.QUIT:
            self.quit()
        else:
            self._chosen.put(action)

    def quit(self) -> None:
        """Let `run` return; the daemon is left as it is. Not from a signal handler."""
        self._stopping.set()
        if self._screen is not None:
            self._screen.stop()

    def run(self, screen: Screen) -> None:
        """Show the daemon on `screen` until somebody quits."""
        self._screen = screen
        threads = [
            threading.Thread(target=self._follow, name="tray-follows"),
            threading.Thread(target=self._work, name="tray-does", daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            screen.run()
        finally:
            self._stopping.set()
            self._chosen.put(None)
            for thread in threads:
                # What is being done (an export, say) is the daemon's business and goes on without us.
                thread.join(2 * _LISTEN_S)

    def _follow(self) -> None:
        with Client(self._runtime) as client:
            while not self._stopping.is_set():
                with suppress(ReeldError):
                    self._listen(client)
                with self._lock:
                    notices = self._model.lose()
                self._show(notices)
                self._stopping.wait(RETRY_S)

    def _listen(self, client: Client) -> None:
        """Until the daemon goes away: raises TransportError then."""
        with client.events("session", "worker") as events:
            looked_s = time.monotonic()
            while not self._stopping.is_set():
                item = events.receive(_LISTEN_S)
                if item is not None:
                    self._see(item)
                with self._lock:
                    pause_s = LOOK_RECORDING_S if self._model.session is not None else LOOK_IDLE_S
                if time.monotonic() - looked_s >= pause_s:
                    self._see(client.snapshot())
                    looked_s = time.monotonic()

    def _see(self, item: Snapshot | AnyEvent) -> None:
        with self._lock:
            notices = self._model.see(item, time.monotonic())
        self._show(notices)

    def _show(self, notices: Sequence[Notice]) -> None:
        if self._screen is not None and not self._stopping.is_set():
            self._screen.refresh()
            for notice in notices:
                self._screen.tell(notice)

    def _work(self) -> None:
        with Client(self._runtime) as client:
            while (action := self._chosen.get()) is not None:
                notice = do(action, client)
                with suppress(ReeldError):
                    self._see(client.snapshot())
                self._show([notice] if notice is not None else [])
