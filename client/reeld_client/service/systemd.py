"""systemd's user manager, by `systemctl --user` and `journalctl`."""

import os
from pathlib import Path
from typing import NoReturn

from reeld_client.service import templates
from reeld_client.service.files import remove_if_empty
from reeld_client.service.models import ServiceLogs, ServiceStatus
from reeld_client.service.programs import Ran, failed, no_manager, run
from reeld_client.service.unit import rendered_unit
from reeld_proto.errors import EXIT_CODES, ErrorCode, RequestRejected

UNIT = "reeld.service"
_DESKTOP = "graphical-session.target"
_OF_THE_DESKTOP = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY")
_START_S = 100.0
"""systemd itself gives up after 90 s."""
_STOP_S = 60.0
"""... and here after TimeoutStopSec= of the unit, 40 s."""
_ASKED = ("LoadState", "UnitFileState", "ActiveState", "SubState", "MainPID", "ExecMainStatus", "Result")


class Systemd:
    """The `Manager` of Linux desktops. The unit is in `$XDG_CONFIG_HOME/systemd/user`."""

    name = "systemd"
    restart_words = "systemctl --user restart reeld"

    @property
    def path(self) -> Path:
        """The unit."""
        base = os.environ.get("XDG_CONFIG_HOME")
        return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / UNIT

    def rendered(self, command: list[str], release: str, *, own_runtime: bool) -> bytes:
        """See `Manager`."""
        template = templates.read_template(templates.UNIT).decode()
        return rendered_unit(template, command, release, own_runtime=own_runtime).encode()

    def status(self) -> ServiceStatus:
        """See `Manager`. Also raises RequestRejected where the unit is masked."""
        found = self._properties()
        pid = int(found.get("MainPID") or 0)
        active = found.get("ActiveState", "")
        return ServiceStatus(
            installed=self.path.exists() or self.path.is_symlink(),
            enabled=found.get("UnitFileState", "").startswith("enabled"),
            active=active in ("active", "activating", "reloading", "deactivating"),
            pid=pid or None,
            path=str(self.path),
            manager=self.name,
            state=f"{active} ({found.get('SubState', '')})",
        )

    def start(self, *, changed: bool, restart: bool) -> None:
        """See `Manager`. What this shell knows of the screen is told to the manager, since not every desktop does."""
        if changed:
            self._do("daemon-reload")
        known = [name for name in _OF_THE_DESKTOP if os.environ.get(name)]
        if known:
            self._do("import-environment", *known)
        self._do("enable", UNIT)
        # It may be failed after too many tries with what has just been put right.
        _systemctl("reset-failed", UNIT)
        ran = _systemctl("restart" if restart else "start", UNIT, timeout_s=_START_S)
        if ran.code:
            raise self._not_started(ran)

    def stop(self) -> None:
        """See `Manager`."""
        if self._properties().get("LoadState") != "not-found" or self.path.exists():
            self._do("disable", "--now", UNIT, timeout_s=_STOP_S)

    def leftovers(self) -> list[Path]:
        """The unit and the settings beside it (`systemctl --user edit`), which mean nothing without it."""
        return [self.path, self.path.with_name(f"{UNIT}.d")]

    def forget(self) -> None:
        """See `Manager`."""
        remove_if_empty([self.path.parent / f"{_DESKTOP}.wants", self.path.parent, self.path.parent.parent])
        self._do("daemon-reload")
        _systemctl("reset-failed", UNIT)

    def warnings(self) -> list[str]:
        """See `Manager`."""
        found = []
        if _systemctl("is-active", "--quiet", _DESKTOP).code:
            found.append(
                f"this login has not reached {_DESKTOP}: if your desktop never does, let its own start-up run"
                " `systemctl --user start reeld`"
            )
        shown = {line.partition("=")[0] for line in _systemctl("show-environment").out.splitlines()}
        if not shown & {"DISPLAY", "WAYLAND_DISPLAY"}:
            found.append(
                "the service manager knows no display: run `systemctl --user import-environment DISPLAY XAUTHORITY`"
                " inside the graphical login, and restart reeld"
            )
        return found

    def logs(self, count: int) -> ServiceLogs:
        """See `Manager`. Where the journal is not readable for users, nothing is found."""
        ran = run(*_journal(count, "cat"))
        if ran.code:
            raise failed("the journal cannot be read", ran)
        return ServiceLogs(manager=self.name, source="journal", lines=ran.out.splitlines())

    def follow_logs(self, count: int) -> NoReturn:
        """See `Manager`."""
        words = [*_journal(count, "cat"), "--follow"]
        try:
            os.execvp(words[0], words)  # noqa: S606 - no shell is wanted
        except OSError as error:
            raise no_manager(f"{words[0]} cannot be run: {error.strerror}") from error

    def _properties(self) -> dict[str, str]:
        ran = _systemctl("show", UNIT, *(f"--property={name}" for name in _ASKED))
        if ran.code:
            raise no_manager(ran.why)
        found = dict(line.split("=", 1) for line in ran.out.splitlines() if "=" in line)
        if found.get("LoadState") == "masked":
            raise RequestRejected(
                f"{UNIT} is masked: systemd must not start it",
                code=ErrorCode.SERVICE_FAILED,
                remedy="Run `systemctl --user unmask reeld.service`.",
            )
        return found

    def _not_started(self, ran: Ran) -> RequestRejected:
        left_with = self._properties().get("ExecMainStatus", "")
        meant = [code for code, number in EXIT_CODES.items() if str(number) == left_with]
        if ErrorCode.ALREADY_RUNNING in meant:
            return RequestRejected(
                "another daemon holds the runtime directory or the store, so the service ended at once",
                code=ErrorCode.ALREADY_RUNNING,
                remedy="End the other daemon, then run this again.",
            )
        return failed(f"installed, but the daemon did not start (its exit code: {left_with or 'none'})", ran)

    def _do(self, *words: str, timeout_s: float = 30.0) -> None:
        ran = _systemctl(*words, timeout_s=timeout_s)
        if ran.code:
            raise failed(f"`systemctl --user {' '.join(words)}` failed", ran)


def _systemctl(*words: str, timeout_s: float = 10.0) -> Ran:
    return run("systemctl", "--user", "--no-pager", "--no-ask-password", *words, timeout_s=timeout_s)


def _journal(count: int, output: str) -> list[str]:
    # Not `--user -u`: without a journal of the user's own, which needs one kept on disk, the lines are in the system's.
    return ["journalctl", f"--user-unit={UNIT}", f"--lines={count}", f"--output={output}", "--no-pager", "--quiet"]
