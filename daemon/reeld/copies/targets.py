"""Where objects of a copy are kept: the interface, and which implementation a target's name asks for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from reeld.copies.places import check_folder
from reeld_proto.errors import RequestRejected

OBJECT_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "memory"})
"""Kept by the library obstore; `file://` is kept here."""


class Target(Protocol):
    """Named objects. A name is a relative path of ASCII letters, digits and `-_.%/`. Used by one thread.

    Every method raises RequestRejected (PERMISSION, DISK_FULL, DISK_FAILED, NOT_FOUND) or TransportError.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store an object, replacing one of that name in one step; durable when this returns."""
        ...

    def get(self, name: str) -> bytes | None:
        """The object, or None if there is none."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Names of all objects below the folder `prefix`, in any order."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; a missing one is no error."""
        ...


def is_object_target(target: str) -> bool:
    """Whether the target's name is a URL; otherwise it is a folder."""
    return "://" in target


def open_target(url: str, store_dir: Path) -> Target:
    """The objects at a URL. Raises RequestRejected for one that cannot be used, or that lies in the store."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        from reeld.copies.folder import FolderTarget  # noqa: PLC0415 - each target loads what it alone needs

        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise RequestRejected(f"{url} does not name an absolute path", remedy="For instance file:///mnt/backup.")
        folder = Path(unquote(parts.path))
        check_folder(folder, store_dir)
        return FolderTarget(folder)
    if parts.scheme not in OBJECT_SCHEMES:
        raise RequestRejected(
            f"cannot copy to {parts.scheme}://", remedy="Name a folder, or a URL with s3://, gs://, az:// or file://."
        )
    from reeld.copies.objects import ObjectTarget  # noqa: PLC0415 - 40 ms, and an optional package

    return ObjectTarget(url)
