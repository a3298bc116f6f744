"""The one place where errors of LMDB and of the file system under it become ours."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import lmdb

from reeld.store import suspicion
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, StoreCorrupt

NO_ADDRESS_SPACE = frozenset({errno.ENOMEM, errno.EFBIG, errno.EINVAL if sys.platform == "darwin" else errno.ENOMEM})
_NEARLY_FULL_BYTES = 64 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TOLD_IN_WORDS = (*_FULL, *_FORBIDDEN, errno.EIO, errno.ENOMEM)
_DAMAGED = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
    # A transaction that met damage goes on failing so, and one whose list of tables was changed under it.
    lmdb.BadTxnError,
    lmdb.BadDbiError,
    lmdb.IncompatibleError,
)


def errno_of(error: BaseException) -> int:
    """The operating system's number in an error of lmdb or of its own; 0 if there is none."""
    if isinstance(error, OSError):
        return error.errno or 0
    number = getattr(error, "code", None)
    if isinstance(number, int):
        return number
    # Releases of lmdb before 2 tell the number in words only.
    return next((each for each in _TOLD_IN_WORDS if os.strerror(each) in str(error)), 0)


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return _NEARLY_FULL_BYTES


def translate(error: BaseException, path: Path) -> ReeldError:  # noqa: PLR0911 - one return a meaning
    """What an error of lmdb or of the operating system means to a user of the store in `path`."""
    number = errno_of(error)
    # lmdb reports a short write, which is how a disk that fills up shows first, as EIO.
    filled_up = number == errno.EIO and _free_bytes(path) < _NEARLY_FULL_BYTES
    if isinstance(error, lmdb.MapFullError):
        return RequestRejected(
            f"the store in {path} needs more address space than this process was given",
            code=ErrorCode.DISK_FULL,
            remedy="Give it more address space (ulimit -v), or delete sessions; the disk is not full.",
        )
    if number in _FULL or filled_up:
        return RequestRejected(
            f"no room left for the store in {path}", code=ErrorCode.DISK_FULL, remedy="Free space on its disk."
        )
    if number in _FORBIDDEN or isinstance(error, lmdb.ReadonlyError):
        return RequestRejected(
            f"the store in {path} may not be opened: {error}",
            code=ErrorCode.PERMISSION,
            remedy="Check who owns the folder and its files.",
        )
    if isinstance(error, _DAMAGED):
        suspicion.distrust(path)
        return StoreCorrupt(f"the store in {path} is damaged: {error}", remedy=suspicion.REMEDY)
    if isinstance(error, lmdb.NotFoundError):
        return RequestRejected(f"there is no finished store in {path}", code=ErrorCode.NOT_FOUND)
    if isinstance(error, OSError | lmdb.DiskError) or number == errno.EIO:
        return RequestRejected(f"the disk of the store in {path} failed: {error}", code=ErrorCode.DISK_FAILED)
    return InternalError(f"the store in {path} was misused: {type(error).__name__}: {error}")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of lmdb and the operating system inside the block leave it as ours."""
    try:
        yield
    except (lmdb.Error, OSError) as error:
        raise translate(error, path) from error
