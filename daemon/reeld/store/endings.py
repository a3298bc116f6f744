"""Who writes to the store, and how those before it ended.

DESIGN: LMDB follows page numbers blindly; a damaged one may end the store worker, or the daemon that reads beside it
and whose end is the worker's. So every writer adds a line to a file in the store's folder and empties it when it
leaves: the number of lines tells the next one how many in a row did not. While it lives it holds a lock on that file,
which keeps a second writer out, whatever started it. The file is no part of the format.
"""

import fcntl
import os
from pathlib import Path

from reeld.runtime.logs import get_logger
from reeld.store.lmdb_errors import translated
from reeld.store.pruning import PageFault, prune
from reeld_proto.errors import ErrorCode, RequestRejected

MARK_FILE = "in-use"
SUSPICIOUS = 2
"""Ends in a row without a proper close: one may be a power cut, and the check is not free."""

LOGGED_MAX = 100


class Tenancy:
    """The right to write to the store in `folder`, from now until `end` or the end of the process.

    suspicious: the file is known to be damaged. damaged: what could have ended the last writers; it is taken out of the
    file now. Raises RequestRejected (ALREADY_RUNNING, naming the process; PERMISSION; DISK_FULL) or StoreCorrupt.
    """

    def __init__(self, folder: Path, *, suspicious: bool = False) -> None:
        with translated(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(folder / MARK_FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with translated(folder):
                self.damaged = self._move_in(folder, suspicious=suspicious)
        except BaseException:
            os.close(self._descriptor)
            raise

    def end(self) -> None:
        """The store was closed properly. Called once."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def _move_in(self, folder: Path, *, suspicious: bool) -> list[PageFault]:
        lines = os.pread(self._descriptor, 65536, 0).split()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = lines[-1].decode(errors="replace") if lines else "another"
            raise RequestRejected(
                f"process {holder} writes to the store in {folder}",
                code=ErrorCode.ALREADY_RUNNING,
                remedy="Stop it, or choose another store with --store.",
            ) from error
        damaged = prune(folder) if suspicious or len(lines) >= SUSPICIOUS else []
        for fault in damaged[:LOGGED_MAX]:
            get_logger().error("store.page_damaged", table=fault.table, page=fault.page, reason=fault.reason)
        os.write(self._descriptor, b"%d\n" % os.getpid())
        return damaged
