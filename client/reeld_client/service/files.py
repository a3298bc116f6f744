"""Files of the service manager: replaced whole or not at all, removed with the folders they leave empty."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reeld_proto.errors import ErrorCode, RequestRejected


def replace_if_other(path: Path, content: bytes) -> bool:
    """Write `content` to `path` unless it is there already; whether it was written. Folders are made as needed.

    A link is replaced, not followed. Raises RequestRejected (PERMISSION).
    """
    try:
        if not path.is_symlink() and path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RequestRejected(
            f"cannot write {path}: {error.strerror}",
            code=ErrorCode.PERMISSION,
            remedy="Make the folder yours, or run this as the user who owns it.",
        ) from error
    return True


def remove_all(paths: Iterable[Path]) -> list[str]:
    """Remove those that are there, in this order; the removed ones. Raises RequestRejected (PERMISSION)."""
    removed = []
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.is_symlink() or path.exists():
                path.unlink()
            else:
                continue
        except OSError as error:
            raise RequestRejected(f"cannot remove {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
        removed.append(str(path))
    return removed


def remove_if_empty(folders: Iterable[Path]) -> None:
    """Remove the folders that nobody else uses."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
