"""The log as a file, where there is no journal: one that does not grow without end.

DESIGN: every process of the daemon inherits the file as its stderr and appends to it, faulthandler and libraries in C
included. So it is not renamed when it is full, which none of them would notice, but copied and emptied. A line that is
written between the two is lost; the alternative, a pipe through the daemon, loses the last words of a daemon that dies.
"""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, RequestRejected

FILE_BYTES_MAX = 5_000_000
KEPT = 4
"""Older files beside the one that is written to: `reeld.log.1` is the newest of them."""
LOOK_EVERY_S = 30.0


class LogFile:
    """The log at `path`. Made by the daemon, before it starts anything."""

    def __init__(self, path: Path, *, bytes_max: int = FILE_BYTES_MAX, kept: int = KEPT) -> None:
        self.path = path
        self._bytes_max = bytes_max
        self._kept = kept

    def take_over(self) -> None:
        """Have this process and all that it starts say everything there. Raises RequestRejected."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise RequestRejected(
                f"cannot write the log {self.path}: {error.strerror}",
                code=ErrorCode.PERMISSION,
                remedy="Name another file with --log-file.",
            ) from error
        for ours in (1, 2):
            os.dup2(fd, ours)
        os.close(fd)

    def rotate(self) -> bool:
        """Put the file aside if it is full; whether it was. A disk that does not take the copy leaves it as it is."""
        try:
            if self.path.stat().st_size < self._bytes_max:
                return False
            for number in range(self._kept - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._older(number).replace(self._older(number + 1))
            draft = self.path.with_name(self.path.name + ".tmp")
            shutil.copyfile(self.path, draft)
            draft.chmod(0o600)
            draft.replace(self._older(1))
            os.truncate(self.path, 0)
        except OSError as error:
            get_logger().warning("log.not_rotated", reason=str(error))
            return False
        return True

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    async def serve(self) -> None:
        """Look at its size now and then, for the life of the daemon."""
        while True:
            await asyncio.to_thread(self.rotate)
            await asyncio.sleep(LOOK_EVERY_S)
