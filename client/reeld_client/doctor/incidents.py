"""Reports of crashes and stalls, read from beside the store, so that they are there when no daemon is."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from reeld_proto.doctor import Finding, fine, warning
from reeld_proto.incidents import Incident

FOLDER = "incidents"
RECENT = timedelta(days=7)
_BYTES_MAX = 256 * 1024
_HARMLESS = re.compile(r"killed by \w{1,20}( \d{1,3})?|exited with status \d{1,3}")
"""Of a stall the reason names a track, whose name may be a person's own."""


def read(store: Path) -> list[Incident]:
    """All reports that can be read, the newest last."""
    found = []
    for path in sorted((store / FOLDER).glob("*.json")):
        try:
            with path.open("rb") as file:
                found.append(msgspec.json.decode(file.read(_BYTES_MAX), type=Incident))
        except (OSError, msgspec.DecodeError):
            continue
    return found


def judge(found: list[Incident], now: datetime) -> Finding:
    """One line."""
    recent = [each for each in found if _is_recent(each, now)]
    if not recent:
        return fine("incidents", "no process of reeld crashed or stalled within a week")
    newest = recent[-1]
    about = f"{len(recent)} within a week, the last: {newest.worker}, {newest.kind} at {newest.at[:16]} UTC"
    remedy = "See `reelctl incidents list`; send `reelctl doctor --bundle FILE` with a report, then `incidents clear`."
    return warning("incidents", about, remedy)


def _is_recent(incident: Incident, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(incident.at) < RECENT
    except (ValueError, TypeError):
        return False


def check(store: Path) -> list[Finding]:
    """The finding about the reports beside `store`."""
    return [judge(read(store), datetime.now(UTC))]


def discreet(found: list[Incident]) -> list[dict[str, Any]]:
    """The reports for somebody who helps: a reason that names anything of the person's is left out."""
    return [
        {**msgspec.to_builtins(each), "reason": each.reason if _HARMLESS.fullmatch(each.reason) else ""}
        for each in found
    ]
