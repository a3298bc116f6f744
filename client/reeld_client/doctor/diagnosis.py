"""Everything `reelctl doctor` finds: the client's own checks beside those of the daemon's package."""

import threading
from pathlib import Path
from typing import Any

from reeld_client import daemon_package
from reeld_client.doctor import daemon, folders, incidents, service, sockets
from reeld_proto.doctor import Check, CheckStatus, Examined, Finding, fault, run_checks, warning
from reeld_proto.errors import ReeldError
from reeld_proto.records import Record

OWN_LIMIT_S = 4.0
PACKAGE_LIMIT_S = 8.0
"""Longest wait for the process of the daemon's package. It ends its own checks after 4.5 s; starting it took 0.5 s."""


class Diagnosis(Record, frozen=True, kw_only=True):
    """What was found. ok: no fault. bundle: the file that was written, if any."""

    ok: bool
    findings: list[Finding]
    bundle: str | None = None


def diagnose(runtime: Path, store: Path, *, with_config: bool = False) -> tuple[Diagnosis, dict[str, Any] | None]:
    """Look at everything; blocks for `PACKAGE_LIMIT_S` at most, about 1 s where nothing hangs.

    with_config: the settings too, without anything private, if the daemon's package is there.
    """
    examined: list[Examined] = []
    words = ["--store", str(store), *(["--with-config"] if with_config else [])]
    asking = threading.Thread(target=lambda: examined.append(_of_package(words)), name="doctor-package", daemon=True)
    asking.start()
    own = run_checks(_own(runtime, store), OWN_LIMIT_S)
    asking.join()
    findings = [*own, *examined[0].findings]
    ok = all(finding.status is not CheckStatus.FAULT for finding in findings)
    return Diagnosis(ok=ok, findings=findings), examined[0].config


def _own(runtime: Path, store: Path) -> dict[str, Check]:
    return {
        "daemon": lambda: daemon.check(runtime),
        "sockets": lambda: sockets.check(runtime),
        "folders": lambda: folders.check(runtime, store),
        "service": service.check,
        "incidents": lambda: incidents.check(store),
    }


def _of_package(words: list[str]) -> Examined:
    """What the daemon's package finds; that it is missing is a finding, too."""
    missing = daemon_package.missing_modules()
    if missing:
        about = f"the extra `daemon` is not installed here (missing: {', '.join(missing)})"
        rest = "screens, sound, encoders, disk and clock were not looked at"
        return Examined(findings=[warning("packages", f"{about}: {rest}", daemon_package.INSTALL)])
    try:
        return daemon_package.ask("reeld.doctor", words, Examined, PACKAGE_LIMIT_S)
    except ReeldError as error:
        return Examined(findings=[fault("packages", str(error), error.remedy)])
