"""A little room kept back, so that a full disk can still be told what may go.

DESIGN: even to delete, LMDB writes: the pages it changes, and the list of those that become free. On a disk without a
free block nothing could ever be dropped. A small file holds some room; an order that finds none is given it and tried
once more. Recorded media never is: it would only fill it.
"""

import contextlib
import os
import shutil
from pathlib import Path

FILE_NAME = "spare"
SPARE_BYTES = 4 * 1024 * 1024
_ROOM_BYTES = 4 * SPARE_BYTES
"""Free disk from which on a part of it is kept back."""


class Spare:
    """The spare room of the store in a folder. Used by the thread that writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME

    def keep(self) -> None:
        """Take the room, if it is not taken and there is enough. A disk that refuses is no fault."""
        with contextlib.suppress(OSError):
            if self._path.exists() or shutil.disk_usage(self._folder).free < _ROOM_BYTES:
                return
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(handle, 0, SPARE_BYTES)
                else:
                    os.write(handle, bytes(SPARE_BYTES))
            except OSError:
                self._path.unlink(missing_ok=True)
                raise
            finally:
                os.close(handle)

    def give(self) -> bool:
        """Free the room; False if there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
