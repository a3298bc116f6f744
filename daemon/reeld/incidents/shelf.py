"""Reports on the disk: a small JSON file an incident, in a folder of their own beside the store; the oldest go.

Belongs to the event loop's thread: incidents are rare, and their files small.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.incidents import Incident

FOLDER = "incidents"
KEPT_MAX = 50
_SUFFIX = ".json"
_BYTES_MAX = 256 * 1024
_READING = msgspec.json.Decoder(Incident)


class Shelf:
    """folder: made at its first need, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, incident: Incident) -> None:
        """Keep a report. A disk that does not take it is told to the log; nothing else suffers."""
        path = self._folder / f"{incident.id}{_SUFFIX}"
        draft = path.with_suffix(".tmp")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(incident)))
            draft.replace(path)
            for old in self._paths()[:-KEPT_MAX]:
                old.unlink(missing_ok=True)
        except OSError as error:
            get_logger().error("incident.not_kept", reason=str(error))

    def all(self) -> list[Incident]:
        """Every report that can be read, the newest last."""
        return [found for path in self._paths() if (found := _read(path)) is not None]

    def find(self, id: str) -> Incident:
        """One report. Raises RequestRejected(NOT_FOUND)."""
        for found in self.all():
            if found.id == id:
                return found
        raise RequestRejected(
            f"there is no incident {id}", code=ErrorCode.NOT_FOUND, remedy="See `reelctl incidents list`."
        )

    def clear(self) -> list[Incident]:
        """Remove all; what was removed. Raises RequestRejected when the folder does not let go of them."""
        gone = self.all()
        try:
            for path in self._paths():
                path.unlink(missing_ok=True)
        except OSError as error:
            raise RequestRejected(
                f"cannot remove from {self._folder}: {error.strerror}", code=ErrorCode.PERMISSION
            ) from error
        return gone

    def _paths(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(path for path in self._folder.iterdir() if path.suffix == _SUFFIX)
        return []


def _read(path: Path) -> Incident | None:
    try:
        with path.open("rb") as file:
            return _READING.decode(file.read(_BYTES_MAX))
    except (OSError, msgspec.DecodeError):
        return None
