"""Whether reeld starts by itself at login: the unit's file, and what the service manager says of it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from reeld_client.service.launchd import LABEL, Launchd
from reeld_client.service.systemd import UNIT, Systemd
from reeld_proto.doctor import Finding, fault, fine, warning

LIMIT_S = 1.5
_INSTALL = "Let it start at login: reelctl service install."


@dataclass(frozen=True)
class ServiceFacts:
    """manager: whether a service manager of this user answers. enabled, active: in systemd's words, else empty."""

    installed: bool
    manager: bool
    enabled: str = ""
    active: str = ""


def judge(facts: ServiceFacts) -> Finding:
    """One line."""
    if not facts.installed:
        return warning("service", "reeld is not installed as a service: it runs when it is started by hand", _INSTALL)
    if not facts.manager:
        return warning("service", "installed, but no service manager answers here", "Look at it in a login session.")
    if facts.active == "failed":
        return fault("service", "it has failed", f"See why: journalctl --user -u {UNIT}; then start it again.")
    if facts.enabled in {"disabled", "masked"}:
        about = f"installed, but {facts.enabled}: it does not start at login"
        return warning("service", about, f"systemctl --user enable --now {UNIT}")
    if facts.active != "active":
        about = f"installed and {facts.enabled or 'loaded'}, but not running ({facts.active or 'unknown'})"
        return warning("service", about, f"systemctl --user start {UNIT}" if sys.platform == "linux" else _INSTALL)
    return fine("service", "installed, enabled and running")


def read_properties(text: str) -> dict[str, str]:
    """The lines `Key=value` of `systemctl show`."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def gather() -> ServiceFacts:
    """Look at the file and ask the manager. Blocks for `LIMIT_S` at most."""
    return _of_launchd() if sys.platform == "darwin" else _of_systemd()


def unit_folders() -> list[Path]:
    """Where systemd looks for a user's units, as far as they are put there by hand or by a package."""
    system = ("/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user", "/lib/systemd/user")
    return [Systemd().path.parent, *map(Path, system)]


def _of_systemd() -> ServiceFacts:
    installed = any((folder / UNIT).exists() for folder in unit_folders())
    said = _said("systemctl", "--user", "show", UNIT, "-p", "LoadState,ActiveState,UnitFileState")
    if said is None:
        return ServiceFacts(installed, manager=False)
    found = read_properties(said)
    installed = installed or found.get("LoadState") == "loaded"
    return ServiceFacts(installed, True, found.get("UnitFileState", ""), found.get("ActiveState", ""))  # noqa: FBT003


def _of_launchd() -> ServiceFacts:
    installed = Launchd().path.exists()
    said = _said("launchctl", "print", f"gui/{os.getuid()}/{LABEL}")
    running = said is not None and "state = running" in said
    return ServiceFacts(installed, True, "enabled", "active" if running else "inactive")  # noqa: FBT003


def _said(*command: str) -> str | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def check() -> list[Finding]:
    """The finding about the service."""
    return [judge(gather())]
