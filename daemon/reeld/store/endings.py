"""Who writes to the store, how those before it ended, and whether the file is as the last of them left it.

DESIGN: LMDB follows page numbers blindly; a damaged one may end the store worker, or the daemon that reads beside it
and whose end is the worker's. So the first writer after something odd looks at the file before LMDB does, and takes
out what cannot be followed. Odd is: a file that is not as long, or was changed later, than when it was closed; a writer
that did not close it; damage that somebody met; descriptions of the file that contradict each other. A writer notes in
a file in the store's folder that it has begun, and, when it has closed the store, what the data file is like. While it
lives it holds a lock on that file, which keeps a second writer out, whatever started it. The file is no part of the
format.
"""

import fcntl
import os
from pathlib import Path

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.store.lmdb_errors import translated
from reeld.store.page_layout import OutOfTimeError, PageFault
from reeld.store.pruning import has_odd_descriptions, prune
from reeld.store.soundness import DATA_FILE, missing_bytes
from reeld.store.suspicion import MARK_FILE, clear, is_suspect
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S

SUSPICIOUS = 2
"""After so many ends in a row without a proper close every value is looked at, too. One may be a power cut."""

QUICK_BYTES_MAX = 4_000_000_000
"""After a single end without a proper close a larger file is not looked at: the start would wait for seconds."""

LOOK_NS_MAX = 12 * NS_PER_S
"""A worker must be ready after 20 s. So long takes a store of some hundred thousand chunks."""

LOGGED_MAX = 100
_CLOSED = b"closed"


class Tenancy:
    """The right to write to the store in `folder`, from now until `end` or the end of the process.

    damaged: what could have ended the last writers, or was done to the file since; it is taken out of the file now.
    Raises RequestRejected (ALREADY_RUNNING, naming the process; PERMISSION; DISK_FULL) or StoreCorrupt.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with translated(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(folder / MARK_FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with translated(folder):
                self.damaged = self._move_in()
        except BaseException:
            os.close(self._descriptor)
            raise

    def end(self) -> None:
        """The store was closed properly. Called once."""
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, _likeness(self._folder))
        os.close(self._descriptor)

    def _move_in(self) -> list[PageFault]:
        lines = os.pread(self._descriptor, 65536, 0).splitlines(keepends=True)
        writers = [line for line in lines if not line.startswith(_CLOSED)]
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = writers[-1].decode(errors="replace").strip() if writers else "another"
            raise RequestRejected(
                f"process {holder} writes to the store in {self._folder}",
                code=ErrorCode.ALREADY_RUNNING,
                remedy="Stop it, or choose another store with --store.",
            ) from error
        damaged = self._look(lines, len(writers))
        os.write(self._descriptor, b"%d\n" % os.getpid())
        return damaged

    def _look(self, lines: list[bytes], ended_badly: int) -> list[PageFault]:
        """Look at the pages as far as there is reason to."""
        folder = self._folder
        if not _length(folder):
            return []
        # A file without a note of how it was closed came from elsewhere.
        was_changed = not ended_badly and lines != [_likeness(folder)]
        thoroughly = (
            was_changed
            or ended_badly >= SUSPICIOUS
            or is_suspect(folder)
            or has_odd_descriptions(folder)
            or missing_bytes(folder) > 0
        )
        if not thoroughly and not (ended_badly and _length(folder) <= QUICK_BYTES_MAX):
            return []
        began_ns = monotonic_ns()
        try:
            damaged = prune(folder, values=thoroughly, deadline_ns=began_ns + LOOK_NS_MAX)
        except OutOfTimeError:
            get_logger().warning("store.pages_unchecked", size_bytes=_length(folder))
            return []
        clear(folder)
        get_logger().info(
            "store.pages_checked",
            was_changed=was_changed,
            ended_badly=ended_badly,
            took_ms=(monotonic_ns() - began_ns) // NS_PER_MS,
        )
        for fault in damaged[:LOGGED_MAX]:
            get_logger().error("store.page_damaged", table=fault.table, page=fault.page, reason=fault.reason)
        return damaged


def _length(folder: Path) -> int:
    try:
        return (folder / DATA_FILE).stat().st_size
    except FileNotFoundError:
        return 0


def _likeness(folder: Path) -> bytes:
    """What tells a data file from the same one changed by somebody else."""
    try:
        found = (folder / DATA_FILE).stat()
    except FileNotFoundError:
        return _CLOSED + b" without a file\n"
    return b"%s %d %d %d\n" % (_CLOSED, found.st_size, found.st_mtime_ns, found.st_ino)
