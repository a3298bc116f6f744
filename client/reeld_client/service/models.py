"""What a service manager is to us, and what it answers. The structs are the documents of `reelctl service --json`."""

from pathlib import Path
from typing import NoReturn, Protocol

from msgspec import Struct, field


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """What the manager knows of reeld. path: the file that is or would be installed. state: the manager's own word.

    enabled: whether a login starts it. active: whether it serves, starts or stops just now. pid: of the daemon.
    """

    installed: bool
    enabled: bool
    active: bool
    pid: int | None
    path: str
    manager: str
    state: str = ""


class ServiceInstalled(Struct, frozen=True, kw_only=True):
    """What `install` did. changed: whether the file is another than before. restarted: whether a daemon was, for it."""

    manager: str
    path: str
    changed: bool
    restarted: bool
    active: bool
    pid: int | None
    warnings: list[str] = field(default_factory=list)


class ServiceRemoved(Struct, frozen=True, kw_only=True):
    """What `uninstall` removed: files and folders; none if nothing was installed."""

    manager: str
    removed: list[str]
    warnings: list[str] = field(default_factory=list)


class ServiceLogs(Struct, frozen=True, kw_only=True):
    """The last lines of the daemon, its workers (JSON each) and the manager about them, oldest first."""

    manager: str
    source: str
    lines: list[str]


class Manager(Protocol):
    """A service manager that runs reeld. All methods raise RequestRejected naming the remedy, and block."""

    name: str
    restart_words: str
    """The command with which a person restarts the daemon."""

    @property
    def path(self) -> Path:
        """The file it reads."""

    def rendered(self, command: list[str], release: str, *, own_runtime: bool) -> bytes:
        """The file's content for this command line. own_runtime: the sockets are where the manager makes their folder.

        Pure but for reading the template. release: of reeld; another one makes another file.
        """

    def status(self) -> ServiceStatus:
        """What it knows now."""

    def start(self, *, changed: bool, restart: bool) -> None:
        """Have logins start it, and start it now. changed: the file did. restart: end a daemon that runs, first."""

    def stop(self) -> None:
        """End the daemon cleanly and have logins start it no more. Nothing happens where nothing is installed."""

    def leftovers(self) -> list[Path]:
        """All files and folders that belong to the installation, present or not."""

    def forget(self) -> None:
        """Called after the files are gone: nothing of them stays in the manager's memory, nor folders left empty."""

    def warnings(self) -> list[str]:
        """Why it might not start at the next login, or not see the screen."""

    def logs(self, count: int) -> ServiceLogs:
        """The last `count` lines."""

    def follow_logs(self, count: int) -> NoReturn:
        """Become the program that prints the last `count` lines and those to come, until Ctrl-C."""
