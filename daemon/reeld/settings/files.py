"""The config file on disk: read whole, written whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from reeld_proto.errors import ErrorCode, RequestRejected


def read(path: Path) -> str | None:
    """The file's text with its own line ends, None if it is not there. Raises RequestRejected if it cannot be read."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RequestRejected(f"cannot read {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    except UnicodeDecodeError as error:
        raise RequestRejected(f"{path} is not UTF-8 text") from error


def write(path: Path, text: str) -> None:
    """Replace the file, durably, so that a reader sees the old one or the new one. Makes its folder.

    A symbolic link stays one. The mode of a file that is replaced stays; a new one is its owner's alone, for it may
    name windows and rules. Raises RequestRejected.
    """
    target = path.resolve()
    draft = None
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        fd, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        Path(draft).replace(target)
    except OSError as error:
        raise RequestRejected(f"cannot write {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    finally:
        if draft is not None:
            with contextlib.suppress(OSError):
                Path(draft).unlink()
