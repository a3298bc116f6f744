"""The file that an export makes: written beside its place under another name, synced, then put there in one step."""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from reeld_proto.errors import ErrorCode, RequestRejected

_MARK = ".reeld-part"


def check(target: Path) -> None:
    """Refuse a target that cannot be written, before any work. Raises RequestRejected (NOT_FOUND, PERMISSION, ...)."""
    if not target.is_absolute():
        raise RequestRejected(f"not an absolute path: {target}")
    folder = target.parent
    try:
        if not folder.exists():
            raise RequestRejected(
                f"there is no folder {folder}", code=ErrorCode.NOT_FOUND, remedy="Create it or choose another."
            )
        if not folder.is_dir():
            raise RequestRejected(f"{folder} is not a folder")
        if target.is_dir():
            raise RequestRejected(f"{target} is a folder", remedy="Name a file in it.")
    except OSError as error:
        raise rejected(error, target) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RequestRejected(
            f"{folder} may not be written", code=ErrorCode.PERMISSION, remedy="Choose a folder of your own."
        )


def check_room(target: Path, needed_bytes: int) -> None:
    """Refuse what will not fit. Raises RequestRejected (DISK_FULL)."""
    free = shutil.disk_usage(target.parent).free
    if needed_bytes > free:
        raise RequestRejected(
            f"the file needs about {needed_bytes} bytes and {target.parent} has {free}",
            code=ErrorCode.DISK_FULL,
            remedy="Free space there, choose another folder, or export a range.",
        )


@contextlib.contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """A name beside `target` to write to; removed at the end whatever happens, unless `publish` moved it."""
    remove_orphans(target)
    part = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}{_MARK}")
    try:
        yield part
    except OSError as error:
        raise rejected(error, target) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def publish(part: Path, target: Path) -> None:
    """Make the finished `part` durable and give it its name. Raises OSError."""
    _sync(part)
    part.replace(target)
    _sync(target.parent)


def remove_orphans(target: Path) -> None:
    """Remove what exports of this target left behind when their process was killed."""
    pattern = re.compile(re.escape(f".{target.name}.") + r"(\d+)\.[0-9a-f]+" + re.escape(_MARK))
    with contextlib.suppress(OSError):
        for found in target.parent.iterdir():
            match = pattern.fullmatch(found.name)
            if match and not _alive(int(match[1])):
                found.unlink(missing_ok=True)


def rejected(error: OSError, target: Path) -> RequestRejected:
    """What a failure of the operating system means to whoever asked for the file."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return RequestRejected(
            f"no room left for {target}", code=ErrorCode.DISK_FULL, remedy="Free space or choose another folder."
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return RequestRejected(
            f"{target} may not be written: {error.strerror}",
            code=ErrorCode.PERMISSION,
            remedy="Choose a folder of your own.",
        )
    if error.errno in {errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR}:
        return RequestRejected(f"{target} cannot be a file: {error.strerror}")
    return RequestRejected(f"writing {target} failed: {error}", code=ErrorCode.DISK_FAILED)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
