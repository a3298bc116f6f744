"""launchd, by `launchctl` in the domain of the user's graphical login."""

import os
import re
import time
from collections import deque
from pathlib import Path
from typing import NoReturn

from reeld_client.service import templates
from reeld_client.service.agent import rendered_agent
from reeld_client.service.files import remove_if_empty
from reeld_client.service.models import ServiceLogs, ServiceStatus
from reeld_client.service.programs import Ran, failed, no_manager, run

LABEL = "org.reeld.reeld"
_NOT_FOUND = 113
"""`launchctl print`: the domain is there, the service is not."""
_STOP_S = 50.0
"""launchd kills after ExitTimeOut of the agent, 40 s."""
_LOOK_EVERY_S = 0.05


class Launchd:
    """The `Manager` of macOS. The agent is in `~/Library/LaunchAgents`, its log in `~/Library/Logs/reeld`."""

    name = "launchd"

    def __init__(self) -> None:
        self._domain = f"gui/{os.getuid()}"
        self._target = f"{self._domain}/{LABEL}"
        self.restart_words = f"launchctl bootout {self._target}; reelctl service install"

    @property
    def path(self) -> Path:
        """The agent."""
        return Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    @property
    def log(self) -> Path:
        """What the daemon writes to its standard streams."""
        return Path.home() / "Library" / "Logs" / "reeld" / "reeld.log"

    def rendered(self, command: list[str], release: str, *, own_runtime: bool) -> bytes:  # noqa: ARG002 - see `Manager`
        """See `Manager`. launchd makes no folders for sockets; the daemon makes its own."""
        return rendered_agent(templates.read_template(templates.AGENT), command, release, self.log)

    def status(self) -> ServiceStatus:
        """See `Manager`. An agent in its folder is loaded at login unless it was disabled by name."""
        found = self._printed()
        installed = self.path.exists()
        pid = _value(found, "pid")
        state = _value(found, "state") or "not loaded"
        return ServiceStatus(
            installed=installed,
            enabled=installed and not self._disabled(),
            active=state == "running",
            pid=int(pid) if pid.isdigit() else None,
            path=str(self.path),
            manager=self.name,
            state=state,
        )

    def start(self, *, changed: bool, restart: bool) -> None:  # noqa: ARG002 - launchd reads the file when it loads it
        """See `Manager`."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._do("enable", self._target)
        loaded = bool(self._printed())
        if loaded and restart:
            self._unload()
            loaded = False
        if not loaded:
            self._do("bootstrap", self._domain, str(self.path))
        elif not self.status().active:
            self._do("kickstart", self._target)

    def stop(self) -> None:
        """See `Manager`."""
        if self._printed():
            self._unload()

    def leftovers(self) -> list[Path]:
        """The agent and the logs."""
        return [self.path, self.log.parent]

    def forget(self) -> None:
        """See `Manager`. launchd remembers nothing but what is loaded."""
        remove_if_empty([self.path.parent])

    def warnings(self) -> list[str]:
        """See `Manager`. Whether screen and microphone may be recorded is asked by macOS when it happens."""
        return []

    def logs(self, count: int) -> ServiceLogs:
        """See `Manager`."""
        lines: list[str] = []
        if self.log.exists():
            with self.log.open(errors="replace") as file:
                lines = [line.rstrip("\n") for line in deque(file, maxlen=count)]
        return ServiceLogs(manager=self.name, source=str(self.log), lines=lines)

    def follow_logs(self, count: int) -> NoReturn:
        """See `Manager`. The log may be put aside meanwhile: `-F` follows its name."""
        words = ["tail", "-n", str(count), "-F", str(self.log)]
        try:
            os.execvp(words[0], words)  # noqa: S606 - no shell is wanted
        except OSError as error:
            raise no_manager(f"{words[0]} cannot be run: {error.strerror}") from error

    def _printed(self) -> str:
        """What launchd says of the service; empty if it is not loaded."""
        ran = run("launchctl", "print", self._target)
        if ran.code == 0:
            return ran.out
        if ran.code == _NOT_FOUND and run("launchctl", "print", self._domain).code == 0:
            return ""
        raise no_manager(ran.why)

    def _disabled(self) -> bool:
        ran = run("launchctl", "print-disabled", self._domain)
        return re.search(rf'"{re.escape(LABEL)}" => (?:disabled|true)', ran.out) is not None

    def _unload(self) -> None:
        """Returns when the daemon has gone: bootout may answer while the session is still being ended."""
        deadline = time.monotonic() + _STOP_S
        ran = _launchctl("bootout", self._target, timeout_s=_STOP_S)
        while self._printed():
            if time.monotonic() > deadline:
                raise failed("the daemon could not be ended", ran)
            time.sleep(_LOOK_EVERY_S)

    def _do(self, *words: str) -> None:
        ran = _launchctl(*words)
        if ran.code:
            raise failed(f"`launchctl {' '.join(words)}` failed", ran)


def _launchctl(*words: str, timeout_s: float = 30.0) -> Ran:
    return run("launchctl", *words, timeout_s=timeout_s)


def _value(printed: str, key: str) -> str:
    """A line `key = value` of the service itself, not of what is nested in it."""
    found = re.search(rf"^\t{key} = (.+)$", printed, re.MULTILINE)
    return found[1].strip() if found else ""
