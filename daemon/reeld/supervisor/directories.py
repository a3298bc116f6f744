"""The two folders a daemon owns: private runtime folder and store, each held by a lock that names its holder.

DESIGN: the lock is an flock, which the kernel drops however the holder ends, so a crash needs no repair. Workers
inherit the descriptors: after a kill -9 of the daemon the locks stay taken until its last worker has left, so that a
new daemon never shares sockets or the store with the workers of a dead one.
"""

import contextlib
import errno
import fcntl
import os
import stat
import time
from pathlib import Path

from reeld_proto.errors import ErrorCode, RequestRejected

LOCK_NAME = "reeld.lock"
ORPHANS_LEAVE_S = 5.0
"""How long the workers of a dead daemon are waited for; they leave within 2 s of its death."""
_POLL_S = 0.02


def prepare_private_dir(path: Path) -> None:
    """Make `path` a folder that only this user may enter (0700): the access control of all our sockets.

    Raises RequestRejected (PERMISSION) if it belongs to somebody else, is not a folder, or cannot be made private.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise RequestRejected(f"cannot create {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    # lstat: a symbolic link planted in a shared temporary folder would otherwise lead our sockets elsewhere.
    if not stat.S_ISDIR(found.st_mode):
        raise RequestRejected(f"{path} is not a folder", code=ErrorCode.PERMISSION)
    if found.st_uid != os.getuid():
        raise RequestRejected(
            f"{path} belongs to user {found.st_uid}, not to you",
            code=ErrorCode.PERMISSION,
            remedy="Choose a folder of your own with --runtime or --store.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        with contextlib.suppress(OSError):
            path.chmod(0o700)
        if stat.S_IMODE(path.lstat().st_mode) & 0o077:
            raise RequestRejected(f"{path} can be entered by other users", code=ErrorCode.PERMISSION)


class DirectoryLock:
    """Exclusive hold of a folder for the life of this process and of the workers that inherit `fd`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fd = -1

    def acquire(self, note: str, *, orphans_leave_s: float = ORPHANS_LEAVE_S) -> None:
        """Take the lock and write our pid and `note` (one line) into it. Blocks only for a dead daemon's workers.

        Raises RequestRejected: ALREADY_RUNNING with the holder's pid and note, or PERMISSION.
        """
        try:
            fd = os.open(self.directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RequestRejected(
                f"cannot write in {self.directory}: {error.strerror}", code=ErrorCode.PERMISSION
            ) from error
        try:
            self._wait_for_lock(fd, time.monotonic() + orphans_leave_s)
        except BaseException:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n{note}\n".encode(), 0)
        self.fd = fd

    def _wait_for_lock(self, fd: int, deadline_s: float) -> None:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
            else:
                return
            pid, note = self._holder(fd)
            if _alive(pid) or time.monotonic() >= deadline_s:
                raise RequestRejected(
                    f"{self.directory} is held by process {pid} ({note})",
                    code=ErrorCode.ALREADY_RUNNING,
                    remedy=f"Use the daemon that runs, or end it first: kill {pid}",
                )
            # The process is a start-up of ours with no event loop yet, so waiting here delays nobody.
            time.sleep(_POLL_S)

    @staticmethod
    def _holder(fd: int) -> tuple[int, str]:
        pid, _, note = os.pread(fd, 4096, 0).decode(errors="replace").strip().partition("\n")
        return (int(pid) if pid.isdigit() else 0), note or "starting"

    def release(self) -> None:
        """Give the folder up. May be called twice. The file stays: removing it would let two holders exist."""
        if self.fd >= 0:
            os.ftruncate(self.fd, 0)
            os.close(self.fd)
            self.fd = -1


def _alive(pid: int) -> bool:
    if pid <= 0:
        # The file is still empty: the holder is between taking the lock and writing its name.
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def remove_stale_sockets(runtime_dir: Path) -> list[str]:
    """Remove the sockets a dead daemon left, and return their names. Only for the holder of the folder's lock."""
    removed = []
    for path in sorted(runtime_dir.glob("*.sock")):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
            removed.append(path.name)
    return removed
