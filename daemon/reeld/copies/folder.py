"""Objects as files of a folder. Each is written beside its place, synced, and put there in one step."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from reeld.export.target import rejected
from reeld_proto.errors import RequestRejected

_PART = ".part-"


class FolderTarget:
    """Implements `reeld.copies.targets.Target` below `root`, which is created."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with self._translated():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Store an object; durable when this returns."""
        path = self._path(name)
        part = path.with_name(f"{_PART}{secrets.token_hex(6)}")
        with self._translated():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
                _sync_folder(path.parent)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def get(self, name: str) -> bytes | None:
        """The object, or None."""
        with self._translated(), contextlib.suppress(FileNotFoundError):
            return self._path(name).read_bytes()
        return None

    def list(self, prefix: str) -> Iterator[str]:
        """Names below a folder; what a killed copy left half written is removed on the way."""
        with self._translated():
            for path in sorted(self._path(prefix).rglob("*")):
                if path.name.startswith(_PART):
                    path.unlink(missing_ok=True)
                elif path.is_file():
                    yield path.relative_to(self.root).as_posix()

    def delete(self, name: str) -> None:
        """Remove an object."""
        with self._translated():
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\0" in name or not parts.parts:
            raise RequestRejected(f"{name!r} is no name of an object")
        return self.root.joinpath(*parts.parts)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise rejected(error, self.root) from error


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
