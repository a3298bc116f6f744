"""What `reelctl doctor` finds out, and how many checks are made at once within a time limit.

No message: both the client and the daemon's package check what they can reach, and give it in the same words.
"""

import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from reeld_proto.records import Record


class CheckStatus(StrEnum):
    """How bad it is. warning: recording works, with something missing or dearer; fault: something asked for fails."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(Record, frozen=True, kw_only=True):
    """One line. remedy: what the person can do, one sentence; empty when nothing needs to be done."""

    check: str
    status: CheckStatus
    detail: str
    remedy: str = ""


class Examined(Struct, frozen=True, kw_only=True):
    """What the daemon's package tells. config: the settings without anything private, only if they were asked for."""

    findings: list[Finding]
    config: dict[str, Any] | None = None


Check = Callable[[], list[Finding]]


def fine(check: str, detail: str) -> Finding:
    """A line that is in order."""
    return Finding(check=check, status=CheckStatus.OK, detail=detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    """A line about what is missing or dearer than need be."""
    return Finding(check=check, status=CheckStatus.WARNING, detail=detail, remedy=remedy)


def fault(check: str, detail: str, remedy: str) -> Finding:
    """A line about what will fail."""
    return Finding(check=check, status=CheckStatus.FAULT, detail=detail, remedy=remedy)


def run_checks(checks: Mapping[str, Check], limit_s: float) -> list[Finding]:
    """Make all checks at once, each in a thread; their findings in the order of `checks`.

    A check that raises, or has not answered after `limit_s` seconds, is a fault of its own name. Its thread is a daemon
    thread and may outlive the call: a driver that hangs cannot be interrupted.
    """
    found: dict[str, list[Finding]] = {}

    def run(name: str, check: Check) -> None:
        try:
            found[name] = check()
        except Exception as error:  # noqa: BLE001 - whatever breaks in one check must not hide the others
            about = f"the check itself failed: {type(error).__name__}: {error}"
            found[name] = [fault(name, about, "This is a fault of reeld; please report it.")]

    threads = [threading.Thread(target=run, args=item, name=f"check-{item[0]}", daemon=True) for item in checks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit_s
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {limit_s:g} s"
    hangs = "Something behind it hangs: a driver, a server or a disk."
    return [finding for name in checks for finding in found.get(name, [fault(name, late, hangs)])]
